// A key: who holds its secret is known by its name and has its role. One key serves OSCORE (RFC 8613) and TLS-PSK.
// Secrets are texts of letters and digits, so that every client takes them as they are, on a command line or in a file.

import { randomBytes } from "node:crypto";
import { z } from "zod";
import { isoUtc } from "../base/clock.ts";
import { VscopeError } from "../base/errors.ts";
import { NAME, type Role } from "../config/access.ts";

/** The roles that a key can have. */
export const KEY_ROLES = ["read", "operate", "admin"] as const satisfies readonly Role[];

const head = {
  name: z.string().regex(NAME),
  role: z.enum(KEY_ROLES),
  /** OSCORE sender identifier of the client; at most 7 bytes with AES-CCM-16-64-128 (RFC 8613 section 3.3). */
  id: z.string().regex(/^[a-z2-7]{1,7}$/),
  created: z.string(),
};

const KEY = z.strictObject({
  ...head,
  /** 16 to 32 characters of ASCII: the OSCORE master secret and the TLS pre-shared key. */
  secret: z.string().regex(/^[!-~]{16,32}$/),
  /** OSCORE master salt, 8 bytes in hexadecimal digits. */
  salt: z.string().regex(/^[\da-f]{16}$/),
});

// Names and identifiers are not given to anybody else: the audit log must not take one for the other.
const REVOKED = z.strictObject({ ...head, revoked: z.string() });

export type Key = Readonly<z.infer<typeof KEY>>;
export type RevokedKey = Readonly<z.infer<typeof REVOKED>>;
export type KeyEntry = Key | RevokedKey;

/** OSCORE sender identifier of the server, in every context. */
export const SERVER_ID = "s";

const SECRET_CHARACTERS = 32;
const ID_CHARACTERS = 7;
const SALT_BYTES = 8;

export function isRevoked(entry: KeyEntry): entry is RevokedKey {
  return "revoked" in entry;
}

export function isValid(entry: KeyEntry): entry is Key {
  return !isRevoked(entry);
}

/** A key with a secret of 160 random bits. `utcUs` is the time of its making. */
export function newKey(name: string, role: Key["role"], utcUs: number): Key {
  return {
    name,
    role,
    id: randomText(ID_CHARACTERS),
    created: isoUtc(utcUs),
    secret: randomText(SECRET_CHARACTERS),
    salt: randomBytes(SALT_BYTES).toString("hex"),
  };
}

export function revoked({ name, role, id, created }: Key, utcUs: number): RevokedKey {
  return { name, role, id, created, revoked: isoUtc(utcUs) };
}

/** The keys of a file, one a line. Throws CONFIG_INVALID with file and line; never with what the line says. */
export function parseKeys(text: string, path: string): readonly KeyEntry[] {
  const entries: KeyEntry[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const where = `${path}:${index + 1}`;
    const entry = parseEntry(line, where);
    if (entries.some(({ name, id }) => name === entry.name || id === entry.id))
      throw new VscopeError("CONFIG_INVALID", `${where}: the name or id of a key above`);
    entries.push(entry);
  }
  return entries;
}

export function printKeys(entries: readonly KeyEntry[]): string {
  return entries.map((entry) => `${JSON.stringify(entry)}\n`).join("");
}

function parseEntry(line: string, where: string): KeyEntry {
  const value = parseJson(line);
  const isOld = typeof value === "object" && value !== null && "revoked" in value;
  const { data, error } = (isOld ? REVOKED : KEY).safeParse(value);
  if (data !== undefined) return data;
  const members = error.issues.map(({ path }) => path.join(".")).filter((member) => member !== "");
  const what = members.length === 0 ? "" : `: ${[...new Set(members)].join(", ")}`;
  throw new VscopeError("CONFIG_INVALID", `${where}: not a key${what}`);
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

// RFC 4648 section 6, in small letters: no character that a shell, a URL or a client takes for something else.
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

function randomText(length: number): string {
  return Array.from(randomBytes(length), (byte) => ALPHABET[byte % ALPHABET.length]).join("");
}
