import assert from "node:assert/strict";
import { test } from "node:test";
import {
  bareMountPoint,
  LINUX_TABLE,
  mountedAt,
  mountOf,
  mountsOf,
} from "../../../src/datadir/medium/mount-table.ts";

const MOUNT_INFO = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
36 22 8:1 / /mnt rw,noatime master:1 - vfat /dev/sda1 rw,utf8
37 22 8:17 / /mnt/with\\040space rw - ext4 /dev/sdb1 rw
`;
const FSTAB = `# <file system> <mount point> ...
/dev/vda / ext4 errors=remount-ro 0 1
UUID=A-B\t/mnt/  vfat nofail 0 0
LABEL=deep /srv/data/deep ext4 noauto,x-systemd.automount 0 0
LABEL=wide /srv\\040wide ext4 nofail 0 0
LABEL=hand /srv/hand ext4 noauto,user 0 0
/dev/vda2 none swap sw 0 0
`;

test("the kernel's list is read with its escapes, the newest mount counts", () => {
  assert.equal(mountedAt(MOUNT_INFO, "/mnt")?.source, "/dev/sda1");
  assert.equal(mountedAt(MOUNT_INFO, "/mnt/")?.source, "/dev/sda1");
  assert.equal(mountedAt(MOUNT_INFO, "/")?.source, "/dev/vda");
  assert.equal(mountedAt(MOUNT_INFO, "/mnt/with space")?.source, "/dev/sdb1");
  assert.equal(mountedAt(MOUNT_INFO, "/media"), undefined);
  const mount = { number: "8:1", mountPoint: "/mnt", fileSystem: "vfat", source: "/dev/sda1" };
  assert.deepEqual(mountedAt(MOUNT_INFO, "/mnt"), { ...mount, isReadOnly: false });
  const newer = `${MOUNT_INFO}40 36 8:33 / /mnt rw - ext4 /dev/sdc1 rw\n`;
  assert.equal(mountedAt(newer, "/mnt")?.source, "/dev/sdc1");
});

test("this machine's list is understood", async () => {
  assert.notEqual(mountedAt(await LINUX_TABLE.mountInfo(), "/proc"), undefined);
  assert.equal(typeof (await LINUX_TABLE.fstab()), "string");
});

test("a path lies on the mount with the longest mount point", () => {
  assert.equal(mountOf(MOUNT_INFO, "/mnt/data")?.source, "/dev/sda1");
  assert.equal(mountOf(MOUNT_INFO, "/mnt/with space/data")?.source, "/dev/sdb1");
  assert.equal(mountOf(MOUNT_INFO, "/mntdata")?.source, "/dev/vda");
  assert.equal(mountOf("", "/mnt"), undefined);
});

test("read-only is read from the options of the mount and of its file system", () => {
  const isReadOnly = (options: string, own: string): boolean | undefined =>
    mountsOf(`36 22 8:1 / /mnt ${options} - ext4 /dev/sda1 ${own}`)[0]?.isReadOnly;
  assert.equal(isReadOnly("rw,noatime", "rw,errors=remount-ro"), false);
  assert.equal(isReadOnly("ro,noatime", "rw"), true);
  assert.equal(isReadOnly("rw,noatime", "ro,errors=remount-ro"), true);
  assert.equal(isReadOnly("rw,noatime", "rw,emergency_ro"), true);
});

test("a mount point of fstab is bare until something is mounted there or deeper", () => {
  const bare = (path: string, mountInfo = MOUNT_INFO): string | undefined =>
    bareMountPoint({ mountInfo, fstab: FSTAB }, path);
  const line = (mountPoint: string, fileSystem = "ext4"): string =>
    `${MOUNT_INFO}50 22 8:49 / ${mountPoint} rw - ${fileSystem} /dev/sdd1 rw\n`;
  assert.equal(bare("/mnt/data"), undefined);
  assert.equal(bare("/home/pi/data"), undefined);
  assert.equal(bare("/srv/data/other"), undefined);
  assert.equal(bare("/srv/data/deep"), "/srv/data/deep");
  assert.equal(bare("/srv/data/deep/runs"), "/srv/data/deep");
  assert.equal(bare("/srv wide/runs"), "/srv wide");
  assert.equal(bare("/srv/hand/runs"), undefined, "mounted by hand, if at all");
  assert.equal(bare("/srv/data/deep/runs", line("/srv")), "/srv/data/deep");
  assert.equal(bare("/srv/data/deep/runs", line("/srv/data/deep")), undefined);
  assert.equal(bare("/srv/data/deep/runs", line("/srv/data/deep", "autofs")), "/srv/data/deep");
  assert.equal(bare("/srv/data/deep/runs/a", line("/srv/data/deep/runs")), undefined);
  assert.equal(bare("/srv/data/deep", ""), undefined, "the kernel tells nothing");
});
