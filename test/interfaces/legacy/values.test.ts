// Arguments and values of piccolo3's tree: sections 3 and 5 of its interface as observed. Accepted ones are read back,
// refused ones leave the old value.

import assert from "node:assert/strict";
import { utimes } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type LegacyClient, legacyInstrument } from "./legacy-client.ts";

/** A payload and what GET gives afterwards, as texts of JSON; undefined for a payload that is refused. */
type Case = readonly [payload: string, stored: string | undefined];

const UNIT = "spectrometer/S_FLMS01859";

const CASES: Readonly<Record<string, readonly Case[]>> = {
  "control/numSequences": [
    ["5", "5"],
    ['"7"', "7"],
    ["2.9", "2"],
    ["true", "1"],
    ["[3]", "3"],
    ["[[4], {}]", "4"],
    ['{"n": 6}', "6"],
    ['[[], {"n": 8}]', "8"],
    ...bad("0", "-1", '"abc"', '"2.9"', "null", "NaN", "1e400", "[1, 2]", "[[1], {}, 2]", "[[1, 2], {}]"),
    ...bad("", "{", "[]", "{}", '{"m": 1}', "[[5]]", "100001"),
  ],
  "control/autointegration": [["0", "0"], ["3", "3"], ["1.7", "1"], ["-5", "-1"], ...bad('"x"', "null")],
  "control/delay": [
    ["1.5", "1.5"],
    ['"2"', "2.0"],
    ["1e-6", "0.000001"],
    ["0", "0.0"],
    ...bad("-0.1", '"x"', "null", "NaN", "1e400"),
  ],
  "control/target": [
    ["10", "10.0"],
    ["90", "90.0"],
    ['"60"', "60.0"],
    ["55.5", "55.5"],
    ...bad("9.9", "90.1", "null", "NaN"),
  ],
  "control/scheduler/quietTimeEnabled": [
    ["true", "true"],
    ["false", "false"],
    ['"True"', "true"],
    ['"False"', "false"],
    ...bad('"true"', "1", "null"),
  ],
  "control/scheduler/powerOffEnabled": [
    ["true", "true"],
    ['"False"', "false"],
    ...bad('"true"', "1", "null"),
  ],
  // Text stays a number here: a text that is none made every later GET fail there (defect 10).
  "control/scheduler/powerDelay": [["300", "300"], ['"120"', "120"], ...bad('"x"', "-1", "null")],
  "control/scheduler/quietStart": [
    ['"21:30:00"', '"21:30:00+0000"'],
    ['"9:5:3"', '"09:05:03+0000"'],
    ['"22:00:00+0000"', '"22:00:00+0000"'],
    // An offset counts here (defect 6).
    ['"21:30:00+0200"', '"19:30:00+0000"'],
    ['"23:30:00-0100"', '"00:30:00+0000"'],
    ...bad('"21:30"', '"25:00:00"', "12", "null", '"12:60:00"'),
  ],
  "control/scheduler/quietEnd": [['"04:30:00"', '"04:30:00+0000"'], ...bad('"x"', "null")],
  "data_dir/current_run": [
    ['"plot 7"', '"plot 7"'],
    ['"Wiese \u00e4"', '"Wiese \\u00e4"'],
    // The present one, what is no text, and what is a path (defects 1 and 3).
    ...bad('"Wiese \u00e4"', "5", "null", '"a\\u0000b"', `"${"x".repeat(300)}"`),
    ...bad('""', '"."', '".."', '"a/b"', '"../x"', '"/tmp/x"', '"my.pico"'),
  ],
  [`${UNIT}/min_time`]: [
    ["5", "5"],
    ['"7"', "7"],
    ["0.9", "0"],
    ["-5", "-5"],
    ...bad('"x"', "null", "20000"),
  ],
  [`${UNIT}/max_time`]: [
    ["5000", "5000"],
    ['"6000"', "6000"],
    ["1e9", "1000000000"],
    // Below the shortest.
    ...bad('"x"', "null", "-6"),
  ],
  [`${UNIT}/current_time/upwelling`]: [
    ["10.7", "10"],
    ['"50"', "50"],
    ["25", "25"],
    ...bad("-6", '"x"', "null", "10000000000"),
  ],
  "spectrometer/S_QEP00709/TECenabled": [
    ["false", "false"],
    ["1", "true"],
    ["[[]]", "false"],
    ['"yes"', "true"],
  ],
  "spectrometer/S_QEP00709/target_temperature": [
    ["-5", "-5"],
    ["-12.5", "-12.5"],
    ["true", "1"],
    ...bad('"x"', "null", '"-7"'),
  ],
  // Without a cooler everything is taken, and it stays off.
  [`${UNIT}/TECenabled`]: [["true", "false"]],
  [`${UNIT}/target_temperature`]: [["5", "5"]],
};

function bad(...payloads: readonly string[]): readonly Case[] {
  return payloads.map((payload) => [payload, undefined]);
}

async function check(client: LegacyClient, path: string, [payload, stored]: Case): Promise<void> {
  const before = (await client.get(path)).text;
  const { code, text } = await client.put(path, payload);
  const said = `PUT ${path} ${payload}: ${code} ${text}`;
  assert.equal(code, stored === undefined ? "4.00" : "2.04", said);
  if (path !== "data_dir/current_run" && stored !== undefined) assert.equal(text, "", said);
  if (path === "data_dir/current_run" && stored !== undefined) assert.equal(text, stored, "the run");
  if (stored === undefined) assert.notEqual(text, "", "a reason");
  assert.equal((await client.get(path)).text, stored ?? before, said);
}

