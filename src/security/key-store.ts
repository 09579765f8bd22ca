// The keys that hold now. The file is looked at every two seconds, so that a new key holds and a revoked one is refused
// without a restart. A file that has become unusable means no keys: nobody is let in by mistake.

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
  #cancel: () => void = () => {};

  /** Reads the file; none means no keys. Throws CONFIG_INVALID when it is wrong or others may read it. */
  constructor(path: string, { clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#path = path;
    this.#clock = clock;
    this.#log = log;
    this.#seen = looksOf(path);
    this.#keys = new Cell(validKeys(path));
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
    const looks = looksOf(this.#path);
    if (looks === this.#seen) return;
    this.#seen = looks;
    try {
      this.#keys.set(validKeys(this.#path));
      this.#log.info({ file: this.#path, keys: this.#keys.value.length }, "keys read again");
    } catch (error) {
      this.#keys.set([]);
      this.#log.error({ file: this.#path, reason: messageOf(error) }, "keys cannot be read, none holds");
    }
  }
}

function validKeys(path: string): readonly Key[] {
  return readKeyFile(path).filter(isValid);
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
