// Each rung of the ladder cures what it is meant for, and no higher one is taken; every step leaves a line in the log.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { SECOND } from "../../src/base/clock.ts";
import { VscopeError } from "../../src/base/errors.ts";
import type { SpectrometerModel } from "../../src/drivers/oceanoptics/model.ts";
import { type ModelName, modelNamed } from "../../src/drivers/oceanoptics/models.ts";
import type { UsbBus, UsbDevice, UsbTransport } from "../../src/drivers/usb/port.ts";
import type { Fault, HangCure } from "../../src/emulator/usb/faults.ts";
import type { Spectrometer, SpectrometerState } from "../../src/instruments/spectrometer.ts";
import { RackBench } from "./spectrometer-bench.ts";

const SERIAL = "SN0001";
const SWITCH = { pin: 5, activeHigh: true, offUs: 3 * SECOND, onDelayUs: SECOND };
const MODELS: readonly ModelName[] = ["Flame-S", "USB2000", "QE65000", "STS", "QE Pro", "Ocean FX", "SR4"];
const DEADLINE_US = 300 * SECOND;

async function started(model: ModelName, power = false): Promise<[RackBench, Spectrometer, string[]]> {
  const spectrometers = [{ model, serial: SERIAL }];
  const bench = new RackBench({ spectrometers, power: power ? { [SERIAL]: SWITCH } : {} });
  await bench.start();
  await bench.clock.advance(30 * SECOND);
  const spectrometer = bench.rack.spectrometer(SERIAL);
  await bench.acquire(spectrometer);
  const states: string[] = [];
  spectrometer.status.subscribe(({ state }) => states.push(state));
  return [bench, spectrometer, states];
}

async function reaches(bench: RackBench, { status }: Spectrometer, wanted: SpectrometerState): Promise<void> {
  await bench.clock.run(
    until(status, ({ state }) => state === wanted, NEVER),
    DEADLINE_US,
  );
}

/** Acquires while the firmware hangs, and waits until the spectrometer is ready again. */
async function hang(bench: RackBench, spectrometer: Spectrometer, cure: HangCure): Promise<void> {
  bench.device(SERIAL).faults.hang(cure);
  await assert.rejects(bench.acquire(spectrometer), { code: "DEVICE_TIMEOUT" });
}

/** The spectrum of now, begun after this call, as the device itself says. */
async function works(bench: RackBench, spectrometer: Spectrometer): Promise<void> {
  const notBeforeUs = bench.clock.nowUs();
  const { counts, instrument } = await bench.acquire(spectrometer, { integrationTimeUs: 20_000 });
  assert.equal(counts.length, instrument.pixels);
  const truth = bench.device(SERIAL).spectrometer.truth.newest;
  assert.ok(truth !== undefined && truth.startUs >= notBeforeUs, "stale");
}

function names(bench: RackBench): readonly string[] {
  return bench.steps.map(({ step }) => step);
}

const STEPS = {
  ooi: ["clear halts", "initialise", "drain", "restart", "break off", "identify", "prepare"],
  obp: ["clear halts", "initialise", "drain", "disarm", "answer", "identify", "prepare"],
  obp2: ["clear halts", "drain", "answer", "identify", "prepare"],
} as const;

const DISTURBANCES: readonly Fault[] = [
  { kind: "silence", nth: 1, direction: "read" },
  { kind: "stall", nth: 1, direction: "read" },
  { kind: "stall", nth: 1, direction: "write" },
  { kind: "ignored", nth: 2, direction: "write" },
];

