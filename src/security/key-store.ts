// The keys that hold now. The file is looked at every two seconds, so that a new key holds and a revoked one is refused
// without a restart. A file that cannot be used, at the start or later, means no keys: nobody is let in by mistake, and the
// server goes on for those who need none.

import { statSync } from "node:fs";
import { Cell, type ReadableCell } from "../base/cell.ts";
import { type Clock, SECOND } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { isValid, type Key } from "./key.ts";
import { readKeyFile } from "./key-file.ts";

const LOOK_EVERY_US = 2 * SECOND;

export class KeyStore {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #keys: Cell<readonly Key[]>;
  /** What the file looked like when it was read. */
  #seen: string;
  /** Why it could not be used at the last look. */
  #fact: string | undefined;
  #cancel: () => void = () => {};

  /** Reads the file. None means no keys, and so does one that is wrong or that others may read, with an error in the log. */
  constructor(path: string, { clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#path = path;
    this.#clock = clock;
    this.#log = log;
    this.#seen = looksOf(path);
    this.#keys = new Cell(this.#read());
    this.#waitToLook();
  }

  get keys(): ReadableCell<readonly Key[]> {
    return this.#keys;
  }

  named(name: string): Key | undefined {
    return this.#keys.value.find((key) => key.name === name);
  }

  close(): void {
    this.#cancel();
  }

  #waitToLook(): void {
    this.#cancel = this.#clock.after(LOOK_EVERY_US, () => {
      this.#look();
      this.#waitToLook();
    });
  }

  #look(): void {
    // What is wrong need not be the file: with too many files open, it looks the same before and after.
    if (this.#fact !== undefined || looksOf(this.#path) !== this.#seen) this.readAgain();
  }

  /** Reads the file now, whether or not it looks changed. */
  readAgain(): void {
    this.#seen = looksOf(this.#path);
    this.#keys.set(this.#read());
    if (this.#fact === undefined)
      this.#log.info({ file: this.#path, keys: this.#keys.value.length }, "keys read again");
  }

  #read(): readonly Key[] {
    try {
      const keys = readKeyFile(this.#path).filter(isValid);
      this.#fact = undefined;
      return keys;
    } catch (error) {
      const reason = messageOf(error);
      if (reason !== this.#fact)
        this.#log.error({ file: this.#path, reason }, "keys cannot be read, none holds");
      this.#fact = reason;
      return [];
    }
  }
}

// Every change of the content or the permissions changes one of these.
function looksOf(path: string): string {
  try {
    const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch (error) {
    return messageOf(error);
  }
}
