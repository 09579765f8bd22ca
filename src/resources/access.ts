// Which role the methods of a resource need. What a declaration does not say follows from the method.

import type { Role } from "../config/access.ts";

/** The ways to use a resource, as declarations name them. */
export type Use = "get" | "put" | "post" | "delete";

/** The roles that a resource needs where they are not the usual ones. */
export type Access = { readonly [use in Use]?: Role };

export type Method = "GET" | "FETCH" | "PUT" | "PATCH" | "iPATCH" | "POST" | "DELETE";

const USES = {
  GET: "get",
  FETCH: "get",
  PUT: "put",
  PATCH: "put",
  iPATCH: "put",
  POST: "post",
  DELETE: "delete",
} as const satisfies Record<Method, Use>;

const USUAL = { get: "read", put: "operate", post: "operate", delete: "operate" } as const satisfies Access;

/** The role that a method of a resource needs; without a resource, that of any. */
export function needOf(resource: { readonly access?: Access } | undefined, method: Method): Role {
  const use = USES[method];
  return resource?.access?.[use] ?? USUAL[use];
}
