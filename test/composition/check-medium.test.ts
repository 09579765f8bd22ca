// What `--check` says of the medium: a data directory that the server would wait for, or refuse, is not passed over.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { checkMedium } from "../../src/composition/check-medium.ts";
import { parseServerConfig } from "../../src/config/server-config.ts";

const ROOT = "1 0 8:2 / / rw - ext4 /dev/sda2 rw\n";
const THIS = "aebe979b-3dbe-44b9-b926-825c6d4fcc23";
const OTHER = "0b6c1f0e-9c0a-4c3e-8a39-1f6f6b0f3a11";

interface Computer {
  readonly mounted: boolean;
  readonly fstab?: boolean;
  readonly uuid?: string;
}

/** What the check prints and throws for a mount point with these lines of `[datadir]`. */
async function checked(t: TestContext, lines: (mountPoint: string) => string, computer: Computer) {
  const mountPoint = await mkdtemp(join(tmpdir(), "vscope-"));
  t.after(() => rm(mountPoint, { recursive: true }));
  if (computer.uuid !== undefined) {
    const identity = { uuid: computer.uuid, madeUtc: "2026-06-21T12:00:00Z", host: "box" };
    await mkdir(join(mountPoint, "data"));
    await writeFile(join(mountPoint, "data", ".vscope-id"), JSON.stringify(identity));
  }
  const before = await readdir(mountPoint);
  const mount = `2 1 8:1 / ${mountPoint} rw - ext4 /dev/sdb1 rw\n`;
  const table = {
    mountInfo: () => Promise.resolve(computer.mounted ? ROOT + mount : ROOT),
    fstab: () => Promise.resolve(computer.fstab === true ? `/dev/sdb1 ${mountPoint} ext4 nofail 0 2\n` : ""),
  };
  const { config } = parseServerConfig(`[datadir]\n${lines(mountPoint)}`, "x.cfg");
  const printed: string[] = [];
  const said = await checkMedium(config, table, (line) => void printed.push(line)).then(
    () => printed.join("\n"),
    (error: Error) => error.message,
  );
  assert.deepEqual(await readdir(mountPoint), before, "nothing is made");
  return said.replaceAll(mountPoint, "MNT");
}

const OWN = (mountPoint: string): string =>
  `mount = True\ndevice = /dev/sdb1\nmntpnt = ${mountPoint}\ndatadir = data\n`;
const SYSTEMS = (mountPoint: string): string => `datadir = ${mountPoint}/data\n`;

test("a medium that the server mounts itself", async (t) => {
  const away = /^\/dev\/sdb1: not mounted at MNT; the server does that, for the check mount it by hand$/;
  assert.match(await checked(t, OWN, { mounted: false }), away);
  assert.equal(await checked(t, OWN, { mounted: true }), "medium           /dev/sdb1: mounted at MNT");
});

test("the bare mount point of a line in fstab, and of an automounter", async (t) => {
  const bare = /^data directory MNT\/data: nothing is mounted at MNT, a medium is required$/;
  assert.match(await checked(t, SYSTEMS, { mounted: false, fstab: true }), bare);
  const required = (mountPoint: string): string => `${SYSTEMS(mountPoint)}require_mount = True\n`;
  const onRoot = /^data directory MNT\/data: it lies on the disk of \/, a medium is required$/;
  assert.match(await checked(t, required, { mounted: false }), onRoot);
  assert.equal(await checked(t, required, { mounted: true, fstab: true }), "");
});

test("another data directory than the one that is wanted", async (t) => {
  const wanted = (mountPoint: string): string => `${OWN(mountPoint)}uuid = ${THIS}\n`;
  assert.match(
    await checked(t, wanted, { mounted: true, uuid: OTHER }),
    new RegExp(`is ${OTHER}, datadir\\.uuid is ${THIS}$`),
  );
  assert.match(await checked(t, wanted, { mounted: true }), /has no uuid/);
  assert.match(await checked(t, wanted, { mounted: true, uuid: THIS }), /^medium/);
});

test("a folder on the computer's own disk needs no medium, and may not be there yet", async (t) => {
  assert.equal(await checked(t, SYSTEMS, { mounted: false }), "");
});
