// /.well-known/core (RFC 6690): the links of every resource that exists now; and lists of what is below a resource.

import { type CoapLink, encodeLinks, filterLinks, LINK_FORMAT } from "../../coap/message/link-format.ts";
import type { AnyResource } from "../../resources/define.ts";
import type { Router } from "../../resources/router.ts";
import { FORMAT } from "./content-formats.ts";
import { formatsOf } from "./representations.ts";

const OWN: CoapLink = { path: [".well-known", "core"], attributes: { ct: String(LINK_FORMAT) } };

/** The links that match `query`, encoded. */
export function wellKnownCore<M>(router: Router<M>, query: readonly string[]): Uint8Array {
  return encoded([OWN, ...linksOf(router)], query);
}

/** The links as they are asked for. Anybody may ask, so they are not made anew while the same resources exist. */
export class Discovery<M, R> {
  readonly #router: Router<M>;
  readonly #represent: (links: Uint8Array) => R;
  #instances = "";
  #links: readonly CoapLink[] = [];
  #whole: R | undefined;

  /** `represent` makes of encoded links what is handed out. */
  constructor(router: Router<M>, represent: (links: Uint8Array) => R) {
    this.#router = router;
    this.#represent = represent;
  }

  /** The links that match `query`, those of `others` among them. */
  matching(query: readonly string[], others: readonly CoapLink[] = []): R {
    const paths = [...others, ...this.#router.instances()].map(({ path }) => path.join("/"));
    const instances = paths.join("\n");
    if (instances !== this.#instances) {
      this.#instances = instances;
      this.#links = [OWN, ...others, ...linksOf(this.#router)];
      this.#whole = undefined;
    }
    if (query.length > 0) return this.#represent(encoded(this.#links, query));
    this.#whole ??= this.#represent(encoded(this.#links, []));
    return this.#whole;
  }
}

/** The links of what is below `path`, encoded: the linked list of draft-ietf-core-interfaces-14 section 4.1. */
export function linksBelow<M>(router: Router<M>, path: readonly string[]): Uint8Array {
  const isBelow = (link: CoapLink): boolean =>
    link.path.length > path.length && path.every((segment, index) => link.path[index] === segment);
  return encoded(linksOf(router).filter(isBelow), []);
}

/** All content formats of a resource, the one for clients that ask for none first. */
export function contentFormatsOf<M>(router: Router<M>, resource: AnyResource): readonly number[] {
  const own = ownFormats(resource);
  const formats = [...own, ...formatsOf(resource).map(({ number }) => number)];
  return router.isContainer(resource) && resource.get !== undefined ? [...formats, LINK_FORMAT] : formats;
}

// What is JSON on the disk can be had deflated.
function ownFormats({ contentFormat }: AnyResource): readonly number[] {
  if (contentFormat === undefined) return [];
  return contentFormat === FORMAT.json ? [FORMAT.json, FORMAT.deflatedJson] : [contentFormat];
}

function encoded(links: readonly CoapLink[], query: readonly string[]): Uint8Array {
  return Buffer.from(encodeLinks(filterLinks(links, query)), "utf8");
}

function linksOf<M>(router: Router<M>): readonly CoapLink[] {
  return Array.from(router.instances(), ({ path, resource }) => ({
    path,
    attributes: attributesOf(router, resource),
  }));
}

// RFC 6690 has no attribute for a unit: it is in the title, where people see it, and in one of our own.
function attributesOf<M>(router: Router<M>, resource: AnyResource): CoapLink["attributes"] {
  const { summary, unit, path, type, typicalBytes, watch } = resource;
  return {
    title: unit === undefined ? summary : `${summary} [${unit}]`,
    rt: resourceType(path),
    if: router.isContainer(resource) && type !== "core.ll" ? `${type} core.ll` : type,
    ct: contentFormatsOf(router, resource).join(" "),
    ...(unit === undefined ? {} : { unit }),
    ...(typicalBytes === undefined ? {} : { sz: String(typicalBytes) }),
    ...(watch === undefined ? {} : { obs: true }),
  };
}

/** `vscope.` and the fixed segments of the path: `/spectrometers/{serial}/state` is `vscope.spectrometers.state`. */
function resourceType(path: string): string {
  const fixed = path.split("/").filter((segment) => segment !== "" && !segment.startsWith("{"));
  return ["vscope", ...fixed].join(".");
}
