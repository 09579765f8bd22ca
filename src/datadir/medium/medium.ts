// A removable medium that the server mounts itself: `mount = True`, device and mount point of the configuration.
// What is mounted is read from the kernel (/proc/self/mountinfo, proc(5)), never remembered.

import { execFile } from "node:child_process";
import { mkdir, realpath, stat } from "node:fs/promises";
import { messageOf, VscopeError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { devicePath, isDetached } from "./block-device.ts";
import { onDisk } from "../disk/disk.ts";
import { LINUX_TABLE, type Mount, mountedAt, type MountTable } from "./mount-table.ts";

export interface MountOptions {
  /** Block device, a link to one, or what mount(8) takes in its place: `/dev/sda1`, `LABEL=VSCOPE`. */
  readonly device: string;
  readonly mountPoint: string;
}

/** What the medium needs of the system; replaced in tests. */
export interface MountSystem extends MountTable {
  /** Runs a program and returns its exit code, one of `expected`; rejects with its complaint when it ends otherwise. */
  run(program: string, programArguments: readonly string[], options: RunOptions): Promise<number>;

  realPath(path: string): Promise<string>;
  /** Number of the inode that a path leads to; undefined when it leads nowhere. */
  node(path: string): Promise<number | undefined>;
  makeFolder(path: string): Promise<void>;
}

export interface RunOptions {
  readonly signal?: AbortSignal;
  /** It ends by itself, however long it takes. */
  readonly isLong?: boolean;
  /** Default: 0. */
  readonly expected?: readonly number[];
}

/** Whoever plugs in a stick must not become root by what is on it. */
const MOUNT_OPTIONS = "nosuid,nodev,noexec";
const SUDO_RULES = "etc/vscope.sudoers has the rules, those of an earlier version do not fit";
/** fsck(8): "Filesystem errors corrected". */
const FSCK_CORRECTED = 1;
// A stick with errors can keep mount(8) busy; then it is ended.
const LONGEST_MS = 30_000;

export const LINUX_MOUNT: MountSystem = {
  run(program, programArguments, { signal, isLong = false, expected = [0] }) {
    // These programs are for root; `sudo -n` fails instead of asking for a password.
    const [file, ...rest] = process.getuid?.() === 0 ? [program] : ["sudo", "-n", program];
    const options = { signal, timeout: isLong ? 0 : LONGEST_MS, env: { ...process.env, LC_ALL: "C" } };
    return new Promise((resolve, reject) => {
      execFile(file, [...rest, ...programArguments], options, (error, _output, complaint) => {
        const status = error === null ? 0 : error.code;
        if (typeof status === "number" && expected.includes(status)) resolve(status);
        else reject(complained(complaint, error));
      });
    });
  },
  mountInfo: () => LINUX_TABLE.mountInfo(),
  fstab: () => LINUX_TABLE.fstab(),
  realPath: (path) => realpath(path),
  node: (path) =>
    stat(path).then(
      ({ ino }) => ino,
      () => undefined,
    ),
  async makeFolder(path) {
    await mkdir(path, { recursive: true });
  },
};

/** Throws CONFIG_INVALID unless the medium holds the path. */
export function requireBelow(path: string, { mountPoint }: MountOptions): void {
  if (`${path}/`.startsWith(`${mountPoint.replace(/\/+$/, "")}/`)) return;
  throw new VscopeError("CONFIG_INVALID", `data directory ${path}: not below the mount point ${mountPoint}`);
}

export class Medium {
  readonly #options: MountOptions;
  readonly #log: Log;
  readonly #system: MountSystem;

  constructor(options: MountOptions, log: Log, system: MountSystem = LINUX_MOUNT) {
    this.#options = options;
    this.#log = log;
    this.#system = system;
  }

  /** Checks the file system and mounts it, unless it is mounted. Throws DATADIR_NOT_MOUNTED, also when the mount point holds something else. */
  async mount(signal: AbortSignal): Promise<void> {
    const { device, mountPoint } = this.#options;
    await this.dropDead(signal);
    if (await this.isMounted()) return;
    try {
      await this.#system.makeFolder(mountPoint);
      await this.#check();
      signal.throwIfAborted();
      await this.#system.run("mount", ["-o", MOUNT_OPTIONS, device, mountPoint], { signal });
    } catch (error) {
      signal.throwIfAborted();
      const reason = messageOf(error);
      throw new VscopeError("DATADIR_NOT_MOUNTED", `${device}: not mounted at ${mountPoint}: ${reason}`, {
        cause: error,
      });
    }
    if (await this.isMounted()) return;
    throw new VscopeError("DATADIR_NOT_MOUNTED", `${device}: mount reported success, ${mountPoint} is empty`);
  }

  /** Unmounts unless it is not mounted; returns when everything is on the medium. Throws STATE_CONFLICT or DATADIR_IO. */
  async unmount(signal: AbortSignal): Promise<void> {
    const { device, mountPoint } = this.#options;
    await this.dropDead(signal);
    if (!(await this.isMounted())) return;
    try {
      await this.#system.run("umount", [mountPoint], { signal });
    } catch (error) {
      signal.throwIfAborted();
      const reason = messageOf(error);
      const code = /busy/.test(reason) ? "STATE_CONFLICT" : "DATADIR_IO";
      throw new VscopeError(code, `${device}: not unmounted: ${reason}`, { cause: error });
    }
  }

  /** False also when the medium has been pulled out. Throws DATADIR_NOT_MOUNTED when another device is mounted there. */
  async isMounted(): Promise<boolean> {
    const { device, mountPoint } = this.#options;
    const mount = await this.#mounted();
    if (mount === undefined || (await this.#isDead(mount))) return false;
    const { source } = mount;
    const path = devicePath(device);
    const real = await this.#realDevice(path);
    if (source === path || source === real) return true;
    // Without udev nothing shows which device LABEL= and UUID= mean; mount(8) found it by them.
    if (path !== device && real === path) return true;
    throw new VscopeError("DATADIR_NOT_MOUNTED", `${device}: not mounted, ${mountPoint} holds ${source}`);
  }

  /** Number of the node of the device; another one each time it is plugged in. Undefined while it is not. */
  node(): Promise<number | undefined> {
    return this.#system.node(devicePath(this.#options.device));
  }

  /**
   * Lets the kernel forget the mount of a medium that was pulled out. Lazily, because another program may have files
   * open there. When that fails, the next medium is mounted above the dead one.
   */
  async dropDead(signal: AbortSignal): Promise<void> {
    const { device, mountPoint } = this.#options;
    const mount = await this.#mounted();
    if (mount === undefined || !(await this.#isDead(mount))) return;
    try {
      await this.#system.run("umount", ["-l", mountPoint], { signal });
    } catch (error) {
      signal.throwIfAborted();
      this.#log.warn({ device, reason: messageOf(error) }, "the medium that was pulled out is not unmounted");
    }
  }

  // A vfat that lost its power while it was written is mounted all the same, and turned read-only by the kernel when it
  // comes upon the first contradiction. What fsck(8) cannot do now must not keep a good medium away. It is never broken
  // off: half a repair is worse than none, and so is a mount beside it.
  async #check(): Promise<void> {
    const { device } = this.#options;
    try {
      const options = { expected: [0, FSCK_CORRECTED], isLong: true };
      const status = await this.#system.run("fsck", ["-T", "-M", "-a", device], options);
      if (status === FSCK_CORRECTED) this.#log.warn({ device }, "the file system had errors and is repaired");
    } catch (error) {
      this.#log.warn({ device, reason: messageOf(error) }, "the file system could not be checked");
    }
  }

  async #mounted(): Promise<Mount | undefined> {
    const info = await onDisk("/proc/self/mountinfo", () => this.#system.mountInfo());
    return mountedAt(info, this.#options.mountPoint);
  }

  async #isDead({ source, number }: Mount): Promise<boolean> {
    return source.startsWith("/dev/") && (await isDetached(number, this.#system));
  }

  // A link such as /dev/disk/by-uuid/... is gone while the medium is: then the name itself is compared.
  #realDevice(device: string): Promise<string> {
    return this.#system.realPath(device).catch(() => device);
  }
}

// The program's own words say more than its exit code.
function complained(complaint: string, cause: unknown): VscopeError {
  const [line = ""] = complaint.trim().split("\n");
  if (line.startsWith("sudo:")) return new VscopeError("DATADIR_IO", `${line}: ${SUDO_RULES}`, { cause });
  return new VscopeError("DATADIR_IO", line === "" ? messageOf(cause) : line, { cause });
}
