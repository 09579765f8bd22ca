// Spectrometers of four protocol families on a real kernel and libusb: they come and go, stall, fall silent, are held
// by another program or closed to the user. Each scenario leaves them working for the next.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { z } from "zod";
import { SECOND } from "../../src/base/clock.ts";
import type { Operation } from "../../src/client/operation.ts";
import type { VscopeClient } from "../../src/client/vscope-client.ts";
import { type GuestServer, until } from "./rig/guest-server.ts";
import { Rig } from "./rig/rig.ts";
import { endTraces, startTraces } from "./rig/traces.ts";

const SPECTROMETERS = [
  { model: "Flame-S", serial: "FLMS01859" },
  { model: "HR4000", serial: "HR4C0001" },
  { model: "USB2000", serial: "USB2G0001" },
  { model: "QE Pro", serial: "QEP00709" },
] as const;
const SERIALS: readonly string[] = SPECTROMETERS.map(({ serial }) => serial);
const FOLDER = "/var/lib/vscope";
const CONFIG = `[datadir]\ndatadir = ${FOLDER}\n[hardware]\ngpio = none\n`;
const INSTRUMENT = { folder: FOLDER, text: "[channels]\n  [[shutter_1]]\n    direction = upwelling\n" };
const PATIENCE_MS = 120_000;

const shelf = z.looseObject({
  spectrometers: z.array(z.looseObject({ serial: z.string(), state: z.string() })),
  problems: z.array(z.looseObject({ code: z.string(), message: z.string() })),
});

let rig: Rig;
let server: GuestServer;
let client: VscopeClient;
before(async () => {
  rig = await Rig.boot("usb", { spectrometers: SPECTROMETERS });
  await restart();
});
after(() => rig.end());

async function restart(user?: string): Promise<void> {
  server = await rig.serve({
    config: CONFIG,
    instrument: INSTRUMENT,
    ...(user === undefined ? {} : { user }),
  });
  client = server.client;
}

/** `undefined` for one that the server has not seen since its start. */
async function stateOf(serial: string): Promise<string | undefined> {
  const { spectrometers } = await client.getAs("/spectrometers", shelf);
  return spectrometers.find((one) => one.serial === serial)?.state;
}

async function problems(): Promise<string> {
  return (await client.getAs("/spectrometers", shelf)).problems
    .map(({ code, message }) => `${code} ${message}`)
    .join("\n");
}

function reaches(serial: string, state: string): Promise<true> {
  return until(`${serial} to be ${state}`, async () =>
    (await stateOf(serial)) === state ? true : undefined,
  );
}

/** How an operation ends, whatever it is. */
async function finalStatus(
  operation: Operation,
): Promise<{ readonly state: string; readonly error: string }> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  let last = await operation.status(signal);
  for await (const status of operation.progress(signal)) last = status;
  return { state: last.state, error: last.error?.message ?? "" };
}

async function record(): Promise<{ readonly state: string; readonly error: string }> {
  return finalStatus(await client.record({ run: "usb", sequences: 1 }));
}

async function works(): Promise<void> {
  for (const serial of SERIALS) await reaches(serial, "idle");
  assert.deepEqual(await record(), { state: "done", error: "" });
}

test("four protocol families are found and record", async () => {
  await works();
});

test("unplugged and plugged in again while idle", async () => {
  for (const serial of SERIALS) {
    rig.spectrometer(serial).unplug();
    await reaches(serial, "disconnected");
    rig.spectrometer(serial).plug();
  }
  await works();
});

test("unplugged in mid-exposure: the others record, and it comes back", async () => {
  for (const serial of SERIALS) {
    const { faults } = rig.spectrometer(serial);
    faults.start({ kind: "unplug", nth: 2, direction: "read" });
    const { state, error } = await record();
    assert.equal(state, "failed", `${serial}: ${error}`);
    assert.match(error, new RegExp(serial));
    await reaches(serial, "disconnected");
    rig.spectrometer(serial).plug();
    await works();
  }
});

