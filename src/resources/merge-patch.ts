// JSON Merge Patch, RFC 7396.

import { VscopeError } from "../base/errors.ts";

export type Members = Readonly<Record<string, unknown>>;

export function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** No value of a resource nests deeper by far. */
const DEEPEST = 32;

/**
 * The target with the patch's members in place of its own; null removes one. Both stay as they are. Throws VALUE_INVALID
 * for a patch that nests too deep to be followed.
 */
export function mergePatch(target: unknown, patch: unknown, depth = 0): unknown {
  if (!isMembers(patch)) return patch;
  if (depth > DEEPEST)
    throw new VscopeError("VALUE_INVALID", `merge patch: nests deeper than ${DEEPEST} objects`);
  const merged = new Map(Object.entries(isMembers(target) ? target : {}));
  for (const [name, change] of Object.entries(patch)) {
    if (change === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), change, depth + 1));
  }
  return Object.fromEntries(merged);
}
