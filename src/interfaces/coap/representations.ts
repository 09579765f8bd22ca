// The formats of each resource: those its declaration names, or those that its values have by their schema.

import { VscopeError } from "../../base/errors.ts";
import type { AnyResource } from "../../resources/define.ts";
import { printPath } from "../../resources/router.ts";
import { formatName } from "./content-formats.ts";
import { CBOR_FORMAT } from "./formats/cbor.ts";
import type { Format } from "./formats/format.ts";
import { JSON_FORMAT } from "./formats/json.ts";
import { MULTIPART } from "./formats/multipart.ts";
import { OCTETS } from "./formats/octets.ts";
import { SENML_CBOR, SENML_JSON } from "./formats/senml.ts";

/** The first is the one for clients that ask for none. */
const FORMATS: readonly Format[] = [JSON_FORMAT, CBOR_FORMAT, OCTETS, MULTIPART, SENML_JSON, SENML_CBOR];

const known = new WeakMap<AnyResource, readonly Format[]>();

/** The formats of a resource that has values; none for one that is bytes. */
export function formatsOf(resource: AnyResource): readonly Format[] {
  const before = known.get(resource);
  if (before !== undefined) return before;
  const fitting =
    resource.contentFormat === undefined ? FORMATS.filter((format) => format.fits(resource)) : [];
  known.set(resource, fitting);
  return fitting;
}

/** The format that is accepted, JSON when any is; undefined when there is none. */
export function formatFor(resource: AnyResource, accept: number | undefined): Format | undefined {
  return accept === undefined ? JSON_FORMAT : formatsOf(resource).find(({ number }) => number === accept);
}

/** What a client has asked for is not among the `available`. */
export function notAcceptable(
  accept: number,
  path: readonly string[],
  available: readonly number[],
): VscopeError {
  const names = available.map(formatName).join(", ");
  const fact = `Accept ${accept}: ${printPath(path)} is available as ${names}`;
  return new VscopeError("FORMAT_NOT_ACCEPTABLE", fact);
}

/** Throws FORMAT_NOT_ACCEPTABLE unless nothing is asked for, or one of the `available`. */
export function requireAcceptable(
  accept: number | undefined,
  path: readonly string[],
  available: readonly number[],
): void {
  if (accept !== undefined && !available.includes(accept)) throw notAcceptable(accept, path, available);
}