for (const model of MODELS) {
  for (const fault of DISTURBANCES) {
    test(`${model}: ${fault.kind} of a ${fault.direction} is cured in place`, async () => {
      const [bench, spectrometer, states] = await started(model);
      bench.device(SERIAL).faults.start(fault);
      const failure = await bench.acquire(spectrometer, { integrationTimeUs: 30_000 }).then(
        () => undefined,
        (error: unknown) => error,
      );
      await reaches(bench, spectrometer, "idle");
      if (failure !== undefined) {
        assert.ok(states.includes("recovering"));
        const inPlace = STEPS[modelNamed(model).protocol];
        assert.deepEqual(names(bench).slice(0, inPlace.length), inPlace);
      }
      assert.ok(!names(bench).includes("reset"));
      assert.ok(bench.steps.every(({ outcome, durationMs }) => outcome === "done" && durationMs >= 0));
      assert.ok(bench.steps.every(({ reason, serial }) => reason !== "" && serial === SERIAL));
      await works(bench, spectrometer);
      await bench.close();
    });
  }

  test(`${model}: firmware that hangs until a USB reset`, async () => {
    const [bench, spectrometer, states] = await started(model, true);
    await hang(bench, spectrometer, "reset");
    await reaches(bench, spectrometer, "idle");
    assert.deepEqual(names(bench).slice(-3), ["close", "reset", "re-open"]);
    assert.ok(!names(bench).includes("power-cycle"));
    assert.ok(!states.includes("faulty"));
    assert.deepEqual(bench.rack.problems.value, []);
    await works(bench, spectrometer);
    await bench.close();
  });

  test(`${model}: firmware that hangs until a power-cycle`, async () => {
    const [bench, spectrometer, states] = await started(model, true);
    await hang(bench, spectrometer, "power-cycle");
    await reaches(bench, spectrometer, "idle");
    assert.deepEqual(names(bench).slice(-2), ["power-cycle", "re-open"]);
    const [cycle] = bench.steps.filter(({ step }) => step === "power-cycle");
    assert.equal(cycle?.outcome, "done");
    assert.equal(cycle?.durationMs, 5000, "3 s without power, 2 s to boot");
    assert.match(cycle?.reason ?? "", /within \d+ ms/);
    assert.ok(!states.includes("faulty"));
    assert.deepEqual(bench.rack.problems.value, []);
    await works(bench, spectrometer);
    await bench.close();
  });
}

for (const model of ["Flame-S", "QE Pro", "SR4"] as const) {
  for (const power of [false, true]) {
    test(`${model}: what nothing cures is faulty ${power ? "with" : "without"} a power switch, and tried again`, async () => {
      const [bench, spectrometer] = await started(model, power);
      await hang(bench, spectrometer, "nothing");
      await reaches(bench, spectrometer, "faulty");
      const { reason = "" } = spectrometer.status.value;
      const tried = power ? "reset, re-open and power-cycle" : "reset and re-open";
      assert.match(
        reason,
        new RegExp(`within \\d+ ms.*, and ${tried} did not help; tried again every 10 s$`),
      );
      assert.equal(names(bench).includes("power-cycle"), power);
      await assert.rejects(bench.acquire(spectrometer), { code: "DEVICE_NOT_CONNECTED", message: /SN0001/ });
      const attempts = names(bench).filter((name) => name === "re-open").length;
      await bench.clock.advance(60 * SECOND);
      assert.equal(spectrometer.status.value.state, "faulty");
      const later = names(bench).filter((name) => name === "re-open").length;
      assert.ok(later >= attempts + 3, `${later - attempts} attempts in a minute`);
      assert.equal(bench.rack.problems.value.length, 1);
      // The next power-cycle is far away: a relay does not click for ever.
      await bench.clock.advance(600 * SECOND);
      const cycles = names(bench).filter((name) => name === "power-cycle").length;
      assert.ok(power ? cycles === 2 || cycles === 3 : cycles === 0, `${cycles} cycles`);
      bench.device(SERIAL).faults.start();
      await reaches(bench, spectrometer, "idle");
      await works(bench, spectrometer);
      await bench.close();
    });
  }
}

