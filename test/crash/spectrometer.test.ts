// A server that dies leaves the spectrometers as they are at that moment: in mid-exposure, with half an answer taken or
// half a message sent, with the trigger armed. The next one must find and use them without anybody pulling a plug.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { SECOND } from "../../src/base/clock.ts";
import { SILENT } from "../../src/base/log.ts";
import type { SpectrometerModel } from "../../src/drivers/oceanoptics/model.ts";
import { type ModelName, modelNamed } from "../../src/drivers/oceanoptics/models.ts";
import { encodeObp, OBP2_VERSION, OBP_VERSION } from "../../src/drivers/oceanoptics/obp-frame.ts";
import { openDriver } from "../../src/drivers/oceanoptics/open.ts";
import type { UsbDevice, UsbTransport } from "../../src/drivers/usb/port.ts";
import { RackBench } from "../instruments/spectrometer-bench.ts";

const SERIAL = "SN0001";
const MODELS: readonly ModelName[] = ["Flame-S", "USB2000", "QE65000", "STS", "QE Pro", "Ocean FX", "SR4"];
const SET_TRIGGER = { ooi: 0x0a, obp: 0x0011_0110, obp2: 0x0011_0110 } as const;

/** A bench whose rack has not been started: the server after the crash. */
async function device(model: ModelName): Promise<[RackBench, UsbDevice]> {
  const bench = new RackBench({ spectrometers: [{ model, serial: SERIAL }] });
  const [found] = await bench.instrument.bus.list();
  assert.ok(found);
  return [bench, found];
}

/** Starts the next server; its first spectrum must be one of now. */
async function recovers(bench: RackBench): Promise<void> {
  await bench.start();
  const spectrometer = bench.rack.spectrometer(SERIAL);
  assert.equal(spectrometer.status.value.state, "idle");
  const notBeforeUs = bench.clock.nowUs();
  const { counts, instrument } = await bench.acquire(spectrometer, { integrationTimeUs: 20_000 });
  assert.equal(counts.length, instrument.pixels);
  const truth = bench.device(SERIAL).spectrometer.truth.newest;
  assert.ok(truth !== undefined && truth.startUs >= notBeforeUs, "stale");
  assert.deepEqual(bench.rack.problems.value, []);
  assert.deepEqual(bench.steps, [], "the ladder was needed");
  await bench.close();
}

/**
 * The connection of a process that dies at its N-th transfer, before or in the middle of it. As the system does it:
 * transfers are cancelled, and nothing is sent any more.
 */
function dying(transport: UsbTransport, nth: number, when: "before" | "within"): UsbTransport {
  let transfers = 0;
  const die = async (): Promise<never> => {
    await transport.close();
    throw new RangeError("killed");
  };
  return {
    speed: transport.speed,
    write: async (endpoint, bytes, signal) => {
      transfers += 1;
      if (transfers < nth) return transport.write(endpoint, bytes, signal);
      if (when === "within") await transport.write(endpoint, bytes.subarray(0, 64), signal);
      return die();
    },
    read: async (endpoint, length, signal) => {
      transfers += 1;
      if (transfers < nth) return transport.read(endpoint, length, signal);
      const packet = transport.speed === "high" ? 512 : 64;
      if (when === "within") await transport.read(endpoint, packet, signal);
      return die();
    },
    clearHalt: (endpoint) => transport.clearHalt(endpoint),
    reset: () => transport.reset(),
    close: () => transport.close(),
  };
}

