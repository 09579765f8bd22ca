// Never stale: random changes of settings and acquisitions over all families and many habits of their firmware. Behind
// each spectrum must be an exposure that began after the last change, lasted as long as asked for, and saw the light and
// the settings that held. A slice in every run, all of it with VSCOPE_STEPS=100000 (`npm run test:long`).

import assert from "node:assert/strict";
import { test } from "node:test";
import { ERRORS, isVscopeError, messageOf } from "../../src/base/errors.ts";
import { modelNamed } from "../../src/drivers/oceanoptics/models.ts";
import type { Firmware } from "../../src/emulator/device/spectrometer.ts";
import type { TrueExposure } from "../../src/emulator/device/truth.ts";
import { Dice } from "../support/dice.ts";
import { SEED } from "../support/seed.ts";
import { CHANNELS, type Host, Station, type Taken } from "../support/station.ts";
import { FAMILIES, type Family } from "./families.ts";
import { OPERATIONS, type Operation, type Stage } from "./schedule.ts";

/** Setting changes, acquisitions and aborts, over all families. */
const STEPS = Number(process.env["VSCOPE_STEPS"] ?? 4000);
/** After so many the next unit with other firmware has its turn. */
const STEPS_PER_UNIT = 100;

interface Tally {
  acquisitions: number;
  changes: number;
  aborts: number;
  faults: number;
  stale: number;
  /** Acquisitions with common firmware that nothing disturbed: no abort or fault since the one before. */
  calm: number;
  /** Frames that those dropped, and which of them were longer than an idle exposure. */
  discarded: number;
  discardedLong: number;
  mostDiscardedLong: number;
}

const NOTHING: Readonly<Tally> = {
  acquisitions: 0,
  changes: 0,
  aborts: 0,
  faults: 0,
  stale: 0,
  calm: 0,
  discarded: 0,
  discardedLong: 0,
  mostDiscardedLong: 0,
};

for (const family of FAMILIES) {
  test(`${family.name} (${family.model}): no stale spectrum`, { timeout: 3_600_000 }, async (context) => {
    const tally: Tally = { ...NOTHING };
    const failures: string[] = [];
    const steps = Math.ceil(STEPS / FAMILIES.length);
    for (let unit = 0; unit * STEPS_PER_UNIT < steps; unit++) {
      const count = Math.min(STEPS_PER_UNIT, steps - unit * STEPS_PER_UNIT);
      const failure = await new Trial(family, unit, tally).run(count);
      if (failure !== undefined) failures.push(failure);
    }
    context.diagnostic(`VSCOPE_SEED=${SEED}: ${report(tally)}`);
    assert.deepEqual(failures, [], `VSCOPE_SEED=${SEED}`);
  });
}

function report(tally: Tally): string {
  const { acquisitions, changes, aborts, faults, stale, discarded, discardedLong, mostDiscardedLong } = tally;
  const mean = (frames: number): string => (frames / tally.calm).toFixed(3);
  return [
    `${acquisitions} acquisitions, ${changes} changes, ${aborts} aborts, ${faults} faults, ${stale} stale`,
    `with common firmware, undisturbed ones discard ${mean(discarded)} frames`,
    `of them longer than idle ${mean(discardedLong)}, at most ${mostDiscardedLong}`,
  ].join("; ");
}

/** One unit of a family, with firmware of its own, through a part of the schedule. */
class Trial implements Stage {
  readonly station: Station;
  readonly dice: Dice;
  readonly #name: string;
  readonly #firmware: Firmware;
  readonly #isCommon: boolean;
  readonly #tally: Tally;
  #host: Host;
  /** Clock.nowUs of the last change through the server. */
  #changedUs = 0;
  #step = "start";
  #isCalm = false;

