// The trees behind the one CoAP port: the native one, and piccolo3's beside it unless that is switched off. Who may do what
// and the audit log are the same for both.

import type { Clock } from "../base/clock.ts";
import { asVscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { isSafe } from "../coap/message/codes.ts";
import type { CoapHandler, CoapRequest, CoapServerOptions } from "../coap/server.ts";
import { accessCheck, admission, audited, type AccessCheck } from "../interfaces/coap/guard.ts";
import { coapHandler } from "../interfaces/coap/handler.ts";
import { problemResponse } from "../interfaces/coap/problem.ts";
import type { LegacyTree } from "../interfaces/legacy/tree.ts";
import type { ServerModel } from "../resources/model.ts";
import type { Router } from "../resources/router.ts";
import type { Security } from "../security/security.ts";

export interface TreesParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly router: Router<ServerModel>;
  readonly security: Security;
  /** piccolo3's; absent when it is switched off. */
  readonly legacy: LegacyTree | undefined;
}

/** What a CoAP server asks of its trees. */
export function servedTrees(
  parts: TreesParts,
): Required<Pick<CoapServerOptions, "handler" | "admit" | "isCommand">> {
  const { clock, log, router, legacy } = parts;
  const { policy, audit } = parts.security;
  const native = accessCheck(router, policy);
  const isLegacy = (request: CoapRequest): boolean => legacy?.serves(request) === true;
  const check: AccessCheck = (request) =>
    isLegacy(request) ? legacy?.check(request, policy) : native(request);
  const isCommand = (request: CoapRequest): boolean =>
    legacy !== undefined && isLegacy(request) ? legacy.isCommand(request) : !isSafe(request.method);
  // A group is not asked for all that there is twice.
  const otherLinks = (request: CoapRequest) =>
    legacy === undefined || request.isMulticast ? [] : legacy.links(policy.allows(request, "read"));
  const tree = coapHandler(router, { clock, log, check, otherLinks });
  const handler = legacy === undefined ? tree : either(tree, legacy, check);
  const auditing = { policy, audit, clock, isCommand };
  return { handler: audited(handler, auditing), admit: admission(check, auditing), isCommand };
}

function either(tree: CoapHandler, legacy: LegacyTree, check: AccessCheck): CoapHandler {
  return (request) => {
    if (!legacy.serves(request)) return tree(request);
    try {
      check(request);
    } catch (thrown) {
      const error = asVscopeError(thrown);
      return problemResponse(error, error.message, request);
    }
    return legacy.answer(request);
  };
}