for (const model of MODELS) {
  test(`${model}: killed at any transfer of a session`, async () => {
    let crashes = 0;
    for (const when of ["before", "within"] as const) {
      // Opening repeats itself: every fifth transfer of it, and every one of the acquisitions.
      let isAcquiring = false;
      for (let nth = 1, isThrough = false; !isThrough; nth += isAcquiring ? 1 : 5) {
        const [bench, found] = await device(model);
        const { clock } = bench;
        const session = async (): Promise<boolean> => {
          const mortal = { ...found, open: async () => dying(await found.open(NEVER), nth, when) };
          const driver = await openDriver({ device: mortal, clock, log: SILENT, isSimulated: true }, NEVER);
          isAcquiring = true;
          for (const integrationTimeUs of [20_000, 2 * SECOND]) {
            await driver.acquire({ integrationTimeUs, notBeforeUs: clock.nowUs() }, NEVER);
          }
          await driver.close();
          return true;
        };
        isThrough = await clock.run(session().catch(() => false));
        crashes += isThrough ? 0 : 1;
        await recovers(bench);
      }
    }
    assert.ok(crashes > 20, `${crashes} crashes`);
  });

  test(`${model}: killed during a long exposure`, async () => {
    for (const passedUs of [1, 100_000, 4_999_000]) {
      const [bench, found] = await device(model);
      const { clock } = bench;
      let transport: UsbTransport | undefined;
      const open = async (): Promise<UsbTransport> => (transport = await found.open(NEVER));
      const options = { device: { ...found, open }, clock, log: SILENT, isSimulated: true };
      const driver = await clock.run(openDriver(options, NEVER));
      const integrationTimeUs = 5 * SECOND;
      driver.acquire({ integrationTimeUs, notBeforeUs: clock.nowUs() }, NEVER).catch(() => {});
      await clock.advance(2 * SECOND + passedUs);
      await transport?.close();
      await recovers(bench);
    }
  });

  test(`${model}: killed with the trigger armed, a spectrum asked for`, async () => {
    const row = modelNamed(model);
    const modes = Object.values(row.triggers.at(-1)?.modes ?? {}).filter((number) => number !== 0);
    // Some are known by their normal mode only; then it is a spectrum that nobody fetched.
    for (const mode of [0, ...modes]) {
      const [bench, found] = await device(model);
      const transport = await found.open(NEVER);
      for (const bytes of armed(row, mode)) await transport.write(row.endpoints.out, bytes, NEVER);
      await bench.clock.advance(SECOND);
      await transport.close();
      await recovers(bench);
    }
  });
}

test("killed during an exposure of a minute: the ladder ends it, without the power switch", async () => {
  for (const model of ["Flame-S", "USB2000", "QE Pro"] as const) {
    const [bench, found] = await device(model);
    const { clock } = bench;
    let transport: UsbTransport | undefined;
    const open = async (): Promise<UsbTransport> => (transport = await found.open(NEVER));
    const options = { device: { ...found, open }, clock, log: SILENT, isSimulated: true };
    const driver = await clock.run(openDriver(options, NEVER));
    driver.acquire({ integrationTimeUs: 60 * SECOND, notBeforeUs: clock.nowUs() }, NEVER).catch(() => {});
    await clock.advance(5 * SECOND);
    await transport?.close();
    await bench.start();
    const spectrometer = bench.rack.spectrometer(SERIAL);
    await clock.run(spectrometer.acquire(bench.request(), NEVER).catch(() => {}));
    await clock.advance(40 * SECOND);
    assert.equal(spectrometer.status.value.state, "idle");
    await bench.acquire(spectrometer);
    await bench.close();
  }
});

/** The commands that set a trigger mode and ask for a spectrum. */
function armed({ protocol, spectrumRequest }: SpectrometerModel, mode: number): readonly Uint8Array[] {
  if (protocol === "ooi") return [Uint8Array.of(SET_TRIGGER.ooi, mode, 0), Uint8Array.of(0x09)];
  const version = protocol === "obp2" ? OBP2_VERSION : OBP_VERSION;
  const message = (type: number, data: Uint8Array): Uint8Array =>
    encodeObp({ version, flags: 0, error: 0, type, regarding: 7, data });
  return [message(SET_TRIGGER[protocol], Uint8Array.of(mode)), message(spectrumRequest, new Uint8Array(0))];
}
