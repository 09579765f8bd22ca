// Shutters through the levels of their lines: a bank that writes every edge down, on a virtual clock.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NEVER } from "../../src/base/abort.ts";
import { MS, SECOND } from "../../src/base/clock.ts";
import { isVscopeError, VscopeError } from "../../src/base/errors.ts";
import { SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import type { ShutterConfig } from "../../src/config/shutter-config.ts";
import type { GpioBank, GpioLine } from "../../src/drivers/gpio/port.ts";
import { Shutter, ShutterSet } from "../../src/instruments/shutter.ts";

class RecordingBank implements GpioBank {
  readonly description = "recording";
  /** `17=1@30` is a write of 1 to line 17 at 30 ms; `17:0` is a claim at level 0. */
  readonly events: string[] = [];
  readonly levels = new Map<number, 0 | 1>();
  readonly open = new Set<number>();
  /** Fails the next write of 1 to this line, once. */
  failWriteTo: number | undefined;
  refuse: VscopeError | undefined;
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  async output(pin: number, initial: 0 | 1): Promise<GpioLine> {
    if (this.refuse !== undefined) throw this.refuse;
    if (this.open.has(pin)) throw new VscopeError("DEVICE_BUSY", `GPIO${pin}: in use`);
    this.events.push(`${pin}:${initial}`);
    this.open.add(pin);
    this.levels.set(pin, initial);
    return {
      write: (level) => this.#write(pin, level),
      read: () => this.levels.get(pin) ?? 0,
      close: () => void this.open.delete(pin),
    };
  }

  async input(): Promise<never> {
    throw new VscopeError("RESOURCE_NOT_FOUND", "recording: has no inputs");
  }

  async close(): Promise<void> {}

  #write(pin: number, level: 0 | 1): void {
    assert.ok(this.open.has(pin), `line ${pin} is written after it was given back`);
    if (pin === this.failWriteTo && level === 1) {
      this.failWriteTo = undefined;
      throw new VscopeError("DEVICE_FAULT", `GPIO${pin}: EIO`);
    }
    this.levels.set(pin, level);
    this.events.push(`${pin}=${level}@${this.#clock.nowUs() / MS}`);
  }
}

const LATCHING: ShutterConfig = {
  name: "shutter_1",
  channel: "downwelling",
  mechanism: { kind: "latching", openPin: 18, closePin: 17, pulseMs: 30 },
  settleMs: 20,
  reverse: false,
  fibreDiameterUm: 400,
};
const LEVEL: ShutterConfig = {
  ...LATCHING,
  name: "mast",
  channel: "mast",
  mechanism: { kind: "level", pin: 25, activeHigh: true },
};

function bench(config: ShutterConfig = LATCHING) {
  const clock = new VirtualClock();
  const bank = new RecordingBank(clock);
  return { clock, bank, shutter: new Shutter(config, { bank, clock, log: SILENT }) };
}

test("a latching shutter is moved by pulses, and each move ends when the blades rest", async () => {
  const { clock, bank, shutter } = bench();
  assert.equal(shutter.state.value, "unknown");
  await clock.run(shutter.close(NEVER));
  assert.equal(shutter.state.value, "closed");
  assert.equal(shutter.settledAtUs, 50 * MS);
  await clock.run(shutter.open(NEVER));
  assert.equal(shutter.state.value, "open");
  assert.equal(shutter.settledAtUs, 100 * MS);
  assert.deepEqual(bank.events, ["18:0", "17:0", "17=1@0", "17=0@30", "18=1@50", "18=0@80"]);
});

test("a move to where it is already does nothing", async () => {
  const { clock, bank, shutter } = bench();
  await clock.run(shutter.open(NEVER));
  const events = bank.events.length;
  await clock.run(shutter.open(NEVER));
  assert.equal(bank.events.length, events);
  assert.equal(shutter.settledAtUs, 50 * MS);
});

