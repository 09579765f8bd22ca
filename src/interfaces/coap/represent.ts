// A value of the tree as the payload of an answer, with its tag.

import { VscopeError } from "../../base/errors.ts";
import type { MaybePromise } from "../../base/maybe-promise.ts";
import type { CoapResponse } from "../../coap/server.ts";
import { LINK_FORMAT } from "../../coap/message/link-format.ts";
import type { Content, ContentByPosition } from "../../resources/define.ts";
import type { Router } from "../../resources/router.ts";
import { FORMAT } from "./content-formats.ts";
import { contentFormatsOf, linksBelow } from "./discovery.ts";
import { tagOf } from "./etag.ts";
import { CBOR_FORMAT } from "./formats/cbor.ts";
import { deflated, deflatedTag } from "./formats/deflate.ts";
import type { Format, Subject } from "./formats/format.ts";
import { JSON_FORMAT } from "./formats/json.ts";
import { formatFor, formatsOf, notAcceptable, requireAcceptable } from "./representations.ts";

/** The members of an answer that carry a representation. */
export type Representation = Pick<CoapResponse, "payload" | "body" | "contentFormat"> & {
  readonly etag: Uint8Array;
};

/** How to represent the values of a resource; made before the value is read, so that nothing is read in vain. */
export type Represent = (value: unknown, subject: Subject) => MaybePromise<Representation>;

/** Throws FORMAT_NOT_ACCEPTABLE with the formats that there are. */
export function representation<M>(
  router: Router<M>,
  { resource, path }: Subject,
  accept: number | undefined,
): Represent {
  if (resource.contentFormat !== undefined) {
    requireAcceptable(accept, path, contentFormatsOf(router, resource));
    return accept === FORMAT.deflatedJson ? deflatedContent : contentAs(resource.contentFormat);
  }
  if (accept === LINK_FORMAT && router.isContainer(resource))
    return () => represented(linksBelow(router, path), LINK_FORMAT);
  const format = formatFor(resource, accept);
  if (format === undefined)
    throw notAcceptable(accept ?? FORMAT.json, path, contentFormatsOf(router, resource));
  if (resource.watch !== undefined && SAME_EVERYWHERE.has(format))
    return (value, subject) => remembered(format, value, subject);
  return (value, subject) => encoded(format, value, subject);
}

/** Formats in which a value looks the same wherever it is found. */
const SAME_EVERYWHERE = new Map<Format, WeakMap<object, Representation>>([
  [JSON_FORMAT, new WeakMap()],
  [CBOR_FORMAT, new WeakMap()],
]);

// A cell holds the same object until its value changes: neither its text nor its tag are made twice.
function remembered(format: Format, value: unknown, subject: Subject): Representation {
  if (typeof value !== "object" || value === null) return encoded(format, value, subject);
  const known = SAME_EVERYWHERE.get(format);
  const before = known?.get(value);
  if (before !== undefined) return before;
  const made = encoded(format, value, subject);
  known?.set(value, made);
  return made;
}

function encoded(format: Format, value: unknown, subject: Subject): Representation {
  return represented(format.encode(value, subject), format.number);
}

/** The tags of a value in all formats, the likeliest first: one of them is what a client holds. */
export function* tagsOf(value: unknown, subject: Subject): Generator<Uint8Array> {
  if (isContent(value)) yield tagOf(value.bytes);
  else if (isByPosition(value)) yield* [value.tag, deflatedTag(value.tag)];
  else for (const format of formatsOf(subject.resource)) yield tagOf(format.encode(value, subject));
}

export function represented(payload: Uint8Array, contentFormat: number): Representation {
  return { payload, contentFormat, etag: tagOf(payload) };
}

function contentAs(contentFormat: number): Represent {
  return (value, { resource }) => {
    if (isContent(value)) return represented(value.bytes, contentFormat);
    if (isByPosition(value))
      return { body: value, contentFormat: value.contentFormat ?? contentFormat, etag: value.tag };
    throw new VscopeError("INTERNAL", `${resource.path}: gave no bytes`);
  };
}

function deflatedContent(value: unknown, { path }: Subject): MaybePromise<Representation> {
  if (isByPosition(value) && value.contentFormat === undefined) return deflated(value, path);
  const format = isByPosition(value) ? value.contentFormat : FORMAT.json;
  throw notAcceptable(FORMAT.deflatedJson, path, [format ?? FORMAT.json]);
}

function isContent(value: unknown): value is Content {
  return typeof value === "object" && value !== null && "bytes" in value && value.bytes instanceof Uint8Array;
}

function isByPosition(value: unknown): value is ContentByPosition {
  return typeof value === "object" && value !== null && "tag" in value && "read" in value;
}