test("a stalled endpoint costs at most one recording", async () => {
  for (const serial of SERIALS) {
    const { faults } = rig.spectrometer(serial);
    faults.start({ kind: "stall", nth: 2, direction: "read" });
    await record();
    assert.equal(faults.fired.length, 1);
    await works();
  }
});

test("a device that falls silent on an idle bus is given up within its deadlines, and a batch outlasts it", async (context) => {
  const serial = "FLMS01859";
  const others = SERIALS.filter((one) => one !== serial);
  await server.stop();
  for (const other of others) rig.spectrometer(other).unplug();
  await restart();
  // The first read after opening may last a minute: a session that died can have left an exposure as long as that.
  await reaches(serial, "idle");
  assert.deepEqual(await record(), { state: "done", error: "" });
  const { faults } = rig.spectrometer(serial);
  faults.start(
    ...Array.from(
      { length: 500 },
      (_, index) => ({ kind: "silence", nth: index + 2, direction: "read" }) as const,
    ),
  );
  await startTraces(rig.machine);
  const operation = await client.record({ run: "usb", sequences: 1 });
  await reaches(serial, "faulty");
  const { transfers } = await endTraces(rig.machine);
  const silent = transfers.filter(({ endpoint, bytes }) => endpoint >= 0x80 && bytes === 0);
  const longestUs = Math.max(...silent.map(({ atUs, submittedUs }) => atUs - submittedUs));
  context.diagnostic(`${silent.length} reads without an answer, the longest ended after ${longestUs} us`);
  // Deadlines are 0.1 to 1 s here. The library's own time-out would come after 60 s.
  assert.ok(silent.length > 0 && longestUs < 10 * SECOND, `${silent.length} reads, ${longestUs} us`);
  faults.start();
  const end = await finalStatus(operation);
  assert.equal(end.state, "failed");
  assert.match(end.error, /no spectrum within \d+ ms/);
  for (const other of others) rig.spectrometer(other).plug();
  await works();
});

test("unplugged and plugged in again during the start of the server", async () => {
  const { faults } = rig.spectrometer("HR4C0001");
  for (const nth of [1, 4, 9]) {
    await server.stop();
    faults.start({ kind: "unplug", nth });
    await restart();
    assert.equal(faults.fired.length, 1);
    rig.spectrometer("HR4C0001").plug();
    await works();
  }
});

test("a device that another program holds is named, and used when it is free", async () => {
  await server.stop();
  await rig.guest.run(`cat >/run/hold.mjs <<'END'
    import { createRequire } from "node:module";
    const { usb } = createRequire("/opt/vscope-server/package.json")("usb");
    const device = usb.getDeviceList().find(({ deviceDescriptor }) => deviceDescriptor.idProduct === 0x101e);
    device.open();
    device.interface(0).claim();
    console.log("held");
    setInterval(() => {}, 1000);
END
    node /run/hold.mjs >/run/held 2>&1 & echo $! >/run/hold.pid; until grep -q . /run/held; do sleep 0.1; done; cat /run/held`);
  await restart();
  assert.match(await problems(), /^DEVICE_BUSY .*in use by another program/);
  await rig.guest.run("kill -9 $(cat /run/hold.pid)");
  await works();
});

test("without the udev rule the server says so; with it, it works", async () => {
  await server.stop();
  await rig.guest.run(
    "groupadd -f plugdev; groupadd -f gpio; useradd -r -G plugdev,gpio -d /var/lib/vscope vscope; chown -R vscope: /var/lib/vscope",
  );
  await restart("vscope");
  assert.match(await problems(), /^DEVICE_PERMISSION .*60-vscope\.rules/);
  await rig.guest.run(
    "cp /opt/vscope-server/etc/60-vscope.rules /etc/udev/rules.d/ && udevadm control --reload && udevadm trigger && udevadm settle",
  );
  await works();
});
