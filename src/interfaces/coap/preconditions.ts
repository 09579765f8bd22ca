// If-Match and If-None-Match (RFC 7252 section 5.10.8): two operators must not overwrite each other's settings unseen.

import { isVscopeError, VscopeError } from "../../base/errors.ts";
import type { CoapRequest } from "../../coap/server.ts";
import { type Match, printPath, type Router } from "../../resources/router.ts";
import type { Subject } from "./formats/format.ts";
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
  if (request.method === "DELETE" && match.resource.deleteMatches === true) return;
  const present = await presentValue(router, match, request);
  if (present !== undefined)
    requireMatch(request, tagsIn(present, { resource: match.resource, path: request.path }));
  else if (request.ifMatch.length > 0) throw failed(request, "does not exist");
}

/** As `checkPreconditions`, for what exists and has these tags. */
export function requireMatch(request: CoapRequest, tags: Iterable<Uint8Array>): void {
  const { ifMatch, ifNoneMatch } = request;
  if (ifNoneMatch) throw failed(request, "exists already");
  if (ifMatch.length === 0 || ifMatch.some((wanted) => wanted.length === 0)) return;
  for (const tag of tags) if (ifMatch.some((wanted) => Buffer.compare(wanted, tag) === 0)) return;
  throw failed(request, "has changed since it was read");
}

// An action has none: nobody can have read it.
function tagsIn(present: { readonly value?: unknown }, subject: Subject): Iterable<Uint8Array> {
  return "value" in present ? tagsOf(present.value, subject) : [];
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

function failed({ path }: CoapRequest, fact: string): VscopeError {
  return new VscopeError("PRECONDITION_FAILED", `${printPath(path)}: ${fact}`);
}
