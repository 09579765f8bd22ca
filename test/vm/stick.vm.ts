// A data directory on a USB stick that the server mounts itself: recorded, unmounted on request, pulled out in the
// middle of a batch and put back.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { z } from "zod";
import { type GuestServer, until } from "./rig/guest-server.ts";
import { Rig } from "./rig/rig.ts";
import { makeStick, PREPARE_STICK } from "./rig/stick.ts";

const CONFIG = `[datadir]
mount = True
device = /dev/disk/by-label/VSCOPE
mntpnt = /media/stick
reserve_mb = 4
[hardware]
gpio = none
`;
const PATIENCE_MS = 120_000;

const folder = mkdtempSync(join(tmpdir(), "vscope-stick-"));
let rig: Rig;
let server: GuestServer;
before(async () => {
  const stick = { image: join(folder, "stick.img") };
  makeStick(stick.image, "vfat");
  rig = await Rig.boot("stick", { spectrometers: [{ model: "Flame-S", serial: "FLMS01859" }], stick });
  await rig.insertStick();
  await rig.guest.run(PREPARE_STICK);
  server = await rig.serve({ config: CONFIG });
});
after(async () => {
  await rig.end();
  rmSync(folder, { recursive: true });
});

const isMounted = async (): Promise<boolean> => server.client.getAs("/datadir/mount", z.boolean());

const isInKernel = async (): Promise<boolean> =>
  (await rig.guest.attempt("findmnt /media/stick")).status === 0;

test("mounted by configuration, recorded, unmounted on request, mounted again", async () => {
  const { client } = server;
  const operation = await client.record({ run: "first", sequences: 5 });
  await operation.result(AbortSignal.timeout(PATIENCE_MS));
  await client.put("/datadir/mount", false);
  assert.equal(await isMounted(), false);
  assert.equal(await isInKernel(), false);
  assert.match(await rig.guest.run("/usr/sbin/fsck.vfat -n /dev/sda1"), /files, \d+\/\d+ clusters$/);
  await client.put("/datadir/mount", true);
  const { total } = await client.run("first");
  assert.equal(total, 7);
});

test("pulled out while writing: the batch ends with an error of the data directory; put back, recording goes on", async (context) => {
  const { client } = server;
  const counts: number[] = [];
  for (const round of ["on request", "by itself"]) {
    const error = await pulledOutWhileRecording();
    context.diagnostic(JSON.stringify(error));
    assert.match(error.code, /^DATADIR_/);
    await until("the loss to be seen", async () => ((await isMounted()) ? undefined : true));
    await until("the kernel to forget the dead mount", async () => ((await isInKernel()) ? undefined : true));
    const bare = await client.record({ run: "bare", sequences: 1 });
    await assert.rejects(bare.result(AbortSignal.timeout(PATIENCE_MS)), /the medium is not there/);
    await rig.insertStick();
    if (round === "on request") await client.put("/datadir/mount", true);
    else await until("the stick to be mounted", async () => ((await isMounted()) ? true : undefined));
    const again = await client.record({ run: "pulled", sequences: 1 });
    await again.result(AbortSignal.timeout(PATIENCE_MS));
    counts.push((await client.run("pulled")).total);
  }
  const [first = 0, second = 0] = counts;
  assert.ok(first > 8 && second > first + 8, `${first}, then ${second} files`);
  assert.equal(await rig.guest.run("ls -A /media/stick | grep -v '^FSCK'"), "vscope_data");
});

/** The error that a batch ends with when the stick is pulled out after ten steps. */
async function pulledOutWhileRecording(): Promise<{ readonly code: string; readonly message: string }> {
  const operation = await server.client.record({ run: "pulled", sequences: 500 });
  const signal = AbortSignal.timeout(PATIENCE_MS);
  await until("ten steps", async () => {
    const { progress } = await operation.status(signal);
    return progress.done > 10 ? true : undefined;
  });
  await rig.pullStick();
  let last = await operation.status(signal);
  for await (const status of operation.progress(signal)) last = status;
  assert.equal(last.state, "failed");
  return last.error ?? assert.fail("no error");
}
