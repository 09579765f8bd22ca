import assert from "node:assert/strict";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { SILENT } from "../../../src/base/log.ts";
import { isVscopeError } from "../../../src/base/errors.ts";
import { SECOND } from "../../../src/base/clock.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { deviceNumber, devicePath } from "../../../src/datadir/medium/block-device.ts";
import { SYSTEM_DISK } from "../../../src/datadir/disk/disk.ts";
import { LINUX_MOUNT, Medium } from "../../../src/datadir/medium/medium.ts";
import { sourceRoot } from "../../support/sources.ts";
import { FakeStick, FakeSystem, openStick, OPTIONS } from "./fake-stick.ts";
import { spectraSet } from "../../spectra/sample.ts";
import { NEVER, openDirectory, temporaryFolder } from "../folder.ts";

test("mounting twice mounts once, unmounting twice unmounts once", async () => {
  const system = new FakeSystem();
  const medium = new Medium({ device: "/dev/sda1", mountPoint: "/mnt" }, SILENT, system);
  await medium.mount(NEVER);
  await medium.mount(NEVER);
  await medium.unmount(NEVER);
  await medium.unmount(NEVER);
  assert.deepEqual(system.ran, [`mount ${OPTIONS} /dev/sda1 /mnt`, "umount /mnt"]);
  assert.equal(system.checked, 1);
});

test("a device given by a link is recognised", async () => {
  const system = new FakeSystem();
  system.source = "/dev/sda1";
  assert.equal(
    await new Medium({ device: "/dev/disk/by-uuid/A-B", mountPoint: "/mnt" }, SILENT, system).isMounted(),
    true,
  );
  assert.equal(
    await new Medium({ device: "LABEL=data", mountPoint: "/mnt" }, SILENT, system).isMounted(),
    true,
  );
});

test("another device at the mount point is not taken for ours", async () => {
  const system = new FakeSystem();
  system.source = "/dev/sdb1";
  const medium = new Medium({ device: "/dev/sda1", mountPoint: "/mnt" }, SILENT, system);
  await assert.rejects(medium.mount(NEVER), (error) => {
    return isVscopeError(error, "DATADIR_NOT_MOUNTED") && /\/mnt holds \/dev\/sdb1/.test(error.message);
  });
  assert.deepEqual(system.ran, []);
});

test("what mount and umount complain about reaches the message", async () => {
  const system = new FakeSystem();
  const medium = new Medium({ device: "/dev/sda1", mountPoint: "/mnt" }, SILENT, system);
  system.refuse = "mount: /mnt: special device /dev/sda1 does not exist.";
  await assert.rejects(medium.mount(NEVER), (error) => {
    return isVscopeError(error, "DATADIR_NOT_MOUNTED") && error.message.includes("special device");
  });
  system.source = "/dev/sda1";
  system.refuse = "umount: /mnt: target is busy.";
  await assert.rejects(medium.unmount(NEVER), (error) => isVscopeError(error, "STATE_CONFLICT"));
});

