// What the recorder writes, the replayer plays: whole sessions with an emulated device are recorded, and the driver then
// does the same against the recording alone, at the same times, with the same results.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import type { Clock } from "../../src/base/clock.ts";
import { SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import type { ModelName } from "../../src/drivers/oceanoptics/models.ts";
import { openDriver } from "../../src/drivers/oceanoptics/open.ts";
import type { UsbDevice } from "../../src/drivers/usb/port.ts";
import { recordUsb } from "../../src/drivers/usb/recording-bus.ts";
import type { Firmware } from "../../src/emulator/device/spectrometer.ts";
import { createEmulatedInstrument, type EmulatedDevice } from "../../src/emulator/instrument.ts";
import { ReplayTransport } from "./replay-transport.ts";

/** What a session came to, comparable. */
type Outcome = readonly (readonly [what: string, atUs: number, result: unknown])[];

// Opens, exposes, gives up an exposure, recovers, exposes again, meets a fault, recovers, closes.
async function session(device: UsbDevice, clock: VirtualClock, fault: () => void): Promise<Outcome> {
  const outcome: [string, number, unknown][] = [];
  const note = async (what: string, task: Promise<unknown>): Promise<void> => {
    const result = await task.catch((error: unknown) => String(error));
    outcome.push([what, clock.nowUs(), result]);
  };
  const driver = await openDriver({ device, clock, log: SILENT, isSimulated: true }, NEVER);
  const acquire = (integrationTimeUs: number, signal: AbortSignal = NEVER) =>
    driver.acquire({ integrationTimeUs, notBeforeUs: clock.nowUs() }, signal);
  await note("identity", Promise.resolve(driver.identity));
  await note("first", acquire(20_000));
  await note("second", acquire(50_000));
  await note("abandoned", acquire(5_000_000, abortedAfter(clock, 700_000)));
  await note("resynchronized", driver.resynchronize(NEVER));
  await note("third", acquire(20_000));
  fault();
  await note("faulty", acquire(30_000));
  await note("resynchronized", driver.resynchronize(NEVER));
  await note("last", acquire(20_000));
  await driver.close();
  return outcome;
}

function abortedAfter(clock: Clock, us: number): AbortSignal {
  const controller = new AbortController();
  clock.after(us, () => controller.abort(new RangeError("given up")));
  return controller.signal;
}

/** A session with an emulated device, recorded or bare. */
async function live(
  model: ModelName,
  firmware: Firmware,
  isRecorded = true,
): Promise<{ readonly lines: readonly string[]; readonly outcome: Outcome }> {
  const clock = new VirtualClock();
  const spectrometers = [{ model, serial: "TEST00001", firmware }];
  const { bus, devices } = createEmulatedInstrument({ clock, log: SILENT, spectrometers });
  const lines: string[] = [];
  const used = isRecorded ? recordUsb(bus, { clock, sink: (line) => lines.push(line) }) : bus;
  const [device] = await used.list();
  const emulated: EmulatedDevice | undefined = devices.get("TEST00001");
  assert.ok(device && emulated);
  const fault = (): void => emulated.faults.start({ kind: "stall", nth: 2 });
  return { outcome: await clock.run(session(device, clock, fault)), lines };
}

const SESSIONS: readonly (readonly [ModelName, Firmware])[] = [
  ["USB2000", {}],
  ["Flame-S", {}],
  ["USB4000", { speed: "high" }],
  ["USB4000", { speed: "full" }],
  ["Jaz", {}],
  ["NIRQuest512", {}],
  ["STS", {}],
  ["QE Pro", { leftoverFrames: 1 }],
  ["ST", {}],
];

for (const [model, firmware] of SESSIONS) {
  test(`${model} ${JSON.stringify(firmware)}: the driver does the same against the recording`, async () => {
    const { lines, outcome } = await live(model, firmware);
    const results = new Map(outcome.map(([what, , result]) => [what, result]));
    assert.match(String(results.get("abandoned")), /given up/);
    assert.match(String(results.get("faulty")), /stalled/);
    assert.deepEqual((await live(model, firmware, false)).outcome, outcome, "recording changes something");
    const clock = new VirtualClock();
    const transport = new ReplayTransport(lines.join("\n"), { clock });
    const again = await clock.run(session(transport.device, clock, () => {}));
    transport.finish();
    assert.deepEqual(again, outcome);
    assert.equal(clock.pending, 0);
  });
}

for (const model of ["STS", "QE Pro"] as const) {
  test(`${model}: replays at another time of day, when messages have other numbers`, async () => {
    const { lines, outcome } = await live(model, {});
    const clock = new VirtualClock(Date.UTC(2027, 0, 1) * 1000);
    const transport = new ReplayTransport(lines.join("\n"), { clock, anyRegarding: true });
    const again = await clock.run(session(transport.device, clock, () => {}));
    transport.finish();
    assert.deepEqual(again, outcome);
  });
}
