import assert from "node:assert/strict";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { isVscopeError } from "../../src/base/errors.ts";
import { SYSTEM_DISK } from "../../src/datadir/disk.ts";
import { LINUX_MOUNT, Medium, mountedSource, type MountSystem } from "../../src/datadir/medium.ts";
import { spectraSet } from "../spectra/sample.ts";
import { NEVER, openDirectory, temporaryFolder } from "./folder.ts";

const MOUNT_INFO = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
36 22 8:1 / /mnt rw,noatime master:1 - vfat /dev/sda1 rw,utf8
37 22 8:17 / /mnt/with\\040space rw - ext4 /dev/sdb1 rw
`;

/** A system where `mount` and `umount` move a device in and out. */
class FakeSystem implements MountSystem {
  readonly ran: string[] = [];
  source: string | undefined;
  refuse: string | undefined;

  async run(program: string, programArguments: readonly string[]): Promise<void> {
    this.ran.push([program, ...programArguments].join(" "));
    if (this.refuse !== undefined) throw new Error(this.refuse);
    this.source = program === "mount" ? programArguments[0] : undefined;
  }

  async mountInfo(): Promise<string> {
    return this.source === undefined ? "" : `36 22 8:1 / /mnt rw - vfat ${this.source} rw\n`;
  }

  async realPath(path: string): Promise<string> {
    return path === "/dev/disk/by-uuid/A-B" ? "/dev/sda1" : path;
  }

  async makeFolder(): Promise<void> {}
}

test("the kernel's list is read with its escapes, the newest mount counts", () => {
  assert.equal(mountedSource(MOUNT_INFO, "/mnt"), "/dev/sda1");
  assert.equal(mountedSource(MOUNT_INFO, "/mnt/"), "/dev/sda1");
  assert.equal(mountedSource(MOUNT_INFO, "/"), "/dev/vda");
  assert.equal(mountedSource(MOUNT_INFO, "/mnt/with space"), "/dev/sdb1");
  assert.equal(mountedSource(MOUNT_INFO, "/media"), undefined);
  assert.equal(mountedSource(`${MOUNT_INFO}40 36 8:33 / /mnt rw - ext4 /dev/sdc1 rw\n`, "/mnt"), "/dev/sdc1");
});

test("this machine's list is understood", async () => {
  assert.notEqual(mountedSource(await LINUX_MOUNT.mountInfo(), "/proc"), undefined);
});

test("mounting twice mounts once, unmounting twice unmounts once", async () => {
  const system = new FakeSystem();
  const medium = new Medium({ device: "/dev/sda1", mountPoint: "/mnt" }, system);
  await medium.mount(NEVER);
  await medium.mount(NEVER);
  await medium.unmount(NEVER);
  await medium.unmount(NEVER);
  assert.deepEqual(system.ran, ["mount /dev/sda1 /mnt", "umount /mnt"]);
});

test("a device given by a link is recognised", async () => {
  const system = new FakeSystem();
  system.source = "/dev/sda1";
  assert.equal(
    await new Medium({ device: "/dev/disk/by-uuid/A-B", mountPoint: "/mnt" }, system).isMounted(),
    true,
  );
  assert.equal(await new Medium({ device: "LABEL=data", mountPoint: "/mnt" }, system).isMounted(), true);
});

test("another device at the mount point is not taken for ours", async () => {
  const system = new FakeSystem();
  system.source = "/dev/sdb1";
  const medium = new Medium({ device: "/dev/sda1", mountPoint: "/mnt" }, system);
  await assert.rejects(medium.mount(NEVER), (error) => {
    return isVscopeError(error, "DATADIR_NOT_MOUNTED") && /\/mnt holds \/dev\/sdb1/.test(error.message);
  });
  assert.deepEqual(system.ran, []);
});

test("what mount and umount complain about reaches the message", async () => {
  const system = new FakeSystem();
  const medium = new Medium({ device: "/dev/sda1", mountPoint: "/mnt" }, system);
  system.refuse = "mount: /mnt: special device /dev/sda1 does not exist.";
  await assert.rejects(medium.mount(NEVER), (error) => {
    return isVscopeError(error, "DATADIR_NOT_MOUNTED") && error.message.includes("special device");
  });
  system.source = "/dev/sda1";
  system.refuse = "umount: /mnt: target is busy.";
  await assert.rejects(medium.unmount(NEVER), (error) => isVscopeError(error, "STATE_CONFLICT"));
});

test("a program that is not there, fails or complains is an error with its words", async () => {
  await assert.rejects(LINUX_MOUNT.run("vscope-no-such-program", [], NEVER));
});

test("without its medium nothing is written to the bare mount point; with it recording begins", async (t) => {
  const mountPoint = join(await temporaryFolder(t), "mnt");
  await mkdir(mountPoint);
  const system = new (class extends FakeSystem {
    override async mountInfo(): Promise<string> {
      return (await super.mountInfo()).replace(" /mnt ", ` ${mountPoint} `);
    }
  })();
  system.refuse = "mount: no medium";
  const mount = { device: "/dev/sda1", mountPoint, system };
  const directory = await openDirectory(t, join(mountPoint, "data"), { mount });
  assert.equal(directory.status.value.mounted, false);
  for (const attempt of [directory.startBatch("run"), directory.setCurrentRun("run"), directory.runs({})]) {
    await assert.rejects(attempt, (error) => isVscopeError(error, "DATADIR_NOT_MOUNTED"));
  }
  assert.deepEqual(await readdir(mountPoint), []);

  system.refuse = undefined;
  await directory.mount(NEVER);
  assert.equal(directory.status.value.mounted, true);
  const batch = await directory.startBatch("run");
  await batch.write(spectraSet());
  await assert.rejects(directory.unmount(NEVER), (error) => {
    return isVscopeError(error, "STATE_CONFLICT") && /batch 0 of run/.test(error.message);
  });
  await batch.finish();
  await directory.unmount(NEVER);
  assert.equal(directory.status.value.mounted, false);
  assert.deepEqual(system.ran.slice(-1), [`umount ${mountPoint}`]);
});

test("a medium that is pulled out while recording is noticed before the next file", async (t) => {
  const path = await temporaryFolder(t);
  let device = 1;
  const disk = {
    ...SYSTEM_DISK,
    async stat(name: string) {
      const stat = await SYSTEM_DISK.stat(name);
      return stat === undefined ? undefined : { ...stat, device };
    },
  };
  const directory = await openDirectory(t, path, { disk });
  const batch = await directory.startBatch("run");
  await batch.write(spectraSet());
  device = 2;
  await assert.rejects(batch.write(spectraSet({ sequence: 1 })), (error) =>
    isVscopeError(error, "DATADIR_NOT_MOUNTED"),
  );
  assert.equal(directory.status.value.mounted, false);
  device = 1;
  await batch.write(spectraSet({ sequence: 1 }));
  assert.equal(directory.status.value.mounted, true);
  await batch.finish();
});

test("a data directory that is not below its mount point is a mistake of the configuration", async (t) => {
  const mount = { device: "/dev/sda1", mountPoint: "/mnt", system: new FakeSystem() };
  await assert.rejects(openDirectory(t, "/mnt2/data", { mount }), (error) =>
    isVscopeError(error, "CONFIG_INVALID"),
  );
});