test("the shipped rules of sudo allow what is run, and nothing else", async () => {
  const ran: string[] = [];
  const system = new FakeStick();
  const record = Object.assign(system, {
    run(program: string, words: readonly string[]) {
      ran.push([program, ...words].join(" "));
      return FakeSystem.prototype.run.call(system, program, words);
    },
  });
  const medium = new Medium({ device: "LABEL=VSCOPE", mountPoint: "/mnt" }, SILENT, record);
  await medium.mount(NEVER);
  await medium.unmount(NEVER);
  system.source = "/dev/sda1";
  system.isPlugged = false;
  await medium.dropDead(NEVER);
  const rules = await readFile(new URL("etc/vscope.sudoers", sourceRoot), "utf8");
  const [, commands = ""] = /VSCOPE_MEDIUM = ([^]*?[^\\])\n/.exec(rules) ?? [];
  const allowed = commands.split(/(?<!\\),\s*(?:\\\n)?\s*/).map((one) => one.replaceAll("\\", ""));
  assert.deepEqual(allowed.map((one) => one.replace(/^\/usr\/s?bin\//, "")).sort(), [...ran].sort());
});

test("a program that is not there, fails or complains is an error with its words; expected codes are not", async () => {
  const signal = NEVER;
  await assert.rejects(LINUX_MOUNT.run("ls", ["/no/such/folder"], { signal }), /No such file/);
  assert.equal(await LINUX_MOUNT.run("ls", ["/no/such/folder"], { signal, expected: [0, 2] }), 2);
  await assert.rejects(LINUX_MOUNT.run("vscope-no-such-program", [], { signal: NEVER }));
  const refusal = ["-c", "echo sudo: a password is required >&2; exit 1"];
  await assert.rejects(
    LINUX_MOUNT.run("sh", refusal, { signal }),
    /^VscopeError: sudo: a password is required: etc\/vscope.sudoers has the rules, /,
  );
});

test("without its medium nothing is written to the bare mount point; with it recording begins", async (t) => {
  const mountPoint = join(await temporaryFolder(t), "mnt");
  await mkdir(mountPoint);
  const system = new FakeSystem();
  system.mountPoint = mountPoint;
  system.refuse = "mount: no medium";
  const mount = { device: "/dev/sda1", mountPoint };
  const directory = await openDirectory(t, join(mountPoint, "data"), { mount, system });
  assert.equal(directory.status.value.mounted, false);
  for (const attempt of [
    directory.startBatch("run"),
    directory.setCurrentRun("run"),
    directory.shelf.runs({}),
  ]) {
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

test("a stick that is pulled out is let go, and mounted by itself when it is back", async (t) => {
  const { stick, clock, directory, mountPoint } = await openStick(t);
  const batch = await directory.startBatch("run");
  await batch.write(spectraSet());
  stick.isPlugged = false;
  await assert.rejects(batch.write(spectraSet({ sequence: 1 })), (error) =>
    isVscopeError(error, "DATADIR_NOT_MOUNTED"),
  );
  await batch.finish();
  await clock.advance(10 * SECOND);
  assert.equal(directory.status.value.mounted, false);
  assert.deepEqual(stick.ran, [`mount ${OPTIONS} /dev/sda1 ${mountPoint}`, `umount -l ${mountPoint}`]);
  await assert.rejects(directory.startBatch("run"), (error) => isVscopeError(error, "DATADIR_NOT_MOUNTED"));

  stick.isPlugged = true;
  await clock.advance(10 * SECOND);
  assert.equal(directory.status.value.mounted, true);
  const next = await directory.startBatch("run");
  assert.equal(next.number, 1);
  await next.write(spectraSet());
  await next.finish();
  assert.equal((await directory.shelf.run("run")).files.length, 2);
});

test("a stick that was unmounted on request stays so until it is taken out and put back", async (t) => {
  const { stick, clock, directory } = await openStick(t);
  await directory.unmount(NEVER);
  await clock.advance(60 * SECOND);
  assert.equal(directory.status.value.mounted, false);
  stick.isPlugged = false;
  await clock.advance(10 * SECOND);
  stick.isPlugged = true;
  await clock.advance(10 * SECOND);
  assert.equal(directory.status.value.mounted, true);
});

test("the next stick is mounted even when no look fell between the two", async (t) => {
  const { stick, clock, directory } = await openStick(t);
  await directory.unmount(NEVER);
  stick.plugNumber += 1;
  await clock.advance(10 * SECOND);
  assert.equal(directory.status.value.mounted, true);
});

test("a batch does not go on onto the stick that was put in meanwhile", async (t) => {
  const { stick, clock, directory } = await openStick(t);
  const batch = await directory.startBatch("run");
  await batch.write(spectraSet());
  stick.isPlugged = false;
  await clock.advance(10 * SECOND);
  stick.isPlugged = true;
  await clock.advance(10 * SECOND);
  assert.equal(directory.status.value.mounted, true);
  await assert.rejects(batch.write(spectraSet({ sequence: 1 })), (error) =>
    isVscopeError(error, "DATADIR_NOT_MOUNTED"),
  );
  await batch.finish();
});

test("a check or an unmounting that fails does not keep a good stick away", async (t) => {
  const { stick, clock, directory } = await openStick(t);
  stick.isPlugged = false;
  stick.refuse = "umount: not allowed";
  await clock.advance(10 * SECOND);
  assert.equal(directory.status.value.mounted, false);
  stick.isPlugged = true;
  stick.refuse = undefined;
  stick.checkFails = true;
  stick.source = undefined;
  await clock.advance(10 * SECOND);
  assert.equal(directory.status.value.mounted, true);
});

test("a mount with a number of its own, as btrfs has, is never taken for dead", async () => {
  const system = new FakeStick();
  system.source = "/dev/sda1";
  system.number = "0:45";
  system.isPlugged = false;
  assert.equal(
    await new Medium({ device: "/dev/sda1", mountPoint: "/mnt" }, SILENT, system).isMounted(),
    true,
  );
  system.number = "8:1";
  assert.equal(
    await new Medium({ device: "/dev/sda1", mountPoint: "/mnt" }, SILENT, system).isMounted(),
    false,
  );
});

test("a stick that another program mounts is used again when it is back, and never the bare mount point", async (t) => {
  const mountPoint = await temporaryFolder(t);
  const stick = new FakeStick();
  stick.source = "/dev/sda1";
  const clock = new VirtualClock();
  const directory = await openDirectory(t, mountPoint, { disk: stick.disk, clock });
  stick.isPlugged = false;
  await clock.advance(10 * SECOND);
  stick.source = undefined;
  await clock.advance(10 * SECOND);
  assert.equal(directory.status.value.mounted, false);
  stick.isPlugged = true;
  stick.source = "/dev/sda1";
  await clock.advance(10 * SECOND);
  assert.equal(directory.status.value.mounted, true);
});

test("mounting that fails again and again is tried ever less often", async (t) => {
  const { stick, clock, directory } = await openStick(t);
  await directory.unmount(NEVER);
  stick.isPlugged = false;
  await clock.advance(10 * SECOND);
  stick.isPlugged = true;
  stick.refuse = "mount: wrong fs type";
  stick.ran.length = 0;
  await clock.advance(3600 * SECOND);
  assert.ok(stick.ran.length > 5 && stick.ran.length < 15, `${stick.ran.length} attempts in an hour`);
  stick.refuse = undefined;
  await clock.advance(700 * SECOND);
  assert.equal(directory.status.value.mounted, true);
});

test("device numbers and names are those of the kernel and of udev", () => {
  assert.equal(deviceNumber(0x801), "8:1");
  assert.equal(deviceNumber(0x1_03_05), "259:5");
  assert.equal(devicePath("/dev/sda1"), "/dev/sda1");
  assert.equal(devicePath("LABEL=VSCOPE"), "/dev/disk/by-label/VSCOPE");
  assert.equal(devicePath('LABEL="my data"'), "/dev/disk/by-label/my\\x20data");
  assert.equal(devicePath("UUID=1234-ABCD"), "/dev/disk/by-uuid/1234-ABCD");
});

test("a data directory that is not below its mount point is a mistake of the configuration", async (t) => {
  const mount = { device: "/dev/sda1", mountPoint: "/mnt" };
  await assert.rejects(openDirectory(t, "/mnt2/data", { mount }), (error) =>
    isVscopeError(error, "CONFIG_INVALID"),
  );
});
