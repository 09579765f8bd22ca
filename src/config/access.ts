// Who may do what, as a configuration says it: roles, and the networks and names that are given one.

import { isIP } from "node:net";
import type { z } from "zod";
import { list } from "./fields.ts";

/** From the least to the most; each includes those before it. */
export const ROLES = ["none", "read", "operate", "admin"] as const;

export type Role = (typeof ROLES)[number];

/** The addresses whose first `prefix` bits are those of `address` have a role. */
export interface NetworkRole {
  readonly address: string;
  readonly prefix: number;
  readonly role: Role;
}

/** Whoever has proven this name has a role. */
export interface NamedRole {
  readonly name: string;
  readonly role: Role;
}

/** Names of keys and certificates: they appear in file names, logs and on command lines. */
export const NAME = /^[A-Za-z0-9][\w.@-]{0,63}$/;

/** `192.0.2.0/24 operate, 192.0.2.7 admin, 2001:db8::/32 read`, each network once. */
export function networkRoles(): z.ZodType<readonly NetworkRole[]> {
  const expectation = "a list of different networks with roles such as 192.0.2.0/24 operate, 192.0.2.7 admin";
  return list(expectation, networkRoleOf, ({ address, prefix }) => `${address}/${prefix}`);
}

/** `field-laptop operate, office admin`, each name once. */
export function namedRoles(): z.ZodType<readonly NamedRole[]> {
  const expectation = "a list of different names with roles such as field-laptop operate, office admin";
  return list(expectation, namedRoleOf, ({ name }) => name);
}

/** The address and prefix of `192.0.2.0/24`; a single address is a network of one. Undefined for anything else. */
export function networkOf(text: string): Omit<NetworkRole, "role"> | undefined {
  const [, address, bits] = /^([\da-f.:]+)(?:\/(\d{1,3}))?$/i.exec(text) ?? [];
  const family = isIP(address ?? "");
  if (address === undefined || family === 0) return undefined;
  const most = family === 4 ? 32 : 128;
  const prefix = bits === undefined ? most : Number(bits);
  return prefix <= most ? { address, prefix } : undefined;
}

function networkRoleOf(item: string): NetworkRole | undefined {
  const [network = "", word = "", ...more] = item.split(/\s+/);
  const found = networkOf(network);
  const role = roleNamed(word);
  return found === undefined || role === undefined || more.length > 0 ? undefined : { ...found, role };
}

function namedRoleOf(item: string): NamedRole | undefined {
  const [name = "", word = "", ...more] = item.split(/\s+/);
  const role = roleNamed(word);
  return NAME.test(name) && role !== undefined && more.length === 0 ? { name, role } : undefined;
}

function roleNamed(word: string): Role | undefined {
  return ROLES.find((role) => role === word.toLowerCase());
}
