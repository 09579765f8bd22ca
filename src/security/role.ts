// Roles compared: each includes those before it.

import { type Role, ROLES } from "../config/access.ts";

/** True when whoever has `role` may do what needs `need`. */
export function includes(role: Role, need: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(need);
}

export function higherOf(a: Role, b: Role): Role {
  return includes(a, b) ? a : b;
}