  constructor({ model }: Family, unit: number, tally: Tally) {
    this.dice = new Dice(SEED, model, unit);
    this.#isCommon = unit % 3 === 0;
    this.#firmware = this.#isCommon ? {} : firmwareOf(modelNamed(model).protocol, this.dice);
    this.station = new Station(model, this.#firmware, unit + 1);
    this.#host = this.station.host();
    this.#tally = tally;
    this.#name = `${model}, unit ${unit}`;
  }

  get host(): Host {
    return this.#host;
  }

  /** Counts steps until enough have been made. Returns what went wrong. */
  async run(steps: number): Promise<string | undefined> {
    let left = steps;
    try {
      await this.station.run(this.#host.start());
      const all = await this.#operations();
      while (left > 0) {
        const operation = this.dice.weighed(all);
        this.#step = `${steps - left}, ${operation.name}`;
        await this.#perform(operation);
        if (operation.kind !== "world") left -= 1;
        if (operation.kind === "change") this.#tally.changes += 1;
        if (operation.kind === "abort") this.#tally.aborts += 1;
      }
      await this.station.run(this.#host.close("the end"));
      this.station.end();
      return undefined;
    } catch (error) {
      return `${this.#name} ${JSON.stringify(this.#firmware)}, step ${this.#step}: ${messageOf(error)}`;
    }
  }

  async take(integrationTimeUs: number, signal?: AbortSignal): Promise<void> {
    const { station, dice } = this;
    const wanted = {
      channel: dice.pick(CHANNELS),
      kind: dice.pick(["light", "light", "dark"] as const),
      integrationTimeUs,
      // Either from now on, or as the server sees it: since the last change.
      ...(dice.chance(0.5) ? { sinceUs: this.#changedUs } : {}),
    };
    const beganUs = station.clock.nowUs();
    const taken = await station.run(this.#host.take(wanted, signal));
    this.#tally.acquisitions += 1;
    this.#judge(taken, beganUs);
  }

  async #operations(): Promise<readonly Operation[]> {
    const { controls } = await this.station.ready(this.#host);
    return OPERATIONS.filter(({ control }) => control === undefined || controls.has(control));
  }

  // Only a fault excuses a failure, and only once.
  async #perform(operation: Operation): Promise<void> {
    const { station } = this;
    await station.ready(this.#host);
    try {
      await operation.run(this);
    } catch (error) {
      const isDevice = isVscopeError(error) && ERRORS[error.code].group === "device";
      if (!isDevice || !this.#hasFault()) throw error;
      this.#isCalm = false;
    }
    if (operation.kind === "abort" || this.station.faults.fired.length > 0) this.#isCalm = false;
    if (operation.kind === "change") this.#changedUs = station.clock.nowUs();
    station.assertDark(operation.name);
  }

  #hasFault(): boolean {
    const { fired } = this.station.faults;
    const isNew = fired.length > 0;
    if (isNew) {
      this.#tally.faults += 1;
      this.station.faults.start();
    }
    return isNew;
  }

  #judge(taken: Taken, beganUs: number): void {
    const { truth, settings, model } = this.station.device;
    let kept: TrueExposure;
    try {
      kept = this.station.assertTrue(taken, "spectrum");
      assert.deepEqual(kept.settings, settings.values, "settings");
      assert.ok(kept.isSteady, "settings changed during the exposure");
    } catch (error) {
      this.#tally.stale += 1;
      throw error;
    }
    const isCalm = this.#isCalm;
    this.#isCalm = true;
    const isPlain = taken.spectrum.statistics === undefined && taken.spectrum.triggerMode === undefined;
    if (!isCalm || !this.#isCommon || !isPlain) return;
    const dropped = truth.exposures.filter((one) => one.deliveredUs > beganUs && one !== kept);
    const long = dropped.filter(({ integrationTimeUs }) => integrationTimeUs > model.integrationTimeUs.min);
    this.#tally.calm += 1;
    this.#tally.discarded += dropped.length;
    this.#tally.discardedLong += long.length;
    this.#tally.mostDiscardedLong = Math.max(this.#tally.mostDiscardedLong, long.length);
  }
}

function firmwareOf(protocol: string, dice: Dice): Firmware {
  if (protocol !== "ooi") {
    return {
      ...(dice.chance(0.3) ? { acknowledgeFlags: 0x0002 } : {}),
      ...(dice.chance(0.3) ? { leftoverFrames: dice.whole(1, 3) } : {}),
      ...(dice.chance(0.5) ? { speed: dice.pick(["full", "high"] as const) } : {}),
      fastBuffer: dice.pick(["whole", "partial", "unreadable", "absent"] as const),
    };
  }
  return {
    restartsAtOnce: dice.chance(0.2),
    extraStaleCycles: dice.chance(0.3) ? 1 : 0,
    secondRequest: dice.pick(["queued", "queued", "ignored"] as const),
    keepsRequestOnTrigger: dice.chance(0.2),
    initializeFlushes: dice.chance(0.3),
    powerUpIntegrationTimeUs: dice.pick([100_000, 100_000, 1_000_000]),
    ...(dice.chance(0.2) ? { speed: "full" as const } : {}),
  };
}
