// The key of a client, as `vscope key new` prints it for a file: proves to a server who asks. Beside the file lie the
// numbers of the messages that were sent with it.

import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { z } from "zod";
import { messageOf, VscopeError } from "../base/errors.ts";
import type { ClientEndpoint } from "../coap/client/client-endpoint.ts";
import { OscoreContext } from "../coap/oscore/oscore-context.ts";
import { OscoreEndpoint } from "../coap/client/oscore-endpoint.ts";
import { SequenceFile } from "../coap/oscore/sequence-file.ts";

const CLIENT_KEY = z.object({
  /** TLS-PSK identity. */
  name: z.string().min(1),
  /** OSCORE sender identifier. */
  id: z.string().min(1).max(7),
  /** That of the server. */
  serverId: z.string().max(7),
  /** OSCORE master secret and TLS pre-shared key, as text. */
  secret: z.string().min(16).max(32),
  /** OSCORE master salt in hexadecimal digits. */
  salt: z.string().regex(/^([\da-f]{2})*$/),
});

export interface ClientKey extends Readonly<z.infer<typeof CLIENT_KEY>> {
  /** Begins the names of the files that remember which numbers were used. */
  readonly sequencePath: string;
}

const OTHERS = 0o077;

/** The text of a key file. */
export function printClientKey({ name, id, serverId, secret, salt }: z.infer<typeof CLIENT_KEY>): string {
  return JSON.stringify({ name, id, serverId, secret, salt });
}

/** Reads a key file. Throws CONFIG_INVALID when it cannot be read, is no key, or others may read it. */
export async function readClientKey(path: string): Promise<ClientKey> {
  const text = await read(path);
  const { data, error } = CLIENT_KEY.safeParse(parseJson(text));
  if (data !== undefined) return { ...data, sequencePath: `${resolve(path)}.sent` };
  throw new VscopeError(
    "CONFIG_INVALID",
    `${path}: not a key, ${faultOf(error)}; expected the line of JSON that vscope key new printed`,
  );
}

// Names members only: what they hold is secret.
function faultOf({ issues }: z.ZodError): string {
  const names = [...new Set(issues.flatMap(({ path }) => path.slice(0, 1)))].map(String);
  return names.length === 0 ? "no JSON object" : `${names.join(", ")} missing or wrong`;
}

/** Puts OSCORE (RFC 8613) in front of an endpoint. Throws DATADIR_IO when the numbers cannot be kept beside the key. */
export async function protectedBy(key: ClientKey): Promise<(endpoint: ClientEndpoint) => ClientEndpoint> {
  const parts = {
    name: key.name,
    masterSecret: Buffer.from(key.secret, "ascii"),
    masterSalt: Buffer.from(key.salt, "hex"),
    senderId: Buffer.from(key.id),
    recipientId: Buffer.from(key.serverId),
  };
  const context = await OscoreContext.open(parts, new SequenceFile(key.sequencePath));
  return (endpoint) => new OscoreEndpoint(endpoint, context);
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
