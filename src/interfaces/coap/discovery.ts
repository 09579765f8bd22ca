// /.well-known/core (RFC 6690): the links of every resource that exists now.

import { type CoapLink, encodeLinks, filterLinks, LINK_FORMAT } from "../../coap/link-format.ts";
import type { Resource } from "../../resources/define.ts";
import type { Router } from "../../resources/router.ts";
import { FORMAT } from "./formats.ts";

/** The links that match `query`, encoded. */
export function wellKnownCore<M>(router: Router<M>, query: readonly string[]): Uint8Array {
  const links: CoapLink[] = [{ path: [".well-known", "core"], attributes: { ct: String(LINK_FORMAT) } }];
  for (const { path, resource } of router.instances())
    links.push({ path, attributes: attributesOf(resource) });
  return Buffer.from(encodeLinks(filterLinks(links, query)), "utf8");
}

function attributesOf<M>(resource: Resource<M>): CoapLink["attributes"] {
  return {
    title: resource.unit === undefined ? resource.summary : `${resource.summary} [${resource.unit}]`,
    rt: resourceType(resource.path),
    if: resource.type,
    ct:
      resource.contentFormat === undefined ? `${FORMAT.json} ${FORMAT.cbor}` : String(resource.contentFormat),
    ...(resource.typicalBytes === undefined ? {} : { sz: String(resource.typicalBytes) }),
    ...(resource.watch === undefined ? {} : { obs: true }),
  };
}

/** `vscope.` and the fixed segments of the path: `/spectrometers/{serial}/state` is `vscope.spectrometers.state`. */
function resourceType(path: string): string {
  const fixed = path.split("/").filter((segment) => segment !== "" && !segment.startsWith("{"));
  return ["vscope", ...fixed].join(".");
}