describe("piccolo3's values", () => {
  for (const [path, cases] of Object.entries(CASES)) {
    test(path, async (t) => {
      const { client } = await legacyInstrument(t);
      for (const one of cases) await check(client, path, one);
    });
  }

  test("raising the shortest time lifts the present ones, lowering the longest lowers them", async (t) => {
    const { client } = await legacyInstrument(t);
    await client.done(`${UNIT}/current_time/upwelling`, [20]);
    await client.done(`${UNIT}/min_time`, [30]);
    assert.equal(await client.value(`${UNIT}/current_time/upwelling`), 30);
    assert.equal(await client.value(`${UNIT}/current_time/downwelling`), 100);
    assert.equal((await client.call(`${UNIT}/current_time/upwelling`, [29])).code, "4.00");
    await client.done(`${UNIT}/max_time`, [80]);
    assert.equal(await client.value(`${UNIT}/current_time/downwelling`), 80);
    assert.equal((await client.call(`${UNIT}/current_time/upwelling`, [81])).code, "4.00");
    // Limits beyond those of the device are kept, the times stay within the device's.
    await client.done(`${UNIT}/min_time`, [-5]);
    await client.done(`${UNIT}/max_time`, [0]);
    assert.equal(await client.value(`${UNIT}/current_time/downwelling`), 1);
    assert.equal(await client.value(`${UNIT}/max_time`), 0);
    assert.equal((await client.call(`${UNIT}/current_time/upwelling`, [-5])).code, "4.00");
    await client.done(`${UNIT}/max_time`, [10_000]);
    assert.equal((await client.call(`${UNIT}/current_time/sideways`, [50])).code, "4.00");
    assert.equal((await client.get(`${UNIT}/current_time/sideways`)).code, "5.00");
    assert.equal((await client.get(`${UNIT}/autointegration/sideways`)).code, "5.00");
  });

  test("the cooler is set, and shows what it is set to", async (t) => {
    const { client, instrument } = await legacyInstrument(t);
    const unit = "spectrometer/S_QEP00709";
    assert.equal(await client.value(`${unit}/haveTEC`), true);
    assert.equal(await client.value(`${UNIT}/haveTEC`), false);
    await client.done(`${unit}/TECenabled`, [true]);
    await client.done(`${unit}/target_temperature`, [-17]);
    const path = "/spectrometers/QEP00709/tec";
    for (;;) {
      const { setpointC, enabled } = JSON.parse(Buffer.from((await instrument.get(path)).payload).toString());
      if (setpointC === -17 && enabled === true) break;
    }
  });

  test("runs by name and time, in slices", async (t) => {
    const { client, instrument } = await legacyInstrument(t);
    for (const [second, run] of ["c", "a", "b"].entries()) {
      await client.done("data_dir/current_run", [run]);
      // The file system's clock has steps: without this they could be of one time.
      await utimes(join(instrument.folder, run), second, second);
    }
    const all = (args: readonly unknown[]): Promise<unknown> => client.done("data_dir/all_runs", args);
    assert.deepEqual(await all([]), ["c", "a", "b"]);
    assert.deepEqual(await all([true]), ["a", "b", "c"]);
    assert.deepEqual(await all([true, true]), ["c", "b", "a"]);
    assert.deepEqual(await all([true, false, 2]), ["a", "b"]);
    assert.deepEqual(await all([true, false, 2, 1]), ["c"]);
    assert.deepEqual(await all([true, false, 2, -1]), ["c"]);
    assert.deepEqual(await all([true, false, 3, -1]), []);
    assert.deepEqual(await all([true, false, 2, -2]), ["a", "b"]);
    assert.deepEqual(await all([true, true, true, true]), ["b"]);
    assert.deepEqual(await all([true, false, null, "any"]), ["a", "b", "c"]);
    assert.deepEqual(await client.done("data_dir/all_runs", [], { alpha: true, nitems: 1, page: 1 }), ["b"]);
    for (const args of [
      [true, false, 2, 2],
      [true, false, 0],
      [true, false, -1],
      [true, false, "2"],
      [true, false, 1.5],
      [true, false, 2, "1"],
      [true, false, 2, -3],
      [true, "x"],
      [true, null],
    ])
      assert.equal((await client.call("data_dir/all_runs", args)).code, "4.00", JSON.stringify(args));
  });

  test("shutters open and close, and say when there is nothing to do", async (t) => {
    const { client } = await legacyInstrument(t);
    const base = "shutter/upwelling";
    const move = async (path: string, payload: string): Promise<readonly string[]> => {
      const { code, text } = await client.put(`${base}/${path}`, payload);
      return [code, text, String(await client.value(`${base}/status`))];
    };
    assert.deepEqual(await move("open_shutter", "[[], {}]"), ["2.04", "", "open"]);
    assert.deepEqual(await move("open_shutter", "[]"), ["4.00", "shutter already open", "open"]);
    assert.deepEqual(await move("close_shutter", '{"sclose": true}'), ["2.04", "", "closed"]);
    assert.deepEqual(await move("close_shutter", "[[true], {}]"), [
      "4.00",
      "shutter already closed",
      "closed",
    ]);
    assert.deepEqual(await move("close_shutter", "false"), ["2.04", "", "open"]);
    assert.deepEqual(await move("open_shutter", "false"), ["2.04", "", "closed"]);
  });

  test("neither clock nor medium is touched with emulated instruments", async (t) => {
    const { client } = await legacyInstrument(t);
    for (const payload of [
      '[["2026-01-01T00:00:00Z"], {}]',
      '["2026-01-01 00:00:00+00:00"]',
      '{"clock": "x"}',
    ])
      assert.equal((await client.put("sysinfo/clock", payload)).code, "4.00", payload);
    assert.equal((await client.call("data_dir/mount", [true])).code, "4.00");
    assert.equal((await client.call("data_dir/mount", [false])).code, "4.00");
  });
});
