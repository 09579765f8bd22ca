// A disk that fails at its N-th call with a system error, or takes half of the bytes, and works before and after; or that
// has bad sectors: a path of which some calls fail for good.

import { type Disk, type DiskFile, SYSTEM_DISK } from "../../../src/datadir/disk/disk.ts";

// Nothing here outlives the test: what a sync does shows in no call after it, and takes long.
const DONE = (): Promise<void> => Promise.resolve();

export class FailingDisk {
  /** Calls made since the counter was set to 0; the call that makes it equal to `failAt` fails. */
  calls = 0;
  failAt = 0;
  /** The name of the call that failed. */
  failed: string | undefined;
  systemCode = "EIO";
  isShort = false;
  readonly #bad = new Map<string, readonly string[]>();

  readonly disk: Disk = {
    create: async (path) => this.#file(await this.call("create", () => SYSTEM_DISK.create(path))),
    extend: async (path) => this.#file(await this.call("extend", () => SYSTEM_DISK.extend(path))),
    rename: (from, to) => this.call("rename", () => SYSTEM_DISK.rename(from, to)),
    remove: (path) => this.call("remove", () => SYSTEM_DISK.remove(path)),
    syncFolder: () => this.call("syncFolder", DONE),
    hastenSyncs: () => this.call("hastenSyncs", DONE),
    makeFolder: (path) => this.call("makeFolder", () => SYSTEM_DISK.makeFolder(path)),
    stat: (path) => this.#at(path, "stat", () => SYSTEM_DISK.stat(path)),
    realPath: (path) => this.call("realPath", () => SYSTEM_DISK.realPath(path)),
    list: (path) => this.#at(path, "list", () => SYSTEM_DISK.list(path)),
    read: (path) => this.#at(path, "read", () => SYSTEM_DISK.read(path)),
    readRange: (path, offset, length) =>
      this.#at(path, "readRange", () => SYSTEM_DISK.readRange(path, offset, length)),
    space: (path) => this.call("space", () => SYSTEM_DISK.space(path)),
    fileSystemType: (path) => this.call("fileSystemType", () => SYSTEM_DISK.fileSystemType(path)),
  };

  /** The N-th call from now fails. */
  arm(failAt: number, systemCode: string): void {
    this.calls = 0;
    this.failAt = failAt;
    this.failed = undefined;
    this.systemCode = systemCode;
    this.isShort = false;
  }

  /** From now on a path is bad: these calls of it fail. */
  break(path: string, calls: readonly string[]): void {
    this.#bad.set(path, calls);
  }

  /** All paths work again. */
  mend(): void {
    this.#bad.clear();
  }

  /** The N-th call from now, if it is a write, takes half of its bytes and reports so; every other call works. */
  armShort(failAt: number): void {
    this.arm(failAt, "");
    this.isShort = true;
  }

  disarm(): void {
    this.failAt = 0;
  }

  async #at<T>(path: string, name: string, call: () => Promise<T>): Promise<T> {
    if (this.#bad.get(path)?.includes(name) === true) throw this.#error(name);
    return this.call(name, call);
  }

  #error(name: string): Error {
    return Object.assign(new Error(`${this.systemCode}: injected, ${name}`), { code: this.systemCode });
  }

  #file(file: DiskFile): DiskFile {
    return {
      write: (bytes) => this.#write(file, bytes),
      sync: () => this.call("sync", DONE),
      // The descriptor is gone even when close reports an error, close(2).
      close: () =>
        this.call(
          "close",
          () => file.close(),
          () => file.close(),
        ),
    };
  }

  // A full disk takes a part of the bytes before it refuses.
  #write(file: DiskFile, bytes: Uint8Array): Promise<number> {
    const half = bytes.subarray(0, Math.max(1, bytes.length >> 1));
    if (!this.isShort || this.calls + 1 !== this.failAt) {
      return this.call(
        "write",
        () => file.write(bytes),
        () => file.write(half),
      );
    }
    this.calls += 1;
    this.failed = "write";
    return file.write(half);
  }

  /** Counts a call, which fails when it is its turn. */
  async call<T>(name: string, call: () => Promise<T>, onFailure?: () => Promise<unknown>): Promise<T> {
    this.calls += 1;
    if (this.calls !== this.failAt) return call();
    this.failed = name;
    if (this.isShort) return call();
    await onFailure?.();
    throw this.#error(name);
  }
}
