// Who may do what, as a configuration says it: roles, and the networks and names that are given one.

import { isIP } from "node:net";
import { z } from "zod";

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
  const expectation = "networks with roles such as 192.0.2.0/24 operate, 192.0.2.7 admin";
  return entries(expectation, networkRoleOf, ({ address, prefix }) => `${address}/${prefix}`);
}

/** `field-laptop operate, office admin`, each name once. */
export function namedRoles(): z.ZodType<readonly NamedRole[]> {
  const expectation = "names with roles such as field-laptop operate, office admin";
  return entries(expectation, namedRoleOf, ({ name }) => name);
}

// Every entry that is wrong is told, with what is wrong about it: `read` gives that as text. The first word of an entry says
// whose it is, `idOf` whether that is somebody else than before.
function entries<T extends object>(
  expectation: string,
  read: (entry: string) => T | string,
  idOf: (value: T) => string,
): z.ZodType<readonly T[]> {
  return z.unknown().transform((given, context) => {
    const items: readonly unknown[] = Array.isArray(given) ? given : [given];
    const known = new Set<string>();
    const values: T[] = [];
    const faults: string[] = [];
    for (const item of items) {
      const text = typeof item === "string" ? item.trim() : "";
      const value = text === "" ? `a list of ${expectation} is expected` : read(text);
      if (typeof value === "string") faults.push(value);
      else if (known.has(idOf(value))) faults.push(`${text.split(/\s+/)[0]} is given twice`);
      else {
        known.add(idOf(value));
        values.push(value);
      }
    }
    if (faults.length === 0) return values;
    context.addIssue({ code: "custom", message: faults.join("; ") });
    return z.NEVER;
  });
}

/** An address or a network in its two parts; a single address is a network of one. A text says what is wrong. */
function networkOf(text: string): Omit<NetworkRole, "role"> | string {
  const [address = "", bits, ...more] = text.split("/");
  const family = /^[\da-f.:]+$/i.test(address) ? isIP(address) : 0;
  if (family === 0 || more.length > 0) return `${text}: no address`;
  const most = family === 4 ? 32 : 128;
  const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
  return prefix <= most ? { address, prefix } : `${text}: a prefix is 0..${most}`;
}

function networkRoleOf(entry: string): NetworkRole | string {
  const [network = ""] = entry.split(/\s+/);
  const found = networkOf(network);
  if (typeof found === "string") return found;
  const role = roleIn(entry);
  return role === undefined ? wrongRole(entry) : { ...found, role };
}

function namedRoleOf(entry: string): NamedRole | string {
  const [name = ""] = entry.split(/\s+/);
  if (!NAME.test(name)) return `${name}: a name is 1 to 64 letters, digits, or . _ - @`;
  const role = roleIn(entry);
  return role === undefined ? wrongRole(entry) : { name, role };
}

/** The role that is the second and last word. */
function roleIn(entry: string): Role | undefined {
  const [, word = "", ...more] = entry.split(/\s+/);
  return more.length > 0 ? undefined : ROLES.find((role) => role === word.toLowerCase());
}

function wrongRole(entry: string): string {
  const [subject, word, ...more] = entry.split(/\s+/);
  if (more.length > 0) return `${entry}: more than one role, a comma is between entries`;
  const choices = ROLES.join(", ");
  return word === undefined
    ? `${subject}: the role is missing, one of ${choices}`
    : `${entry}: role is one of ${choices}`;
}
