// If-Match and If-None-Match (RFC 7252 section 5.10.8): two operators must not overwrite each other's settings unseen.

import { isVscopeError, VscopeError } from "../../base/errors.ts";
import type { CoapRequest } from "../../coap/server.ts";
import { type Match, printPath, type Router } from "../../resources/router.ts";
import { tagsOf } from "./represent.ts";

export function isConditional({ ifMatch, ifNoneMatch }: CoapRequest): boolean {
  return ifNoneMatch || ifMatch.length > 0;
}

/** Throws PRECONDITION_FAILED unless the request's conditions hold now. */
export async function checkPreconditions<M>(
  router: Router<M>,
  match: Match<M>,
  request: CoapRequest,
): Promise<void> {
  if (!isConditional(request)) return;
  const { path, ifMatch, ifNoneMatch } = request;
  const subject = { resource: match.resource, path };
  const present = await presentValue(router, match, request);
  if (ifNoneMatch && present !== undefined) throw failed(path, "exists already");
  if (ifMatch.length === 0) return;
  if (present === undefined) throw failed(path, "does not exist");
  if (ifMatch.some((wanted) => wanted.length === 0)) return;
  const held = (tag: Uint8Array): boolean => ifMatch.some((wanted) => Buffer.compare(wanted, tag) === 0);
  if (!("value" in present)) throw failed(path, "has no representation to compare with");
  for (const tag of tagsOf(present.value, subject)) if (held(tag)) return;
  throw failed(path, "has changed since it was read");
}

/** Undefined when there is nothing; without a value where it cannot be read. */
async function presentValue<M>(
  router: Router<M>,
  match: Match<M>,
  { signal }: CoapRequest,
): Promise<{ readonly value?: unknown } | undefined> {
  if (match.resource.get === undefined) return {};
  try {
    return { value: await router.get(match, {}, signal) };
  } catch (error) {
    if (isVscopeError(error, "RESOURCE_NOT_FOUND")) return undefined;
    throw error;
  }
}

function failed(path: readonly string[], fact: string): VscopeError {
  return new VscopeError("PRECONDITION_FAILED", `${printPath(path)}: ${fact}`);
}
