// The whole instrument: pins move shutters, shutters let light through, and the bytes on the bus show it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { MS } from "../../src/base/clock.ts";
import { logTo, SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import type { UsbTransport } from "../../src/drivers/usb/port.ts";
import {
  createEmulatedInstrument,
  type EmulatedInstrument,
  type EmulatedInstrumentOptions,
} from "../../src/emulator/instrument.ts";

interface Rig {
  readonly clock: VirtualClock;
  readonly instrument: EmulatedInstrument;
  readonly flame: UsbTransport;
}

async function rig(options: Partial<EmulatedInstrumentOptions> = {}): Promise<Rig> {
  const clock = new VirtualClock();
  const instrument = createEmulatedInstrument({ clock, log: SILENT, ...options });
  const [first] = await instrument.bus.list();
  assert.ok(first !== undefined);
  return { clock, instrument, flame: await first.open(NEVER) };
}

async function pulse({ clock, instrument }: Rig, pin: number): Promise<void> {
  const line = await instrument.gpio.output(pin, 0);
  line.write(1);
  await clock.advance(30 * MS);
  line.write(0);
  line.close();
}

/** Peak of a fresh frame of the Flame at 20 ms. */
async function peak({ clock, flame }: Rig): Promise<number> {
  await flame.write(0x01, Uint8Array.of(0x02, 0x20, 0x4e, 0, 0), NEVER);
  await clock.advance(150 * MS);
  await flame.write(0x01, Uint8Array.of(0x09), NEVER);
  const frame = Buffer.from(await clock.run(flame.read(0x82, 4608, NEVER)));
  assert.equal(frame.length, 4097);
  return Math.max(...Array.from({ length: 2048 }, (_, pixel) => frame.readUInt16LE(2 * pixel)));
}

test("the default instrument: a Flame-S and a QE Pro, two channels, all dark", async () => {
  const made = await rig();
  assert.deepEqual([...made.instrument.devices.keys()], ["FLMS01859", "QEP00709"]);
  assert.deepEqual(made.instrument.scene.channels, ["downwelling", "upwelling"]);
  assert.deepEqual(
    (await made.instrument.bus.list()).map(({ productId }) => productId.toString(16)),
    ["101e", "4004"],
  );
  assert.ok((await peak(made)) < 3000);
});

test("pulses on pins 18 and 22 open the channels one by one; light of both adds up; 17 and 27 close", async () => {
  const made = await rig();
  await pulse(made, 18);
  const downwelling = await peak(made);
  await pulse(made, 22);
  const both = await peak(made);
  await pulse(made, 17);
  const upwelling = await peak(made);
  await pulse(made, 27);
  assert.ok(downwelling > 40_000, `${downwelling}`);
  assert.ok(both > downwelling + 1000);
  assert.ok(upwelling > 5000 && upwelling < 0.5 * downwelling, `${upwelling}`);
  assert.ok((await peak(made)) < 3000);
});

test("reverse: what should open closes", async () => {
  const made = await rig({
    shutters: [
      { channel: "up", reverse: true, wiring: { kind: "latching", openPin: 5, closePin: 6 } },
      { channel: "sky", reverse: true, wiring: { kind: "level", pin: 7, activeHigh: true } },
    ],
  });
  const { shutters } = made.instrument;
  await pulse(made, 6);
  assert.equal(shutters.get("up")?.openness, 1);
  assert.equal(shutters.get("sky")?.openness, 1);
  (await made.instrument.gpio.output(7, 0)).write(1);
  await made.clock.advance(20 * MS);
  assert.equal(shutters.get("sky")?.openness, 0);
});

test("the same seed gives the same bytes, whatever the object", async () => {
  const frames = await Promise.all(
    [1, 1, 2].map(async (seed) => {
      const made = await rig({ seed });
      await pulse(made, 18);
      await made.flame.write(0x01, Uint8Array.of(0x09), NEVER);
      return Buffer.from(await made.clock.run(made.flame.read(0x82, 4608, NEVER))).toString("hex");
    }),
  );
  assert.equal(frames[0], frames[1]);
  assert.notEqual(frames[0], frames[2]);
});

test("faults are planned per device, and the truth can be read afterwards", async () => {
  const made = await rig();
  const device = made.instrument.devices.get("FLMS01859");
  await peak(made);
  assert.equal(device?.spectrometer.truth.newest?.integrationTimeUs, 20 * MS);
  device?.faults.start({ kind: "unplug", nth: 1 });
  await assert.rejects(made.flame.write(0x01, Uint8Array.of(0xfe), NEVER), { code: "DEVICE_NOT_CONNECTED" });
  assert.equal((await made.instrument.bus.list()).length, 1);
});

test("the log says that the instrument is emulated", () => {
  const lines: string[] = [];
  const log = logTo({ write: (line: string) => lines.push(line) });
  createEmulatedInstrument({ clock: new VirtualClock(), log });
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /"level":40.*FLMS01859.*emulated instrument/);
});

test("nothing ticks while nobody asks", async () => {
  const { clock } = await rig();
  assert.equal(clock.pending, 0);
  await clock.advance(3600_000 * MS);
  assert.equal(clock.pending, 0);
});
