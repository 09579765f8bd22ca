import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { SECOND } from "../../src/base/clock.ts";
import { logTo, SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { idleBank } from "../../src/drivers/gpio/substitutes.ts";
import { EmulatedGpioBank } from "../../src/emulator/gpio/bank.ts";
import { openPowerSwitches } from "../../src/instruments/power-switch.ts";
import { RackBench } from "./spectrometer-bench.ts";

const FLAME = "FLMS01859";
const QE_PRO = "QEP00709";
const POWER = {
  [FLAME]: { pin: 5, activeHigh: true, offUs: 3 * SECOND, onDelayUs: SECOND },
  [QE_PRO]: { pin: 6, activeHigh: false, offUs: 1 * SECOND, onDelayUs: SECOND },
};

async function started(): Promise<RackBench> {
  const bench = new RackBench({ power: POWER });
  await bench.start();
  await bench.clock.advance(10 * SECOND);
  return bench;
}

test("switches are on after the start, one second after the other, each with its polarity", async () => {
  const clock = new VirtualClock();
  const bank = new EmulatedGpioBank(clock);
  const switches = new Map([
    ["A", { pin: 5, activeHigh: true, offUs: SECOND, onDelayUs: SECOND }],
    ["B", { pin: 6, activeHigh: false, offUs: SECOND, onDelayUs: SECOND }],
    ["C", { pin: 7, activeHigh: true, offUs: SECOND, onDelayUs: SECOND }],
  ]);
  const opened = await clock.run(openPowerSwitches({ bank, clock, log: SILENT, switches }, NEVER));
  assert.deepEqual(bank.history, [
    { pin: 5, level: 1, atUs: 0 },
    { pin: 7, level: 1, atUs: 2 * SECOND },
  ]);
  assert.equal(bank.level(6), 0);
  opened.get("B")?.set("off");
  assert.equal(bank.level(6), 1);
  assert.equal(opened.get("B")?.state.value, "off");
  // The server ends: what was on stays on, what was off stays off.
  for (const one of opened.values()) one.close();
  assert.deepEqual(
    [5, 6, 7].map((pin) => bank.level(pin)),
    [1, 1, 1],
  );
});

test("a line that is refused costs its switch only", async () => {
  const clock = new VirtualClock();
  const lines: string[] = [];
  const log = logTo({ write: (line: string) => void lines.push(line) });
  const switches = new Map([
    ["A", { pin: 99, activeHigh: true, offUs: SECOND, onDelayUs: SECOND }],
    ["B", { pin: 6, activeHigh: true, offUs: SECOND, onDelayUs: SECOND }],
  ]);
  const bank = new EmulatedGpioBank(clock);
  const opened = await clock.run(openPowerSwitches({ bank, clock, log, switches }, NEVER));
  assert.deepEqual([...opened.keys()], ["B"]);
  assert.match(lines[0] ?? "", /A: the power switch is not usable/);
  const idle = await clock.run(openPowerSwitches({ bank: idleBank(), clock, log, switches }, NEVER));
  assert.deepEqual([...idle.keys()], ["A", "B"]);
});

test("a cycle that is cut short ends with the power on; two at once are one", async () => {
  const clock = new VirtualClock();
  const bank = new EmulatedGpioBank(clock);
  const switches = new Map([["A", { pin: 5, activeHigh: true, offUs: 3 * SECOND, onDelayUs: SECOND }]]);
  const power = (await clock.run(openPowerSwitches({ bank, clock, log: SILENT, switches }, NEVER))).get("A");
  assert.ok(power);
  const controller = new AbortController();
  const cycles = [power.cycle(controller.signal), power.cycle(NEVER)];
  await clock.advance(SECOND);
  assert.equal(bank.level(5), 0);
  controller.abort(new RangeError("enough"));
  for (const cycle of cycles) await assert.rejects(cycle, /enough/);
  assert.deepEqual(
    bank.history.map(({ level, atUs }) => [level, atUs]),
    [
      [1, 0],
      [0, 0],
      [1, SECOND],
    ],
  );
  // Switched off meanwhile: it stays so.
  const last = power.cycle(NEVER);
  power.set("off");
  await clock.run(last);
  assert.equal(bank.level(5), 0);
  assert.equal(clock.pending, 0);
});

test("spectrometers that are switched on at the start come when they have booted", async () => {
  const bench = new RackBench({ power: POWER });
  await bench.start();
  // The Flame had no power before: only the QE Pro is there at once.
  assert.deepEqual(
    bench.rack.spectrometers.value.map(({ serial }) => serial),
    [QE_PRO],
  );
  await bench.clock.advance(10 * SECOND);
  for (const serial of [FLAME, QE_PRO]) await bench.acquire(bench.rack.spectrometer(serial));
  assert.deepEqual(bench.rack.switched, [FLAME, QE_PRO]);
  await bench.close();
});

test("switched off by a client: stays so, without retries and problems; switched on it comes back", async () => {
  const bench = await started();
  const { rack, clock, instrument } = bench;
  const spectrometer = rack.spectrometer(FLAME);
  spectrometer.setIntegrationTimeUs("upwelling", 40_000);
  const acquisition = spectrometer.acquire(bench.request({ integrationTimeUs: 5 * SECOND }), NEVER);
  acquisition.catch(() => {});
  await clock.advance(SECOND);
  await clock.run(rack.setPower(FLAME, "off", NEVER));
  const reason = `${FLAME}: switched off by a client`;
  await assert.rejects(acquisition, { code: "DEVICE_NOT_CONNECTED", message: reason });
  assert.deepEqual(spectrometer.status.value, { state: "powered-off", reason });
  assert.equal(instrument.bus.isAttached(bench.device(FLAME).spectrometer), false);
  const { version } = spectrometer.status;
  const warned = bench.warnings.length;
  const steps = bench.steps.length;
  await clock.advance(3600 * SECOND);
  assert.equal(spectrometer.status.version, version);
  assert.equal(bench.warnings.length, warned);
  assert.equal(bench.steps.length, steps);
  assert.deepEqual(rack.problems.value, []);
  await assert.rejects(bench.acquire(spectrometer), {
    code: "DEVICE_NOT_CONNECTED",
    message: /switched off/,
  });
  await bench.acquire(rack.spectrometer(QE_PRO));

  await clock.run(rack.setPower(FLAME, "on", NEVER));
  assert.equal(spectrometer.status.value.state, "connecting");
  await clock.run(
    until(spectrometer.status, ({ state }) => state === "idle", NEVER),
    30 * SECOND,
  );
  assert.equal((await bench.acquire(spectrometer)).integrationTimeUs, 40_000);
  await bench.close();
});

test("cycled by a client: off for its time, then back", async () => {
  const bench = await started();
  const { rack, clock } = bench;
  const spectrometer = rack.spectrometer(FLAME);
  const states: string[] = [];
  spectrometer.status.subscribe(({ state }) => states.push(state));
  const beganUs = clock.nowUs();
  await clock.run(rack.setPower(FLAME, "cycle", NEVER));
  assert.equal(clock.nowUs() - beganUs, 3 * SECOND);
  await clock.run(
    until(spectrometer.status, ({ state }) => state === "idle", NEVER),
    30 * SECOND,
  );
  assert.deepEqual(states, ["powered-off", "connecting", "connecting", "idle"]);
  await bench.acquire(spectrometer);
  await bench.close();
});

test("switched off by one client while another one cycles: it stays off", async () => {
  const bench = await started();
  const { rack, clock } = bench;
  const cycle = rack.setPower(FLAME, "cycle", NEVER);
  await clock.advance(SECOND);
  await clock.run(rack.setPower(FLAME, "off", NEVER));
  await clock.run(cycle);
  await clock.advance(30 * SECOND);
  assert.equal(rack.powerSwitch(FLAME).state.value, "off");
  assert.equal(rack.spectrometer(FLAME).status.value.state, "powered-off");
  await bench.close();
});

test("cycled by two clients: off for the time of the later one, then on", async () => {
  const bench = await started();
  const { rack, clock } = bench;
  const { state } = rack.powerSwitch(FLAME);
  const cycles = [rack.setPower(FLAME, "cycle", NEVER)];
  await clock.advance(2 * SECOND);
  cycles.push(rack.setPower(FLAME, "cycle", NEVER));
  await clock.advance(2 * SECOND);
  assert.equal(state.value, "off");
  await clock.run(Promise.all(cycles));
  assert.equal(state.value, "on");
  await bench.close();
});

test("a client that goes away during a cycle leaves the power on", async () => {
  const bench = await started();
  const controller = new AbortController();
  const cycle = bench.rack.setPower(FLAME, "cycle", controller.signal);
  cycle.catch(() => {});
  await bench.clock.advance(SECOND);
  controller.abort(new RangeError("gone"));
  await assert.rejects(cycle, /gone/);
  const { status } = bench.rack.spectrometer(FLAME);
  await bench.clock.run(
    until(status, ({ state }) => state === "idle", NEVER),
    30 * SECOND,
  );
  await bench.close();
});

test("switched off while it climbs the ladder: no further step; switched on and cured", async () => {
  const bench = await started();
  const { rack, clock } = bench;
  const spectrometer = rack.spectrometer(FLAME);
  bench.device(FLAME).faults.hang("power-cycle");
  await assert.rejects(bench.acquire(spectrometer), { code: "DEVICE_TIMEOUT" });
  await clock.run(
    until(rack.problems, (problems) => problems.length > 0, NEVER),
    60 * SECOND,
  );
  await clock.run(rack.setPower(FLAME, "off", NEVER));
  await clock.advance(5 * SECOND);
  assert.equal(spectrometer.status.value.state, "powered-off");
  assert.deepEqual(rack.problems.value, []);
  const steps = bench.steps.length;
  await clock.advance(600 * SECOND);
  assert.equal(bench.steps.length, steps);
  await clock.run(rack.setPower(FLAME, "on", NEVER));
  await clock.run(
    until(spectrometer.status, ({ state }) => state === "idle", NEVER),
    30 * SECOND,
  );
  await bench.acquire(spectrometer);
  await bench.close();
});

test("unplugged while its power is off: missing after it is switched on", async () => {
  const bench = await started();
  const { rack, clock } = bench;
  await clock.run(rack.setPower(FLAME, "off", NEVER));
  bench.device(FLAME).connection.setPlugged(false);
  await clock.run(rack.setPower(FLAME, "on", NEVER));
  await clock.advance(31 * SECOND);
  assert.deepEqual(rack.spectrometer(FLAME).status.value, {
    state: "disconnected",
    reason: "USB 1-1.2: not back within 30 s",
  });
  bench.device(FLAME).connection.setPlugged(true);
  await clock.run(
    until(rack.spectrometer(FLAME).status, ({ state }) => state === "idle", NEVER),
    30 * SECOND,
  );
  await bench.close();
});

test("a relay that cuts nothing is told as a problem", async () => {
  const bench = await started();
  const { rack, clock, instrument } = bench;
  await clock.run(rack.setPower(FLAME, "off", NEVER));
  // As if the device got its power from elsewhere.
  instrument.bus.attach(bench.device(FLAME).spectrometer);
  await clock.advance(20 * SECOND);
  assert.equal(rack.spectrometer(FLAME).status.value.state, "powered-off");
  assert.deepEqual(
    rack.problems.value.map(({ code, message }) => [code, message]),
    [["DEVICE_FAULT", `${FLAME}: is on the bus although its power is switched off`]],
  );
  await clock.run(rack.setPower(FLAME, "on", NEVER));
  await clock.run(
    until(rack.spectrometer(FLAME).status, ({ state }) => state === "idle", NEVER),
    30 * SECOND,
  );
  assert.deepEqual(rack.problems.value, []);
  await bench.close();
});

test("a spectrometer without a switch has no power to switch", async () => {
  const bench = new RackBench();
  await bench.start();
  const message = `${FLAME}: has no power switch`;
  await assert.rejects(bench.rack.setPower(FLAME, "off", NEVER), { code: "RESOURCE_NOT_FOUND", message });
  assert.deepEqual(bench.rack.switched, []);
  await bench.close();
});

test("instruments that are switched on together get their power one after the other, unless switched off meanwhile", async () => {
  const clock = new VirtualClock();
  const bank = new EmulatedGpioBank(clock);
  const switches = new Map(
    [5, 6, 7].map((pin) => [`S${pin}`, { pin, activeHigh: true, offUs: SECOND, onDelayUs: 4 * SECOND }]),
  );
  const opened = [
    ...(await clock.run(openPowerSwitches({ bank, clock, log: SILENT, switches }, NEVER))).values(),
  ];
  assert.equal(clock.nowUs(), 8 * SECOND);
  await clock.advance(60 * SECOND);
  const startUs = clock.nowUs();
  await clock.run(Promise.all(opened.map((power) => power.cycle(NEVER))));
  const ons = bank.history.filter(({ level, atUs }) => level === 1 && atUs >= startUs);
  assert.deepEqual(
    ons.map(({ pin, atUs }) => [pin, (atUs - startUs) / SECOND]),
    [
      [5, 1],
      [6, 5],
      [7, 9],
    ],
  );
});

test("the rack switches several on in the order of asking; what is switched off meanwhile stays off", async () => {
  const bench = await started();
  const { rack, clock } = bench;
  for (const serial of [FLAME, QE_PRO]) await clock.run(rack.setPower(serial, "off", NEVER));
  await clock.advance(10 * SECOND);
  const startUs = clock.nowUs();
  const both = [QE_PRO, FLAME].map((serial) => rack.setPower(serial, "on", NEVER));
  await clock.advance(SECOND / 2);
  assert.equal(rack.powerSwitch(QE_PRO).state.value, "on");
  assert.equal(rack.powerSwitch(FLAME).state.value, "off");
  await clock.run(Promise.all(both));
  assert.equal(clock.nowUs() - startUs, SECOND);
  assert.equal(rack.powerSwitch(FLAME).state.value, "on");
  for (const serial of [FLAME, QE_PRO]) await clock.run(rack.setPower(serial, "off", NEVER));
  const again = [QE_PRO, FLAME].map((serial) => rack.setPower(serial, "on", NEVER));
  await clock.run(rack.setPower(FLAME, "off", NEVER));
  await clock.run(Promise.all(again));
  assert.equal(rack.powerSwitch(FLAME).state.value, "off");
  await bench.close();
});
