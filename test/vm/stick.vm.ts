// A data directory on a USB stick that the server mounts itself: recorded, unmounted on request, pulled out in the
// middle of a batch and put back.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { z } from "zod";
import { isVscopeError } from "../../src/base/errors.ts";
import type { VscopeClient } from "../../src/client/vscope-client.ts";
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
// Without uuid while it is not mounted.
const statusShape = z.looseObject({
  uuid: z.string().optional(),
  readOnly: z.boolean(),
  mounted: z.boolean(),
});
const eventsShape = z.looseObject({ events: z.array(z.looseObject({ event: z.string() })) });
const PATIENCE_MS = 120_000;
// Of the unmounted stick, without repairing anything.
const CHECK = { vfat: "fsck.vfat -n /dev/sda1", ext4: "fsck.ext4 -f -n /dev/sda1" } as const;

const folder = mkdtempSync(join(tmpdir(), "vscope-stick-"));
after(() => rmSync(folder, { recursive: true }));

for (const fileSystem of ["vfat", "ext4"] as const) {
  describe(fileSystem, () => {
    let rig: Rig;
    let server: GuestServer;
    before(async () => {
      const stick = { image: join(folder, `${fileSystem}.img`) };
      makeStick(stick.image, fileSystem);
      const spectrometers = [{ model: "Flame-S", serial: "FLMS01859" }] as const;
      rig = await Rig.boot(`stick-${fileSystem}`, { spectrometers, stick });
      await rig.insertStick();
      await rig.guest.run(PREPARE_STICK);
    });
    after(() => rig.end());

    const isMounted = (): Promise<boolean> => server.client.getAs("/datadir/mount", z.boolean());
    const isInKernel = async (): Promise<boolean> =>
      (await rig.guest.attempt("findmnt /media/stick")).status === 0;

    test("the server starts before the stick is there, and waits for it", async () => {
      await rig.pullStick();
      server = await rig.start({ config: CONFIG });
      await server.line("waits for the medium");
      assert.equal(await rig.guest.run("ls -A /media/stick"), "", "nothing on the bare mount point");
      await rig.insertStick();
      await server.ready();
      assert.equal(await isMounted(), true);
    });

    test("mounted by configuration, recorded, unmounted on request, mounted again", async () => {
      const { client } = server;
      const operation = await client.record({ run: "first", sequences: 5 });
      await operation.result(AbortSignal.timeout(PATIENCE_MS));
      await client.put("/datadir/mount", false);
      assert.equal(await isMounted(), false);
      assert.equal(await isInKernel(), false);
      await rig.guest.run(CHECK[fileSystem]);
      await client.put("/datadir/mount", true);
      const { total } = await client.run("first");
      assert.equal(total, 7);
    });

    test("made read-only: checked, mounted again without being asked, and noted", async () => {
      const { client } = server;
      await client.put("/datadir/run", "first");
      // As a kernel does that finds the file system damaged: files are open for writing, which an ordinary remount refuses.
      await rig.guest.run("echo u > /proc/sysrq-trigger");
      await until("it to be noted", async () => {
        const events = (await eventsOf(client, "first")) ?? [];
        return events.some(({ event }) => event === "medium-read-only") ? true : undefined;
      });
      const { mounted, readOnly } = await client.getAs("/datadir", statusShape);
      assert.deepEqual([mounted, readOnly], [true, false]);
      const again = await client.record({ run: "first", sequences: 1 });
      await again.result(AbortSignal.timeout(PATIENCE_MS));
    });

    test("a data directory with another uuid is another one, and the list tells both", async () => {
      const { client } = server;
      const uuidNow = async () => (await client.getAs("/datadir", statusShape)).uuid;
      const first = await uuidNow();
      await client.put("/datadir/mount", false);
      await rig.guest.run(`mount /dev/sda1 /media/stick
        mv /media/stick/vscope_data/.vscope-id /media/stick/id; umount /media/stick`);
      await client.put("/datadir/mount", true);
      const second = await uuidNow();
      assert.notEqual(second, first);
      const known = await client.getAs("/datadir/known", z.array(z.looseObject({ uuid: z.string() })));
      assert.deepEqual(
        known.map(({ uuid }) => uuid),
        [second, first],
      );
    });

    test("pulled out while writing: the batch ends with an error of the data directory; put back, recording goes on", async (context) => {
      const { client } = server;
      const counts: number[] = [];
      for (const round of ["on request", "by itself"]) {
        const error = await pulledOutWhileRecording(rig, client);
        context.diagnostic(JSON.stringify(error));
        assert.match(error.code, /^DATADIR_/);
        await until("the loss to be seen", async () => ((await isMounted()) ? undefined : true));
        await until("the kernel to forget it", async () => ((await isInKernel()) ? undefined : true));
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
      await client.put("/datadir/mount", false);
      assert.equal(await rig.guest.run("ls -A /media/stick"), "", "nothing on the bare mount point");
    });
  });
}

/** The error that a batch ends with when the stick is pulled out after ten steps. */
async function pulledOutWhileRecording(
  rig: Rig,
  client: VscopeClient,
): Promise<{ readonly code: string; readonly message: string }> {
  const operation = await client.record({ run: "pulled", sequences: 500 });
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

/** Undefined while the medium is away (5.03). */
async function eventsOf(client: VscopeClient, run: string) {
  try {
    return (await client.getAs(`/datadir/runs/${run}/events`, eventsShape)).events;
  } catch (error) {
    if (isVscopeError(error, "DEVICE_NOT_CONNECTED")) return undefined;
    throw error;
  }
}
