// A system where mount and umount move a stick in and out, and a data directory on it.

import { join } from "node:path";
import type { TestContext } from "node:test";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import type { DataDirectoryOptions } from "../../../src/datadir/data-directory.ts";
import { type Disk, SYSTEM_DISK } from "../../../src/datadir/disk/disk.ts";
import type { MountSystem } from "../../../src/datadir/medium/medium.ts";
import { openDirectory, temporaryFolder } from "../folder.ts";

export const OPTIONS = "-o nosuid,nodev,noexec";

/** A system where `mount` and `umount` move a device in and out. */
export class FakeSystem implements MountSystem {
  readonly ran: string[] = [];
  mountPoint = "/mnt";
  number = "8:1";
  /** Runs of fsck, which reports repairs. */
  checked = 0;
  checkFails = false;
  source: string | undefined;
  refuse: string | undefined;
  isReadOnly = false;
  staysReadOnly = false;
  /** The text of fstab. */
  table = "";

  async run(program: string, programArguments: readonly string[]): Promise<number> {
    if (program === "fsck") {
      this.checked += 1;
      if (this.checkFails) throw new Error("fsck: not found");
      return 1;
    }
    this.ran.push([program, ...programArguments].join(" "));
    if (this.refuse !== undefined) throw new Error(this.refuse);
    if (program === "mount") this.isReadOnly = this.staysReadOnly;
    this.source = program === "mount" ? programArguments.at(-2) : undefined;
    return 0;
  }

  async mountInfo(): Promise<string> {
    const root = "22 1 254:0 / / rw - ext4 /dev/vda rw\n";
    const access = this.isReadOnly ? "ro" : "rw";
    if (this.source === undefined) return root;
    return `${root}36 22 ${this.number} / ${this.mountPoint} rw - vfat ${this.source} ${access}\n`;
  }

  async fstab(): Promise<string> {
    return this.table;
  }

  async realPath(path: string): Promise<string> {
    return path === "/dev/disk/by-uuid/A-B" ? "/dev/sda1" : path;
  }

  async node(): Promise<number | undefined> {
    return 1;
  }

  async makeFolder(): Promise<void> {}
}

/** A stick /dev/sda1 whose mount outlives it, as in the kernel; the disk shows its file system under number 8:1. */
export class FakeStick extends FakeSystem {
  isPlugged = true;
  /** Raised by each plugging in. */
  plugNumber = 1;
  /** What making a file fails with. */
  createError: Error | undefined;
  readonly disk: Disk;

  constructor() {
    super();
    this.disk = {
      ...SYSTEM_DISK,
      stat: async (path) => {
        const stat = await SYSTEM_DISK.stat(path);
        const device = this.source === undefined || path === "/" ? 1 : 0x801;
        return stat === undefined ? undefined : { ...stat, device };
      },
      create: (path) => {
        const error = this.isPlugged ? this.createError : systemError("EIO");
        return error === undefined ? SYSTEM_DISK.create(path) : Promise.reject(error);
      },
      realPath: (path) => this.realPath(path),
    };
  }

  override async realPath(path: string): Promise<string> {
    if (!this.isPlugged && /^\/dev|^\/sys\/dev\/block\/./.test(path)) throw systemError("ENOENT");
    return path;
  }

  override async node(): Promise<number | undefined> {
    return this.isPlugged ? this.plugNumber : undefined;
  }
}

export const systemError = (code: string): Error => Object.assign(new Error("injected"), { code });

/** A data directory on a stick that the server mounts. */
export async function openStick(t: TestContext, more: Partial<DataDirectoryOptions> = {}) {
  const mountPoint = await temporaryFolder(t);
  const stick = new FakeStick();
  stick.mountPoint = mountPoint;
  const clock = new VirtualClock();
  const mount = { device: "/dev/sda1", mountPoint };
  const options = { mount, system: stick, disk: stick.disk, clock, ...more };
  const directory = await openDirectory(t, join(mountPoint, "data"), options);
  return { stick, clock, directory, mountPoint };
}
