// The files of the computer that the doctor reads: /sys, /proc, /dev, /etc, below a root folder that can be a copy of
// them. Nothing is opened for writing, and no device at all: its node is looked at only.

import { access, constants, readdir, readFile, readlink, stat } from "node:fs/promises";
import { join } from "node:path";

/** Bits of access(2): write to a file, read and write a device, write into a folder. */
export const WRITE = constants.W_OK;
export const USE_DEVICE = constants.R_OK | constants.W_OK;
export const USE_FOLDER = constants.R_OK | constants.W_OK | constants.X_OK;

export interface Ownership {
  /** Permission bits, such as 0o660. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Who may do what; replaced in tests, since a test's files belong to whoever runs it. */
export interface Permissions {
  /** Undefined when there is nothing. */
  ownership(path: string): Promise<Ownership | undefined>;
  /** access(2): mode bits, access lists and root's privileges as the kernel sees them. */
  may(path: string, bits: number): Promise<boolean>;
}

const SYSTEM_PERMISSIONS: Permissions = {
  async ownership(path) {
    try {
      const { mode, uid, gid } = await stat(path);
      return { mode: mode & 0o7777, uid, gid };
    } catch {
      return undefined;
    }
  },
  may: (path, bits) =>
    access(path, bits).then(
      () => true,
      () => false,
    ),
};

export class Computer {
  readonly #root: string;
  readonly #permissions: Permissions;

  constructor(root = "/", permissions: Permissions = SYSTEM_PERMISSIONS) {
    this.#root = root;
    this.#permissions = permissions;
  }

  /** Where a file of the computer lies for this process. */
  at(path: string): string {
    return join(this.#root, path);
  }

  /** The whole file; throws the system's error. */
  read(path: string): Promise<string> {
    return readFile(this.at(path), "utf8");
  }

  /** The file without blanks at its ends; undefined when it is not there or may not be read. */
  async text(path: string): Promise<string | undefined> {
    try {
      return (await this.read(path)).trim();
    } catch {
      return undefined;
    }
  }

  /** A file that holds one decimal number; undefined for anything else. */
  async number(path: string): Promise<number | undefined> {
    const [digits] = /^-?\d+/.exec((await this.text(path)) ?? "") ?? [];
    return digits === undefined ? undefined : Number(digits);
  }

  /** Names in a folder, sorted; none when it is not there or may not be read. */
  async names(path: string): Promise<readonly string[]> {
    try {
      return (await readdir(this.at(path))).sort();
    } catch {
      return [];
    }
  }

  /** What a symbolic link says; undefined when it is none or may not be read. */
  async link(path: string): Promise<string | undefined> {
    try {
      return await readlink(this.at(path));
    } catch {
      return undefined;
    }
  }

  ownership(path: string): Promise<Ownership | undefined> {
    return this.#permissions.ownership(this.at(path));
  }

  async isThere(path: string): Promise<boolean> {
    return (await this.ownership(path)) !== undefined;
  }

  may(path: string, bits: number): Promise<boolean> {
    return this.#permissions.may(this.at(path), bits);
  }
}