test("a reversed latching shutter has its lines exchanged", async () => {
  const { clock, bank, shutter } = bench({ ...LATCHING, reverse: true });
  await clock.run(shutter.open(NEVER));
  assert.deepEqual(bank.events, ["17:0", "18:0", "17=1@0", "17=0@30"]);
});

for (const [activeHigh, reverse, openLevel] of [
  [true, false, 1],
  [true, true, 0],
  [false, false, 0],
  [false, true, 1],
] as const) {
  test(`a level shutter, activeHigh ${activeHigh}, reverse ${reverse}: open is ${openLevel}`, async () => {
    const { clock, bank, shutter } = bench({
      ...LEVEL,
      mechanism: { kind: "level", pin: 25, activeHigh },
      reverse,
    });
    await clock.run(shutter.open(NEVER));
    assert.deepEqual(bank.events, [`25:${1 - openLevel}`, `25=${openLevel}@0`]);
    assert.equal(shutter.settledAtUs, 20 * MS);
    await clock.run(shutter.dispose());
    assert.equal(bank.levels.get(25), 1 - openLevel);
  });
}

test("withOpen runs the job in steady light and closes behind it", async () => {
  const { clock, bank, shutter } = bench();
  const result = await clock.run(
    shutter.withOpen(async (settledAtUs) => {
      assert.equal(shutter.state.value, "open");
      assert.equal(settledAtUs, clock.nowUs());
      await clock.delay(100 * MS, NEVER);
      return "spectrum";
    }, NEVER),
  );
  assert.equal(result, "spectrum");
  assert.equal(shutter.state.value, "closed");
  assert.deepEqual(bank.events.slice(2), ["18=1@0", "18=0@30", "17=1@150", "17=0@180"]);
});

test("after a job the blades come to rest while others work; nothing opens them meanwhile, and closing is told at rest", async () => {
  const { clock, bank, shutter } = bench();
  const open = () => clock.run(shutter.withOpen(async () => {}, NEVER));
  await open();
  assert.deepEqual([clock.nowUs() / MS, shutter.settledAtUs / MS], [80, 100]);
  await clock.run(shutter.closeAhead(NEVER));
  assert.equal(clock.nowUs() / MS, 80);
  await open();
  assert.deepEqual(bank.events.slice(6), ["18=1@100", "18=0@130", "17=1@150", "17=0@180"]);
  await clock.run(shutter.close(NEVER));
  assert.equal(clock.nowUs() / MS, 200);
});

test("nobody moves the shutter under a job", async () => {
  const { clock, shutter } = bench();
  const seen: string[] = [];
  const job = shutter.withOpen(async () => {
    await clock.delay(SECOND, NEVER);
    seen.push(shutter.state.value);
  }, NEVER);
  await clock.run(Promise.all([job, shutter.close(NEVER), shutter.open(NEVER)]));
  assert.deepEqual(seen, ["open"]);
  assert.equal(shutter.state.value, "open");
});

test("a job that fails leaves a closed shutter", async () => {
  const { clock, shutter } = bench();
  const failure = new Error("no spectrum");
  await assert.rejects(clock.run(shutter.withOpen(() => Promise.reject(failure), NEVER)), failure);
  assert.equal(shutter.state.value, "closed");
});

test("what cancels the work does not cancel the closing", async () => {
  const { clock, bank, shutter } = bench();
  const controller = new AbortController();
  const reason = new VscopeError("OPERATION_CANCELLED", "stop");
  const job = shutter.withOpen((_, signal) => clock.delay(SECOND, signal), controller.signal);
  clock.after(200 * MS, () => controller.abort(reason));
  await assert.rejects(clock.run(job), reason);
  assert.equal(shutter.state.value, "closed");
  assert.deepEqual(bank.events.slice(-2), ["17=1@200", "17=0@230"]);
});

