// A removable medium that the server mounts itself: `mount = True`, device and mount point of the configuration.
// What is mounted is read from the kernel (/proc/self/mountinfo, proc(5)), never remembered.

import { execFile } from "node:child_process";
import { mkdir, readFile, realpath } from "node:fs/promises";
import { messageOf, VscopeError } from "../base/errors.ts";

export interface MountOptions {
  /** Block device or a link to one, such as `/dev/sda1`. */
  readonly device: string;
  readonly mountPoint: string;
}

/** What the medium needs of the system; replaced in tests. */
export interface MountSystem {
  /** Runs a program; rejects with its complaint when it fails. */
  run(program: string, programArguments: readonly string[], signal: AbortSignal): Promise<void>;
  mountInfo(): Promise<string>;
  realPath(path: string): Promise<string>;
  makeFolder(path: string): Promise<void>;
}

// A stick with errors can keep mount(8) busy; then it is ended.
const LONGEST_MS = 30_000;

export const LINUX_MOUNT: MountSystem = {
  run(program, programArguments, signal) {
    // mount(8) is for root; `sudo -n` fails instead of asking for a password.
    const [file, ...rest] = process.getuid?.() === 0 ? [program] : ["sudo", "-n", program];
    const options = { signal, timeout: LONGEST_MS, env: { ...process.env, LC_ALL: "C" } };
    return new Promise((resolve, reject) => {
      execFile(file, [...rest, ...programArguments], options, (error, _output, complaint) => {
        if (error === null) resolve();
        else reject(complained(complaint, error));
      });
    });
  },
  mountInfo: () => readFile("/proc/self/mountinfo", "utf8"),
  realPath: (path) => realpath(path),
  async makeFolder(path) {
    await mkdir(path, { recursive: true });
  },
};

export class Medium {
  readonly #options: MountOptions;
  readonly #system: MountSystem;

  constructor(options: MountOptions, system: MountSystem = LINUX_MOUNT) {
    this.#options = options;
    this.#system = system;
  }

  /** Mounts unless it is mounted. Throws DATADIR_NOT_MOUNTED, also when the mount point holds something else. */
  async mount(signal: AbortSignal): Promise<void> {
    const { device, mountPoint } = this.#options;
    if (await this.isMounted()) return;
    try {
      await this.#system.makeFolder(mountPoint);
      await this.#system.run("mount", [device, mountPoint], signal);
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
    if (!(await this.isMounted())) return;
    try {
      await this.#system.run("umount", [mountPoint], signal);
    } catch (error) {
      signal.throwIfAborted();
      const reason = messageOf(error);
      const code = /busy/.test(reason) ? "STATE_CONFLICT" : "DATADIR_IO";
      throw new VscopeError(code, `${device}: not unmounted: ${reason}`, { cause: error });
    }
  }

  /** Throws DATADIR_NOT_MOUNTED when another device is mounted there. */
  async isMounted(): Promise<boolean> {
    const { device, mountPoint } = this.#options;
    const source = mountedSource(await this.#system.mountInfo(), mountPoint);
    if (source === undefined) return false;
    if (source === device || source === (await this.#realDevice(device))) return true;
    // LABEL= and UUID= are resolved by mount(8); what is mounted there was asked for by them.
    if (!device.startsWith("/")) return true;
    throw new VscopeError("DATADIR_NOT_MOUNTED", `${device}: not mounted, ${mountPoint} holds ${source}`);
  }

  // A link such as /dev/disk/by-uuid/... is gone while the medium is: then the name itself is compared.
  #realDevice(device: string): Promise<string> {
    return this.#system.realPath(device).catch(() => device);
  }
}

// The program's own words say more than its exit code.
function complained(complaint: string, cause: Error): VscopeError {
  const [line = ""] = complaint.trim().split("\n");
  return new VscopeError("DATADIR_IO", line === "" ? messageOf(cause) : line, { cause });
}

/** The source of the newest mount at `mountPoint`, or undefined. */
export function mountedSource(mountInfo: string, mountPoint: string): string | undefined {
  const wanted = mountPoint.length > 1 ? mountPoint.replace(/\/+$/, "") : mountPoint;
  let source: string | undefined;
  for (const line of mountInfo.split("\n")) {
    // 36 35 98:0 /root /mount/point rw,noatime shared:1 - ext4 /dev/sda1 rw
    const [place, origin] = line.split(" - ");
    const path = place?.split(" ")[4];
    if (path !== undefined && unescaped(path) === wanted) source = unescaped(origin?.split(" ")[1] ?? "");
  }
  return source;
}

// proc(5): space, tab, newline and backslash are written as \ooo.
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
