// Whether a detector has settled: told by the device, or seen in its readings over time.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { SECOND } from "../../../src/base/clock.ts";
import { openEmulated } from "./open-emulated.ts";

for (const model of ["QE65000", "NIRQuest512"] as const) {
  test(`${model}: several readings at the set point over ten seconds, and a change begins anew`, async () => {
    const { driver, clock, run, close } = await openEmulated(model);
    const tec = driver.tec ?? assert.fail();
    const read = async () => (await run(tec.read(NEVER))).stable;
    await run(tec.setEnabled(true, NEVER));
    await run(tec.setSetpointC(-10, NEVER));
    await clock.advance(600 * SECOND);
    assert.equal(await read(), undefined, "one reading tells nothing");
    await clock.advance(SECOND);
    assert.equal(await read(), undefined);
    await clock.advance(SECOND);
    assert.equal(await read(), undefined, "three readings within two seconds: it may only pass by");
    await clock.advance(8 * SECOND);
    assert.equal(await read(), true);
    await run(tec.setSetpointC(-9.8, NEVER));
    assert.equal(await read(), undefined, "within the tolerance, but on its way");
    await run(tec.setSetpointC(0, NEVER));
    assert.equal(await read(), false);
    await clock.advance(600 * SECOND);
    assert.equal(await read(), undefined);
    await run(tec.setEnabled(false, NEVER));
    assert.equal(await read(), false, "a cooler that is off is not stable");
    await close();
  });
}

test("QE Pro: the device itself tells", async () => {
  const { driver, clock, run, close } = await openEmulated("QE Pro");
  const tec = driver.tec ?? assert.fail();
  assert.equal((await run(tec.read(NEVER))).stable, true);
  await run(tec.setSetpointC(5, NEVER));
  assert.equal((await run(tec.read(NEVER))).stable, false);
  await clock.advance(600 * SECOND);
  assert.equal((await run(tec.read(NEVER))).stable, true);
  await close();
});