test("an abort at any moment of a move leaves the pulse lines low and the shutter closed", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 120 }), fc.boolean(), async (abortAtMs, opensFirst) => {
      const { clock, bank, shutter } = bench();
      if (opensFirst) await clock.run(shutter.close(NEVER));
      const controller = new AbortController();
      clock.after(abortAtMs * MS, () => controller.abort(new Error("stop")));
      const outcome = await clock.run(Promise.allSettled([shutter.open(controller.signal)]));
      const expected = outcome[0]?.status === "fulfilled" ? "open" : "closed";
      assert.equal(shutter.state.value, expected);
      assert.equal(bank.levels.get(17), 0);
      assert.equal(bank.levels.get(18), 0);
    }),
    { numRuns: 60 },
  );
});

test("a line that fails makes the state unknown; the next move tries again", async () => {
  const { clock, bank, shutter } = bench();
  bank.failWriteTo = 17;
  await assert.rejects(clock.run(shutter.close(NEVER)), (error) => {
    assert.ok(isVscopeError(error, "DEVICE_FAULT"));
    assert.equal(error.message, "shutter downwelling: GPIO17: EIO");
    return true;
  });
  assert.equal(shutter.state.value, "unknown");
  await clock.run(shutter.close(NEVER));
  assert.equal(shutter.state.value, "closed");
});

test("a shutter that does not open is closed at once", async () => {
  const { clock, bank, shutter } = bench();
  bank.failWriteTo = 18;
  await assert.rejects(clock.run(shutter.open(NEVER)), (error) => isVscopeError(error, "DEVICE_FAULT"));
  assert.equal(shutter.state.value, "closed");
  assert.deepEqual(bank.events.slice(-2), ["17=1@0", "17=0@30"]);
});

test("a failure to close is the job's failure, unless the job has one of its own", async () => {
  const { clock, bank, shutter } = bench();
  await clock.run(shutter.close(NEVER));
  bank.failWriteTo = 17;
  await assert.rejects(clock.run(shutter.withOpen(async () => "done", NEVER)), (error) =>
    isVscopeError(error, "DEVICE_FAULT"),
  );
  bank.failWriteTo = 17;
  const failure = new Error("no spectrum");
  await assert.rejects(clock.run(shutter.withOpen(() => Promise.reject(failure), NEVER)), failure);
  assert.equal(shutter.state.value, "unknown");
});

test("lines that cannot be claimed are claimed by a later move", async () => {
  const { clock, bank, shutter } = bench();
  bank.refuse = new VscopeError("DEVICE_BUSY", "GPIO18: in use by fan");
  await assert.rejects(clock.run(shutter.open(NEVER)), (error) => {
    assert.ok(isVscopeError(error, "DEVICE_BUSY"));
    assert.equal(error.message, "shutter downwelling: GPIO18: in use by fan");
    return true;
  });
  bank.refuse = undefined;
  await clock.run(shutter.open(NEVER));
  assert.equal(shutter.state.value, "open");
});

test("when the second line is taken the first is given back", async () => {
  const { clock, bank, shutter } = bench();
  await bank.output(17, 0);
  await assert.rejects(clock.run(shutter.open(NEVER)), (error) => isVscopeError(error, "DEVICE_BUSY"));
  assert.deepEqual([...bank.open], [17]);
});

test("dispose ends the work, closes and gives the lines back", async () => {
  const { clock, bank, shutter } = bench();
  const job = shutter.withOpen((_, signal) => clock.delay(3600 * SECOND, signal), NEVER);
  await clock.advance(100 * MS);
  const [outcome] = await clock.run(Promise.all([Promise.allSettled([job]), shutter.dispose()]));
  assert.equal(outcome[0]?.status, "rejected");
  assert.equal(shutter.state.value, "closed");
  assert.equal(bank.open.size, 0);
  assert.ok(clock.nowUs() < SECOND);
  assert.equal(clock.pending, 0);
  await assert.rejects(shutter.open(NEVER), (error) => isVscopeError(error, "OPERATION_CANCELLED"));
});

test("dispose closes even under a job that does not listen", async () => {
  const { clock, bank, shutter } = bench();
  const job = shutter.withOpen(() => clock.delay(60 * SECOND, NEVER), NEVER);
  await clock.advance(100 * MS);
  await clock.run(shutter.dispose());
  assert.ok(clock.nowUs() < SECOND);
  assert.equal(shutter.state.value, "closed");
  assert.equal(bank.open.size, 0);
  await clock.run(job);
  assert.equal(bank.open.size, 0);
});

