// Which methods a resource has, by its declaration.

import type { Method } from "./access.ts";
import type { AnyResource } from "./define.ts";
import { jsonSchemaOf } from "./json-schema.ts";

/** In the order GET, PUT, POST, DELETE, FETCH, iPATCH. Whoever has iPATCH has PATCH, too. */
export function methodsOf(resource: AnyResource): readonly Method[] {
  const { get, put, post, delete: remove } = resource;
  const declared = [get && "GET", put && "PUT", post && "POST", remove && "DELETE"] as const;
  const derived = [isFetchable(resource) && "FETCH", isPatchable(resource) && "iPATCH"] as const;
  return [...declared, ...derived].filter((name) => typeof name === "string");
}

/** A part of it can be asked for: it selects, or a query says which part. */
export function isFetchable({ get, select, query }: AnyResource): boolean {
  return get !== undefined && (select !== undefined || query !== undefined);
}

/** A setting of several members. */
export function isPatchable({ get, put, value, contentFormat }: AnyResource): boolean {
  if (get === undefined || put === undefined || value === undefined || contentFormat !== undefined)
    return false;
  return jsonSchemaOf(value).properties !== undefined;
}
