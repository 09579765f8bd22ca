// The file of all keys, as `vscope key` changes it: one JSON object a line.

import { VscopeError } from "../base/errors.ts";
import { NAME } from "../config/access.ts";
import { isRevoked, type Key, type KeyEntry, newKey, parseKeys, printKeys, revoked } from "./key.ts";
import { changePrivate, type Owner, readPrivate } from "./private-file.ts";

/** All keys, revoked ones too; none when there is no file. Throws CONFIG_INVALID. */
export function readKeyFile(path: string): readonly KeyEntry[] {
  return parseKeys(readPrivate(path) ?? "", path);
}

export interface NewKey {
  readonly name: string;
  readonly role: Key["role"];
  readonly utcUs: number;
  /** Whose the file becomes when there was none; absent: whose this process is. */
  readonly fileOwner?: Owner | undefined;
}

/**
 * Adds a key and makes the file when there is none. Throws VALUE_INVALID for a bad name, STATE_CONFLICT for one that a
 * key has or had, CONFIG_INVALID when the file cannot be read or written.
 */
export async function addKey(path: string, { name, role, utcUs, fileOwner }: NewKey): Promise<Key> {
  if (!NAME.test(name))
    throw new VscopeError("VALUE_INVALID", `key ${name}: a name is 1 to 64 letters, digits, or . _ - @`);
  let key = newKey(name, role, utcUs);
  const add = (text: string | undefined): string => {
    const entries = parseKeys(text ?? "", path);
    const same = entries.find((one) => one.name === name);
    if (same !== undefined) throw nameTaken(same);
    while (entries.some(({ id }) => id === key.id)) key = newKey(name, role, utcUs);
    return printKeys([...entries, key]);
  };
  await changePrivate(path, add, fileOwner);
  return key;
}

/** Takes the secret out of the file; the name stays, so that nobody else gets it. Throws RESOURCE_NOT_FOUND, STATE_CONFLICT. */
export async function revokeKey(path: string, name: string, utcUs: number): Promise<void> {
  await changePrivate(path, (text) => {
    const entries = parseKeys(text ?? "", path);
    const key = entries.find((one) => one.name === name);
    if (key === undefined) throw new VscopeError("RESOURCE_NOT_FOUND", `key ${name}: not in ${path}`);
    if (isRevoked(key))
      throw new VscopeError("STATE_CONFLICT", `key ${name}: was revoked ${key.revoked.slice(0, 10)}`);
    return printKeys(entries.map((one) => (one === key ? revoked(key, utcUs) : one)));
  });
}

function nameTaken(entry: KeyEntry): VscopeError {
  const fact = isRevoked(entry) ? `was revoked ${entry.revoked.slice(0, 10)}` : "is there already";
  return new VscopeError("STATE_CONFLICT", `key ${entry.name}: ${fact}, take another name`);
}
