// The keys as OSCORE contexts (RFC 8613): one a key, opened when the key appears and dropped when it is revoked.

import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { OscoreContext, type OscoreContexts } from "../coap/oscore/oscore-context.ts";
import { SequenceFile } from "../coap/oscore/sequence-file.ts";
import { type Key, SERVER_ID } from "./key.ts";

export class OscoreKeys implements OscoreContexts {
  readonly #folder: string;
  readonly #log: Log;
  /** By the identifier of the client, with what they were made of. */
  readonly #contexts = new Map<string, { readonly key: string; readonly context: OscoreContext }>();

  /**
   * Sequence numbers lie in `stateFolder`, on the computer itself: a medium that is swapped or restored would bring old
   * numbers back.
   */
  constructor(stateFolder: string, log: Log) {
    this.#folder = join(stateFolder, "oscore");
    this.#log = log;
  }

  find(kid: Uint8Array, kidContext: Uint8Array | undefined): OscoreContext | undefined {
    if (kidContext !== undefined) return undefined;
    return this.#contexts.get(Buffer.from(kid).toString("latin1"))?.context;
  }

  /** Takes these keys and no others. Keys that cannot be used are in the log, in one line, and hold for TLS only. */
  async take(keys: readonly Key[]): Promise<void> {
    const wanted = new Map(keys.map((key) => [key.id, JSON.stringify(key)]));
    for (const [id, { key }] of this.#contexts) if (wanted.get(id) !== key) this.#contexts.delete(id);
    const failed: { readonly key: string; readonly reason: string }[] = [];
    for (const key of keys) {
      if (this.#contexts.has(key.id)) continue;
      const reason = await this.#open(key);
      if (reason !== undefined) failed.push({ key: key.name, reason });
    }
    this.#report(failed);
  }

  // Mostly one reason for all of them: a folder that belongs to somebody else.
  #report(failed: readonly { readonly key: string; readonly reason: string }[]): void {
    const [first] = failed;
    if (first === undefined) return;
    this.#log.error(
      { keys: failed.map(({ key }) => key), reason: first.reason },
      `security.state: ${dirname(this.#folder)}: cannot be used, so that these keys do not work with OSCORE`,
    );
  }

  /** The reason when it cannot be opened. */
  async #open(key: Key): Promise<string | undefined> {
    const { name, id, secret, salt } = key;
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      const parts = {
        name,
        masterSecret: Buffer.from(secret, "ascii"),
        masterSalt: Buffer.from(salt, "hex"),
        senderId: Buffer.from(SERVER_ID),
        recipientId: Buffer.from(id),
      };
      const context = await OscoreContext.open(parts, new SequenceFile(join(this.#folder, name)));
      this.#contexts.set(id, { key: JSON.stringify(key), context });
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  }
}
