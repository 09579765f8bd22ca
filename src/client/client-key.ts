// The key of a client, as `vscope key new` prints it for a file: proves to a server who asks.

import { readFile, stat } from "node:fs/promises";
import { z } from "zod";
import { messageOf, VscopeError } from "../base/errors.ts";

const CLIENT_KEY = z.object({
  /** TLS-PSK identity. */
  name: z.string().min(1),
  /** OSCORE sender identifier. */
  id: z.string().min(1).max(7),
  /** OSCORE master secret and TLS pre-shared key, as text. */
  secret: z.string().min(16).max(32),
  /** OSCORE master salt in hexadecimal digits. */
  salt: z.string().regex(/^([\da-f]{2})*$/),
});

export type ClientKey = Readonly<z.infer<typeof CLIENT_KEY>>;

const OTHERS = 0o077;

/** The text of a key file. */
export function printClientKey({ name, id, secret, salt }: ClientKey): string {
  return JSON.stringify({ name, id, secret, salt });
}

/** Reads a key file. Throws CONFIG_INVALID when it cannot be read, is no key, or others may read it. */
export async function readClientKey(path: string): Promise<ClientKey> {
  const text = await read(path);
  const { data } = CLIENT_KEY.safeParse(parseJson(text));
  if (data !== undefined) return data;
  throw new VscopeError("CONFIG_INVALID", `${path}: not a key, expected what vscope key new printed`);
}

async function read(path: string): Promise<string> {
  try {
    const { mode } = await stat(path);
    if ((mode & OTHERS) === 0) return await readFile(path, "utf8");
  } catch (error) {
    throw new VscopeError("CONFIG_INVALID", `${path}: cannot be read: ${messageOf(error)}`, { cause: error });
  }
  throw new VscopeError("CONFIG_INVALID", `${path}: others may read this key: chmod 600 ${path}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
