// The PID file: first line the PID, second line which process that is. Held with flock(2), which the kernel drops when
// the process ends, however it ends; so a file without a lock is stale. Appears and changes in one step.

import {
  closeSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { messageOf, systemCodeOf, VscopeError } from "../base/errors.ts";
import { openLibc } from "../base/libc.ts";
import { processIdentity } from "./process-identity.ts";

const LOCK_EXCLUSIVE = 2;
const LOCK_NO_WAIT = 4;
/** Each turn is lost only to another process that just took or dropped the file. */
const MOST_TURNS = 20;

/** False when another open file holds the lock. */
type TryLock = (descriptor: number) => boolean;

export class PidFile {
  readonly path: string;
  readonly #descriptor: number;
  #isReleased = false;

  private constructor(path: string, descriptor: number) {
    this.path = path;
    this.#descriptor = descriptor;
  }

  /**
   * Writes this process's PID. A file that a dead process left is taken over.
   * Throws SERVER_CONFLICT naming the PID and the file when its process lives, or CONFIG_INVALID when the file
   * cannot be written.
   */
  static async claim(path: string): Promise<PidFile> {
    const tryLock = await openLock();
    try {
      for (let turn = 0; turn < MOST_TURNS; turn++) {
        const descriptor = takeTurn(path, tryLock);
        if (descriptor !== undefined) return new PidFile(path, descriptor);
      }
    } catch (error) {
      if (error instanceof VscopeError) throw error;
      throw new VscopeError("CONFIG_INVALID", `${path}: PID file not written: ${messageOf(error)}`, {
        cause: error,
      });
    }
    throw new VscopeError("SERVER_CONFLICT", `${path}: other processes keep taking this PID file`);
  }

  /** Removes the file if it is still ours. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    if (isSameFile(this.#descriptor, this.path)) unlinkSync(this.path);
    closeSync(this.#descriptor);
  }
}

async function openLock(): Promise<TryLock> {
  const libc = await openLibc();
  const flock = libc.declare("int flock(int descriptor, int operation)");
  // Where the file system has no locks, the look at the process (below) has to do.
  return (descriptor) =>
    flock(descriptor, LOCK_EXCLUSIVE | LOCK_NO_WAIT) === 0 || libc.errorName() !== "EAGAIN";
}

/** The locked descriptor of our file in place, or undefined when somebody was faster. */
function takeTurn(path: string, tryLock: TryLock): number | undefined {
  const old = openExisting(path);
  try {
    if (old !== undefined) {
      if (!tryLock(old)) throw conflict(path);
      if (!isSameFile(old, path)) return undefined;
      const holder = readHolder(old);
      // Alive, though without a lock: the file lies where locks do not work, or an older server wrote it.
      if (holder !== undefined && isAlive(holder)) throw conflict(path);
    }
    return putInPlace(path, old !== undefined, tryLock);
  } finally {
    if (old !== undefined) closeSync(old);
  }
}

function openExisting(path: string): number | undefined {
  try {
    return openSync(path, "r+");
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

// Filled and locked under another name first, so that nobody ever sees it empty or without a lock.
function putInPlace(path: string, mayReplace: boolean, tryLock: TryLock): number | undefined {
  const draft = `${path}.${process.pid}`;
  rmSync(draft, { force: true });
  const descriptor = openSync(draft, "wx", 0o644);
  let isPlaced = false;
  try {
    tryLock(descriptor);
    writeSync(descriptor, `${process.pid}\n${processIdentity(process.pid) ?? ""}\n`);
    fsyncSync(descriptor);
    if (mayReplace) renameSync(draft, path);
    else linkSync(draft, path);
    isPlaced = true;
    if (!mayReplace) unlinkSync(draft);
    return descriptor;
  } catch (error) {
    if (!isPlaced) {
      closeSync(descriptor);
      unlinkSync(draft);
    }
    if (systemCodeOf(error) === "EEXIST") return undefined;
    throw error;
  }
}

interface Holder {
  readonly pid: number;
  readonly identity: string | undefined;
}

function readHolder(file: number | string): Holder | undefined {
  const [first = "", second] = readFileSync(file, "latin1").split("\n");
  const pid = /^\s*[1-9]\d*\s*$/.test(first) ? Number(first) : undefined;
  return pid === undefined ? undefined : { pid, identity: second === "" ? undefined : second };
}

// A PID alone (an older program's file) is believed; with the second line the process must be the same one.
function isAlive({ pid, identity }: Holder): boolean {
  const present = processIdentity(pid);
  return present !== undefined && pid !== process.pid && (identity === undefined || identity === present);
}

function conflict(path: string): VscopeError {
  const holder = readHolder(path);
  const who = holder === undefined ? "another server" : `process ${holder.pid}`;
  const details = holder === undefined ? {} : { pid: holder.pid };
  return new VscopeError("SERVER_CONFLICT", `${path}: ${who} is running with this PID file`, { details });
}

function isSameFile(descriptor: number, path: string): boolean {
  try {
    const [ours, there] = [fstatSync(descriptor), statSync(path)];
    return ours.ino === there.ino && ours.dev === there.dev;
  } catch {
    return false;
  }
}