test("dispose of a shutter that never moved touches no line", async () => {
  const { clock, bank, shutter } = bench();
  await clock.run(shutter.dispose());
  assert.deepEqual(bank.events, []);
});

test("a set closes all shutters at the start, one after the other, and at the end", async () => {
  const clock = new VirtualClock();
  const bank = new RecordingBank(clock);
  const upwelling: ShutterConfig = {
    ...LATCHING,
    channel: "upwelling",
    mechanism: { kind: "latching", openPin: 22, closePin: 27, pulseMs: 30 },
  };
  const set = await clock.run(
    ShutterSet.open({ bank, clock, log: SILENT, shutters: [upwelling, LEVEL, LATCHING] }, NEVER),
  );
  assert.deepEqual(
    set.list().map(({ channel, state }) => [channel, state.value]),
    [
      ["downwelling", "closed"],
      ["mast", "closed"],
      ["upwelling", "closed"],
    ],
  );
  assert.deepEqual(
    bank.events.filter((event) => event.includes("=1")),
    ["17=1@0", "27=1@70"],
  );
  await clock.run(set.shutter("upwelling").open(NEVER));
  await clock.run(set.close());
  assert.equal(set.shutter("upwelling").state.value, "closed");
  assert.equal(bank.open.size, 0);
  assert.equal(clock.pending, 0);
});

test("an unknown channel is RESOURCE_NOT_FOUND and names the known ones", async () => {
  const clock = new VirtualClock();
  const options = { bank: new RecordingBank(clock), clock, log: SILENT, shutters: [LATCHING] };
  const set = await clock.run(ShutterSet.open(options, NEVER));
  assert.throws(
    () => set.shutter("sideways"),
    (error) =>
      isVscopeError(error, "RESOURCE_NOT_FOUND") && error.message.endsWith("channels are downwelling"),
  );
});

test("a shutter without lines does not keep the server from starting", async () => {
  const clock = new VirtualClock();
  const bank = new RecordingBank(clock);
  bank.refuse = new VscopeError("DEVICE_NOT_CONNECTED", "GPIO18: no GPIO here");
  const set = await clock.run(ShutterSet.open({ bank, clock, log: SILENT, shutters: [LATCHING] }, NEVER));
  const shutter = set.shutter("downwelling");
  assert.equal(shutter.state.value, "unknown");
  await assert.rejects(clock.run(shutter.open(NEVER)), (error) =>
    isVscopeError(error, "DEVICE_NOT_CONNECTED"),
  );
  await clock.run(set.close());
});

test("an abort while the set opens closes what is open and rejects", async () => {
  const clock = new VirtualClock();
  const bank = new RecordingBank(clock);
  const controller = new AbortController();
  const opening = ShutterSet.open(
    { bank, clock, log: SILENT, shutters: [LATCHING, LEVEL] },
    controller.signal,
  );
  clock.after(10 * MS, () => controller.abort(new Error("stop")));
  await assert.rejects(clock.run(opening), /stop/);
  assert.equal(bank.open.size, 0);
  assert.equal(bank.levels.get(17), 0);
});

test("a set tells which shutters could not be closed, and closes the others", async () => {
  const clock = new VirtualClock();
  const bank = new RecordingBank(clock);
  const set = await clock.run(
    ShutterSet.open({ bank, clock, log: SILENT, shutters: [LATCHING, LEVEL] }, NEVER),
  );
  await clock.run(set.shutter("downwelling").open(NEVER));
  await clock.run(set.shutter("mast").open(NEVER));
  bank.failWriteTo = 17;
  await assert.rejects(clock.run(set.close()), (error) => {
    assert.ok(error instanceof AggregateError);
    assert.match(error.message, /shutter downwelling: GPIO17: EIO/);
    return true;
  });
  assert.equal(bank.levels.get(25), 0);
  assert.equal(bank.open.size, 0);
});
