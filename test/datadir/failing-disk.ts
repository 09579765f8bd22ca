// A disk that fails at its N-th call with a system error, and works before and after.

import { type Disk, type DiskFile, SYSTEM_DISK } from "../../src/datadir/disk.ts";

export class FailingDisk {
  /** Calls made since the counter was set to 0; the call that makes it equal to `failAt` fails. */
  calls = 0;
  failAt = 0;
  /** The name of the call that failed. */
  failed: string | undefined;
  systemCode = "EIO";

  readonly disk: Disk = {
    create: async (path) => this.#file(await this.#call("create", () => SYSTEM_DISK.create(path))),
    rename: (from, to) => this.#call("rename", () => SYSTEM_DISK.rename(from, to)),
    remove: (path) => this.#call("remove", () => SYSTEM_DISK.remove(path)),
    syncFolder: (path) => this.#call("syncFolder", () => SYSTEM_DISK.syncFolder(path)),
    makeFolder: (path) => this.#call("makeFolder", () => SYSTEM_DISK.makeFolder(path)),
    append: (path, bytes) => this.#call("append", () => SYSTEM_DISK.append(path, bytes)),
    makeFolders: (path) => this.#call("makeFolders", () => SYSTEM_DISK.makeFolders(path)),
    stat: (path) => this.#call("stat", () => SYSTEM_DISK.stat(path)),
    realPath: (path) => this.#call("realPath", () => SYSTEM_DISK.realPath(path)),
    list: (path) => this.#call("list", () => SYSTEM_DISK.list(path)),
    read: (path) => this.#call("read", () => SYSTEM_DISK.read(path)),
    readRange: (path, offset, length) =>
      this.#call("readRange", () => SYSTEM_DISK.readRange(path, offset, length)),
    space: (path) => this.#call("space", () => SYSTEM_DISK.space(path)),
  };

  /** The N-th call from now fails. */
  arm(failAt: number, systemCode: string): void {
    this.calls = 0;
    this.failAt = failAt;
    this.failed = undefined;
    this.systemCode = systemCode;
  }

  disarm(): void {
    this.failAt = 0;
  }

  #file(file: DiskFile): DiskFile {
    return {
      // A full disk takes a part of the bytes before it refuses.
      write: (bytes) =>
        this.#call(
          "write",
          () => file.write(bytes),
          () => file.write(bytes.subarray(0, bytes.length >> 1)),
        ),
      sync: () => this.#call("sync", () => file.sync()),
      // The descriptor is gone even when close reports an error, close(2).
      close: () =>
        this.#call(
          "close",
          () => file.close(),
          () => file.close(),
        ),
    };
  }

  async #call<T>(name: string, call: () => Promise<T>, onFailure?: () => Promise<void>): Promise<T> {
    this.calls += 1;
    if (this.calls !== this.failAt) return call();
    this.failed = name;
    await onFailure?.();
    throw Object.assign(new Error(`${this.systemCode}: injected, ${name}`), { code: this.systemCode });
  }
}
