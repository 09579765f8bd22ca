// Paths of resources as people write them: "/datadir/runs?limit=5", or ready-made segments for names with odd characters.

import { VscopeError } from "../base/errors.ts";

/** A URI path with optional query ("/shutters/upwelling"; `%` escapes as in any URI), or the segments themselves. */
export type ResourcePath = string | readonly string[];

export interface RequestTarget {
  readonly path: readonly string[];
  readonly query: readonly string[];
}

/** Splits a path into the segments and queries of a request. Throws VALUE_INVALID for broken `%` escapes. */
export function targetOf(path: ResourcePath): RequestTarget {
  if (typeof path !== "string") return { path, query: [] };
  const [route = "", ...rest] = path.split("?");
  const query = rest.join("?");
  return {
    path: route
      .split("/")
      .filter((segment) => segment !== "")
      .map((segment) => decode(segment, path)),
    query: query === "" ? [] : query.split("&").map((part) => decode(part, path)),
  };
}

/** A path as text, for messages. */
export function pathText(path: ResourcePath): string {
  return typeof path === "string" ? path : `/${path.map(encodeURIComponent).join("/")}`;
}

function decode(part: string, path: string): string {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    throw new VscopeError("VALUE_INVALID", `path "${path}": "${part}" has a broken % escape`, {
      cause: error,
    });
  }
}