test("an abort is one more step: the transfer is cancelled first", async () => {
  const [bench, spectrometer] = await started("Flame-S");
  const controller = new AbortController();
  const request = bench.request({ integrationTimeUs: 5 * SECOND });
  const acquisition = spectrometer.acquire(request, controller.signal);
  acquisition.catch(() => {});
  await bench.clock.advance(2 * SECOND);
  controller.abort(new VscopeError("OPERATION_CANCELLED", "operation 1: cancelled"));
  await reaches(bench, spectrometer, "idle");
  assert.deepEqual(
    bench.steps.map(({ step, reason, outcome }) => [step, reason, outcome]),
    ["cancel", ...STEPS.ooi].map((step) => [step, "operation 1: cancelled", "done"]),
  );
  await bench.close();
});

for (const model of MODELS) {
  test(`${model}: whoever waits behind an aborted long exposure gets a spectrum, not an error`, async () => {
    const [bench, spectrometer] = await started(model);
    const controller = new AbortController();
    const first = spectrometer.acquire(bench.request({ integrationTimeUs: 2 * SECOND }), controller.signal);
    first.catch(() => {});
    const second = spectrometer.acquire(bench.request({ integrationTimeUs: 20_000 }), NEVER);
    await bench.clock.advance(300_000);
    controller.abort(new VscopeError("OPERATION_CANCELLED", "operation 1: cancelled"));
    const abortedUs = bench.clock.nowUs();
    await bench.clock.run(second, 10 * SECOND);
    const truth = bench.device(SERIAL).spectrometer.truth.newest;
    assert.ok(truth !== undefined && truth.startUs >= abortedUs, "stale");
    assert.equal(truth.integrationTimeUs, 20_000);
    await reaches(bench, spectrometer, "idle");
    assert.ok(!names(bench).includes("reset"));
    await bench.close();
  });
}

/** A bus on which requests for spectra are lost until the power line of pin 5 is switched. */
function deafBus(
  { instrument }: RackBench,
  { spectrumRequest, protocol, endpoints }: SpectrometerModel,
): UsbBus {
  const { bus, gpio } = instrument;
  let isDeaf = true;
  gpio.watch(({ pin }) => {
    if (pin === SWITCH.pin) isDeaf = false;
  });
  const isRequest = (endpoint: number, bytes: Uint8Array): boolean => {
    const type = protocol === "ooi" ? bytes[0] : Buffer.from(bytes).readUInt32LE(8);
    return endpoint === endpoints.out && type === (protocol === "ooi" ? 0x09 : spectrumRequest);
  };
  const deafened = new Map<UsbDevice, UsbDevice>();
  const deafen = (device: UsbDevice): UsbDevice => {
    const open = async (signal: AbortSignal): Promise<UsbTransport> => {
      const inner = await device.open(signal);
      return {
        speed: inner.speed,
        write: async (endpoint, bytes, writing) => {
          if (!isDeaf || !isRequest(endpoint, bytes)) await inner.write(endpoint, bytes, writing);
        },
        read: (endpoint, length, reading) => inner.read(endpoint, length, reading),
        clearHalt: (endpoint) => inner.clearHalt(endpoint),
        reset: () => inner.reset(),
        close: () => inner.close(),
      };
    };
    const made = deafened.get(device) ?? { ...device, open };
    deafened.set(device, made);
    return made;
  };
  return {
    list: async () => (await bus.list()).map(deafen),
    watch: (listener) =>
      bus.watch({
        attached: (one) => listener.attached(deafen(one)),
        detached: (one) => listener.detached(deafen(one)),
      }),
  };
}

for (const model of ["Flame-S", "STS", "QE Pro", "SR4"] as const) {
  test(`${model}: a device that answers and gives no spectrum climbs to the power-cycle, though it opens`, async () => {
    const power = { [SERIAL]: { ...SWITCH, activeHigh: false } };
    const bench = new RackBench({ spectrometers: [{ model, serial: SERIAL }], power });
    await bench.openPower();
    const rack = bench.another(deafBus(bench, modelNamed(model)));
    await bench.clock.run(rack.start(NEVER));
    const spectrometer = rack.spectrometer(SERIAL);
    // Each try allows for the minute's exposure that a session that died may have left.
    await bench.clock.advance(600 * SECOND);
    assert.equal(spectrometer.status.value.state, "idle");
    assert.equal(names(bench).filter((name) => name === "power-cycle").length, 1);
    assert.equal(names(bench).filter((name) => name === "re-open").length, 3);
    await works(bench, spectrometer);
    await bench.clock.run(rack.close());
    await bench.close();
  });
}

