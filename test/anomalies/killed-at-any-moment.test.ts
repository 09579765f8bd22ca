// kill -9 at hundreds of moments, on every protocol: the process dies before, within or after any transfer or at any
// time, and leaves all sorts of things in the device. A new process opens it at the first try, without a replug, and
// its first spectrum is right. (What a killed server does to files is in test/crash.)

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { MS, SECOND } from "../../src/base/clock.ts";
import { messageOf } from "../../src/base/errors.ts";
import { Dice } from "../support/dice.ts";
import type { Death } from "../support/host-process.ts";
import { SEED } from "../support/seed.ts";
import { CHANNELS, type Host, Station, type Wanted } from "../support/station.ts";
import { FAMILIES, type Family } from "./families.ts";
import { leaveBehind } from "./leftovers.ts";

const MOMENTS = 16;
/** The deadline of the rack for opening a device. */
const OPEN_US = 30 * SECOND;
const MOST_TRANSFERS = 160;

for (const family of FAMILIES) {
  test(`${family.name} (${family.model}): killed at ${MOMENTS} moments`, {
    timeout: 300_000,
  }, async (context) => {
    const openedUs: number[] = [];
    const spectrumUs: number[] = [];
    const failures: string[] = [];
    for (let moment = 1; moment <= MOMENTS; moment++) {
      try {
        const took = await dieAndComeBack(family, moment);
        openedUs.push(took.openedUs);
        spectrumUs.push(took.spectrumUs);
      } catch (error) {
        failures.push(messageOf(error));
      }
    }
    assert.deepEqual(failures, [], `VSCOPE_SEED=${SEED}`);
    const slowest = (us: number[]): string => `${(Math.max(...us) / SECOND).toFixed(1)} s`;
    context.diagnostic(
      `VSCOPE_SEED=${SEED}: ${MOMENTS} re-opened, the slowest in ${slowest(openedUs)}, first spectrum in ${slowest(spectrumUs)}`,
    );
  });
}

interface Took {
  readonly openedUs: number;
  readonly spectrumUs: number;
}

async function dieAndComeBack({ model }: Family, moment: number): Promise<Took> {
  const dice = new Dice(SEED, model, moment);
  const station = new Station(model, {}, moment);
  const left = await dieSomehow(station, dice);
  const where = `${model}, moment ${moment}, ${left}`;
  await station.clock.advance(dice.whole(0, 3000) * MS);

  const host = station.host();
  const beganUs = station.clock.nowUs();
  await station.run(host.start());
  assert.deepEqual(host.rack.problems.value, [], where);
  await station.run(host.ready());
  const openedUs = station.clock.nowUs() - beganUs;
  assert.ok(openedUs <= OPEN_US, `${where}: opened after ${openedUs} us`);
  station.assertDark(where);
  const wanted = wantedOf(station, dice, 100 * MS);
  const taken = await station.run(host.take(wanted)).catch((error: unknown) => {
    assert.fail(`${where}: ${messageOf(error)}`);
  });
  station.assertTrue(taken, where);
  const spectrumUs = station.clock.nowUs() - beganUs;
  await assertSettingsKnown(station, host, where);
  await station.run(host.close(where));
  station.end();
  return { openedUs, spectrumUs };
}

/** Lets a process work and kills it. Returns what happened. */
async function dieSomehow(station: Station, dice: Dice): Promise<string> {
  const byTime = dice.chance(0.3);
  const atUs = dice.whole(0, 5_000_000);
  const death: Death = {
    atTransfer: dice.whole(1, MOST_TRANSFERS),
    moment: dice.pick(["before", "within", "after"] as const),
  };
  const host = station.host(byTime ? undefined : death);
  if (byTime) station.clock.after(atUs, () => host.process.kill());
  const life = host.start().then(() => work(station, host, dice));
  await station.run(Promise.race([life, host.process.died]));
  const killed = byTime ? `killed at ${atUs} us` : `killed ${death.moment} transfer ${death.atTransfer}`;
  if (dice.chance(0.5)) return `${killed}, leaving ${leaveBehind(station.device, dice)}`;
  return killed;
}

/** Takes spectra without end. */
async function work(station: Station, host: Host, dice: Dice): Promise<never> {
  for (;;) {
    await host.ready();
    await host.take(wantedOf(station, dice, dice.pick([20 * MS, 100 * MS, SECOND, 60 * SECOND])));
  }
}

function wantedOf(station: Station, dice: Dice, longestUs: number): Wanted {
  const { min, max } = station.model.integrationTimeUs;
  const integrationTimeUs = Math.max(min, Math.min(dice.whole(1, longestUs / MS) * MS, max));
  return { channel: dice.pick(CHANNELS), kind: dice.pick(["light", "dark"]), integrationTimeUs };
}

/** The new process knows what holds in the device, whoever set it. */
async function assertSettingsKnown(station: Station, host: Host, where: string): Promise<void> {
  const { controls } = host.spectrometer ?? assert.fail();
  const { isLampOn, isShutterOpen } = station.device.settings.values;
  for (const [name, value] of [
    ["lamp", isLampOn],
    ["shutter", isShutterOpen],
  ] as const) {
    if (controls.has(name))
      assert.equal(await station.run(controls.read(name, NEVER)), value, `${where}: ${name}`);
  }
}
