import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { SECOND } from "../../src/base/clock.ts";
import { Router } from "../../src/resources/router.ts";
import { TREE } from "../../src/resources/tree.ts";
import { TestInstrument } from "../support/instrument.ts";

const CONFIGURATION = `
[channels]
  [[shutter_1]]
    direction = downwelling
  [[shutter_2]]
    direction = upwelling
[spectrometers]
  [[FLMS01859]]
    power_switch_pin = 5
    power_off_s = 4
`;
const FLAME = "FLMS01859";

async function start(context: Parameters<typeof TestInstrument.start>[0]) {
  const instrument = await TestInstrument.start(context, { configuration: CONFIGURATION });
  const router = new Router(instrument.model, TREE);
  const { clock } = instrument;
  await clock.advance(20 * SECOND);
  const match = (path: string) => router.match(path.split("/").slice(1));
  return {
    instrument,
    clock,
    rack: instrument.model.rack,
    get: (path: string) => router.get(match(path), {}, NEVER),
    put: (path: string, value: unknown) => clock.run(Promise.resolve(router.put(match(path), value, NEVER))),
    paths: () => [...router.instances()].map(({ path }) => `/${path.join("/")}`),
    becomes: (serial: string, wanted: string) =>
      clock.run(
        until(instrument.model.rack.spectrometer(serial).status, ({ state }) => state === wanted, NEVER),
        300 * SECOND,
      ),
  };
}

test("the batch goes on with the other one, and has both again afterwards", async (context) => {
  const { instrument, clock, rack, becomes } = await start(context);
  const operation = instrument.model.recorder.record({ run: "hung", sequences: 100 });
  await becomes(FLAME, "exposing");
  instrument.device(FLAME).faults.hang("power-cycle");
  await becomes(FLAME, "recovering");
  const end = await instrument.finish(operation);
  assert.equal(end.state, "failed");
  assert.match(
    end.error?.message ?? "",
    / spectra are kept: FLMS01859 \d+ of \d+, QEP00709 all \d+; FLMS01859: /,
  );
  assert.equal(rack.spectrometer(FLAME).status.value.state, "idle");
  const serialsIn = async (sequence: string): Promise<readonly string[]> => {
    const { spectra } = await instrument.read("hung", `b000000_s${sequence}_light.pico`);
    return [...new Set(spectra.map(({ serial }) => serial))].sort();
  };
  assert.deepEqual(await serialsIn("000001"), ["QEP00709"]);
  assert.deepEqual(await serialsIn("000099"), [FLAME, "QEP00709"]);
  const offUs = instrument.emulated.gpio.history
    .filter(({ pin }) => pin === 5)
    .map(({ level, atUs }) => ({ level, atUs }));
  assert.deepEqual(
    offUs.map(({ level }) => level),
    [1, 0, 1],
  );
  assert.equal((offUs[2]?.atUs ?? 0) - (offUs[1]?.atUs ?? 0), 4 * SECOND);
  await clock.advance(SECOND);
});

test("a client switches the power; a batch does without what is off", async (context) => {
  const { instrument, clock, get, put, paths, becomes } = await start(context);
  const path = `/spectrometers/${FLAME}/power`;
  const state = `/spectrometers/${FLAME}/state`;
  assert.deepEqual(
    paths().filter((one) => one.endsWith("/power")),
    [path],
  );
  assert.equal(await get(path), "on");
  await put(path, "off");
  assert.equal(await get(path), "off");
  assert.deepEqual(await get(state), {
    state: "powered-off",
    reason: `${FLAME}: switched off by a client`,
  });
  const end = await instrument.record({ run: "off", sequences: 2 });
  assert.equal(end.state, "done", end.error?.message);
  const light = await instrument.read("off", "b000000_s000001_light.pico");
  assert.deepEqual([...new Set(light.spectra.map(({ serial }) => serial))], ["QEP00709"]);
  assert.deepEqual(light.failures, []);
  await clock.advance(600 * SECOND);
  assert.equal(JSON.stringify(await get(state)).includes("powered-off"), true);

  const operation = instrument.model.recorder.record({ run: "busy" });
  const conflict = { code: "STATE_CONFLICT", message: /^FLMS01859: operation 2 \(record\) is running$/ };
  await assert.rejects(put(path, "on"), conflict);
  await instrument.finish(operation);
  await put(path, "on");
  await becomes(FLAME, "idle");
  await put(path, "cycle");
  assert.deepEqual(await get(state), { state: "connecting", reason: `${FLAME}: switched on` });
  await becomes(FLAME, "idle");
  assert.equal(await get(path), "on");
  await assert.rejects(put(path, "maybe"), { code: "VALUE_INVALID" });
  await assert.rejects(put("/spectrometers/QEP00709/power", "off"), {
    code: "RESOURCE_NOT_FOUND",
    message: "QEP00709: has no power switch",
  });
});

test("when the server ends the power stays on", async (context) => {
  const { instrument } = await start(context);
  const { gpio } = instrument.emulated;
  await instrument.clock.run(instrument.server.close());
  assert.equal(gpio.level(5), 1);
});