test("an abort while the queue is full costs nobody his turn", async () => {
  const [bench, spectrometer, states] = await started("Flame-S");
  const user = new AbortController();
  const long = spectrometer.acquire(bench.request({ integrationTimeUs: 4 * SECOND }), user.signal);
  long.catch(() => {});
  await bench.clock.advance(SECOND);
  const reads = Array.from({ length: 16 }, () => spectrometer.controls.read("lamp", NEVER));
  user.abort(new VscopeError("OPERATION_CANCELLED", "operation 1: cancelled"));
  assert.deepEqual(
    await bench.clock.run(Promise.all(reads)),
    Array.from({ length: 16 }, () => false),
  );
  await reaches(bench, spectrometer, "idle");
  assert.deepEqual([...new Set(states)], ["exposing", "recovering", "idle"]);
  assert.deepEqual(names(bench), ["cancel", ...STEPS.ooi]);
  await bench.close();
});

/** When the exposures of a spectrometer began, while something else goes on. */
async function timesOf(bench: RackBench, serial: string): Promise<readonly number[]> {
  const spectrometer = bench.rack.spectrometer(serial);
  const times: number[] = [];
  const record = async (): Promise<void> => {
    for (let count = 0; count < 200; count++) {
      await spectrometer.acquire(bench.request({ integrationTimeUs: 100_000 }), NEVER);
      times.push(bench.clock.nowUs(), bench.device(serial).spectrometer.truth.newest?.startUs ?? -1);
    }
  };
  await bench.clock.run(record());
  return times;
}

for (const cure of ["reset", "power-cycle", "nothing"] as const) {
  test(`one climbs (${cure}), the other records as if it were alone`, async () => {
    const serials = ["FLMS01859", "QEP00709"] as const;
    for (const [ill, well] of [serials, serials.toReversed()] as const) {
      const run = async (isDisturbed: boolean): Promise<readonly number[]> => {
        const bench = new RackBench({ power: { [ill ?? ""]: SWITCH } });
        await bench.start();
        await bench.clock.advance(30 * SECOND);
        const spectrometer = bench.rack.spectrometer(ill ?? "");
        if (isDisturbed) bench.device(ill ?? "").faults.hang(cure);
        const failing = spectrometer.acquire(bench.request(), NEVER).then(
          () => "recorded",
          () => "failed",
        );
        const times = await timesOf(bench, well ?? "");
        assert.equal(await failing, isDisturbed ? "failed" : "recorded");
        assert.equal(names(bench).includes("reset"), isDisturbed);
        assert.ok(bench.steps.every(({ serial }) => serial === ill));
        await bench.close();
        return times;
      };
      assert.deepEqual(await run(true), await run(false));
    }
  });
}

test("a device that hangs before the start is reset, and its power is cycled although its serial number is unknown", async () => {
  for (const cure of ["reset", "power-cycle"] as const) {
    const spectrometers = [
      { model: "Flame-S", serial: "FLMS01859" },
      { model: "QE Pro", serial: "QEP00709" },
    ] as const;
    const bench = new RackBench({
      spectrometers,
      power: {
        FLMS01859: { ...SWITCH, activeHigh: false },
        QEP00709: { ...SWITCH, pin: 6, activeHigh: false },
      },
    });
    bench.device("FLMS01859").faults.hang(cure);
    const { history } = bench.instrument.gpio;
    await bench.start();
    await bench.clock.advance(60 * SECOND);
    for (const { serial, status } of bench.rack.spectrometers.value)
      assert.equal(status.value.state, "idle", serial);
    assert.equal(bench.rack.spectrometers.value.length, 2);
    assert.deepEqual(
      history.map(({ pin }) => pin),
      cure === "reset" ? [] : [5, 5],
    );
    await bench.close();
  }
});
