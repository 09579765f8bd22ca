// Commands in the guest, run by test/vm/guest/agent.sh.

import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { NEVER, orAborted, withDeadline } from "../../../src/base/abort.ts";
import { SECOND, SystemClock } from "../../../src/base/clock.ts";

/** How long the guest has to start, and a command to end. Generous: the host may be busy. */
const DEADLINE_US = 120 * SECOND;

export interface Ran {
  readonly status: number;
  /** Standard output and standard error. */
  readonly output: string;
}

export class Guest {
  readonly #socket: Socket;
  readonly #share: string;
  readonly #waiting = new Map<number, (status: number) => void>();
  #count = 0;

  private constructor(socket: Socket, share: string) {
    this.#socket = socket;
    this.#share = share;
  }

  /** Resolves when the guest is up. */
  static async connect(path: string, share: string): Promise<Guest> {
    const socket = connect(path);
    await once(socket, "connect");
    socket.on("error", () => {});
    const guest = new Guest(socket, share);
    const ready = new Promise<void>((resolve) => {
      createInterface(socket).on("line", (line) => {
        if (line.startsWith("ready")) resolve();
        else guest.#ended(line);
      });
    });
    await within("the guest to start", ready);
    return guest;
  }

  /** Runs a script of bash as root and returns what it prints. Throws when it fails. */
  async run(script: string): Promise<string> {
    const { status, output } = await this.attempt(script);
    if (status !== 0) throw new Error(`in the guest: ${script}\nended with ${status}: ${output}`);
    return output.trim();
  }

  /** Runs a script of bash as root and tells how it ended. */
  async attempt(script: string): Promise<Ran> {
    this.#count += 1;
    const id = this.#count;
    const file = join(this.#share, String(id));
    writeFileSync(`${file}.sh`, `${script}\n`);
    const ended = new Promise<number>((resolve) => this.#waiting.set(id, resolve));
    this.#socket.write(`${id}\n`);
    const status = await within(script, ended);
    return { status, output: readFileSync(`${file}.out`, "utf8") };
  }

  close(): void {
    this.#socket.destroy();
  }

  #ended(line: string): void {
    const [id, status] = line.split(" ").map(Number);
    this.#waiting.get(id ?? 0)?.(status ?? 0);
    this.#waiting.delete(id ?? 0);
  }
}

function within<T>(what: string, promise: Promise<T>): Promise<T> {
  const late = (): Error => new Error(`no end within ${DEADLINE_US / SECOND} s: ${what}`);
  return withDeadline({ clock: new SystemClock(), us: DEADLINE_US, late }, NEVER, (signal) =>
    orAborted(promise, signal),
  );
}
