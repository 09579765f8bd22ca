// Recording as piccolo3's clients know it: sections 7 and 8 of its interface as observed. The order of the steps, the names
// of the files and what is in them, what is refused meanwhile, pause and abort.

import assert from "node:assert/strict";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { OPTION } from "../../../src/coap/message/options.ts";
import { type LegacyClient, legacyInstrument, Watch } from "./legacy-client.ts";

const BUSY = ["4.00", "piccolo system is busy"];
const NOT_BUSY = ["5.00", "piccolo system is not busy"];

const isBusy = (status: unknown): boolean => status !== "idle";
const isIdle = (status: unknown): boolean => status === "idle";

async function recorded(
  client: LegacyClient,
  watch: Watch,
  named: Record<string, unknown>,
): Promise<readonly unknown[]> {
  const all = { run: null, nsequence: null, auto: null, delay: null, target: null };
  const unset = { at_time: null, interval: null, end_time: null };
  assert.equal(await client.done("control/record_sequence", [], { ...all, ...unset, ...named }), undefined);
  return watch.upTo(isIdle);
}

/** Names such as `0_dark` of the files of a batch, sorted. */
async function filesOf(client: LegacyClient, run: string, batch: number): Promise<readonly string[]> {
  const list = await client.value(`data_dir/runs/${run}/spectra_list`);
  assert.ok(Array.isArray(list));
  const names = list.map(String);
  assert.deepEqual(names, names.toSorted().toReversed(), "descending");
  return names
    .map((name) => /^b(\d{6})_s(\d{6})_(dark|light)\.pico$/.exec(String(name)) ?? assert.fail(String(name)))
    .filter(([, number]) => Number(number) === batch)
    .map(([, , sequence, kind]) => `${Number(sequence)}_${kind}`)
    .sort();
}

describe("piccolo3's recordings", () => {
  test("the files of each kind of batch", async (t) => {
    const { client, instrument } = await legacyInstrument(t);
    const watch = await Watch.open(t, instrument.port, { path: "control/status" });
    const run = "files";
    const cases: readonly (readonly [Record<string, unknown>, readonly string[]])[] = [
      [{ run }, ["0_dark", "0_light"]],
      [{ nsequence: 3 }, ["0_dark", "0_light", "1_light", "2_dark", "2_light"]],
      [{ nsequence: 2, auto: 0 }, ["0_dark", "0_light", "1_dark", "1_light"]],
      [{ nsequence: 3, auto: 2 }, ["0_dark", "0_light", "1_light", "2_dark", "2_light"]],
      [{ nsequence: "1", auto: 1 }, ["0_dark", "0_light"]],
    ];
    for (const [batch, [named, files]] of cases.entries()) {
      await recorded(client, watch, named);
      assert.deepEqual(await filesOf(client, run, batch), files, JSON.stringify(named));
      assert.equal(await client.value(`data_dir/runs/${run}/current_batch`), batch);
    }
    await client.done("control/record_dark", [null]);
    await watch.upTo(isIdle);
    assert.deepEqual(await filesOf(client, run, cases.length), ["0_dark"]);
    await client.done("control/auto", []);
    await watch.upTo(isIdle);
    assert.deepEqual(await filesOf(client, run, cases.length + 1), []);
    const path = join(instrument.folder, run, "b000000_s000000_light.pico");
    assert.equal((await stat(path)).mode & 0o777, 0o644);
    // The native tree has the same files.
    assert.ok((await readdir(join(instrument.folder, run))).includes("b000001_s000002_dark.pico"));
  });

  test("what is given becomes the new settings and the current run", async (t) => {
    const { client, instrument } = await legacyInstrument(t);
    const watch = await Watch.open(t, instrument.port, { path: "control/status" });
    const run = await Watch.open(t, instrument.port, { path: "data_dir/current_run" });
    await recorded(client, watch, { run: "kept", nsequence: 2, auto: -1, delay: "0", target: 60 });
    assert.equal(await run.next(), "kept");
    const settings = ["numSequences", "autointegration", "delay", "target", "current_sequence"];
    const texts: string[] = [];
    for (const name of settings) texts.push((await client.get(`control/${name}`)).text);
    assert.deepEqual(texts, ["2", "-1", "0.0", "60.0", "1"]);
    assert.equal(await client.value("data_dir/current_run"), "kept");
    // By position, as section 4 orders them.
    assert.equal((await client.put("control/record_sequence", '["again", 1, -1, 0, 70]')).code, "2.04");
    await watch.upTo(isIdle);
    assert.equal((await client.get("control/target")).text, "70.0");
    assert.equal(await client.value("control/current_sequence"), 0);
  });

  test("status texts of a batch, and the number of its sequence", async (t) => {
    const { client, instrument } = await legacyInstrument(t);
    const watch = await Watch.open(t, instrument.port, { path: "control/status" });
    assert.deepEqual(watch.values, ["idle"]);
    assert.equal(await client.value("control/current_sequence"), -1);
    const seen = await recorded(client, watch, { run: "words", nsequence: 2, auto: 0, delay: 0.2 });
    const words = ["autointegrate downwelling", "autointegrate upwelling"];
    words.push("downwelling dark", "upwelling dark", "downwelling light", "upwelling light", "waiting");
    words.push(
      "downwelling light",
      "upwelling light",
      "waiting",
      "downwelling dark",
      "upwelling dark",
      "idle",
    );
    // Quick changes may be skipped, never turned round.
    let at = 0;
    for (const text of seen) {
      const found = words.indexOf(String(text), at);
      assert.ok(found >= 0, `${String(text)} after ${words[at]}`);
      at = found;
    }
    const waits = seen.filter((text) => text === "waiting");
    assert.equal(waits.length, 2, "after the last sequence, too");
    // Darks and searches alone do not touch it.
    await client.done("control/record_dark", []);
    await watch.upTo(isIdle);
    await client.done("control/auto", [70]);
    await watch.upTo(isIdle);
    assert.equal(await client.value("control/current_sequence"), 1);
  });

  test("a file, fetched as one text in blocks, has every key of piccolo3 with its type", async (t) => {
    const { client, instrument } = await legacyInstrument(t);
    const watch = await Watch.open(t, instrument.port, { path: "control/status" });
    await recorded(client, watch, { run: "content" });
    for (const kind of ["dark", "light"]) {
      const name = `b000000_s000000_${kind}.pico`;
      const text = await client.done("data_dir/runs/content/spectra", [name]);
      assert.equal(text, await readFile(join(instrument.folder, "content", name), "utf8"));
      assert.ok(typeof text === "string" && text.length > 50_000, "many blocks");
      checkFile(text, kind);
    }
  });

  test("nothing outside of the run is read", async (t) => {
    const { client, instrument } = await legacyInstrument(t);
    const watch = await Watch.open(t, instrument.port, { path: "control/status" });
    await recorded(client, watch, { run: "inside" });
    await recorded(client, watch, { run: "other" });
    const names = ["/etc/hostname", "../vscope.config", "../other/b000000_s000000_dark.pico", "", ".batch"];
    for (const name of [...names, "nowhere.pico", 5, null])
      assert.equal((await client.call("data_dir/runs/inside/spectra", [name])).code, "4.00", String(name));
    for (const run of ["../../evil", "/tmp/evil", "", ".", "..", "a/b", "x.part"]) {
      const { code, text } = await client.call("control/record_sequence", [], { run });
      assert.equal(code, "4.00", `${run}: ${text}`);
      assert.equal((await client.call("control/record_dark", [run])).code, "4.00");
    }
    assert.equal(await client.value("data_dir/current_run"), "other");
    assert.deepEqual(
      (await readdir(instrument.folder, { withFileTypes: true }))
        .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
        .map(({ name }) => name)
        .sort(),
      ["inside", "other"],
    );
  });

  test("a run that an older system has named goes on, though nobody gets such a name any more", async (t) => {
    const { client, instrument } = await legacyInstrument(t);
    const watch = await Watch.open(t, instrument.port, { path: "control/status" });
    const run = "plot+1 (10:30)";
    assert.equal((await client.call("data_dir/current_run", [run])).code, "4.00");
    await mkdir(join(instrument.folder, run));
    await client.done("data_dir/current_run", [run]);
    await recorded(client, watch, {});
    await recorded(client, watch, { run });
    assert.deepEqual(await filesOf(client, run, 1), ["0_dark", "0_light"]);
  });

  test("a run with .pico in its name keeps its files, and a long list of files comes in blocks", async (t) => {
    const { client, instrument } = await legacyInstrument(t);
    const watch = await Watch.open(t, instrument.port, { path: "control/status" });
    const run = "my.pico_run";
    await recorded(client, watch, { run });
    assert.deepEqual(await filesOf(client, run, 0), ["0_dark", "0_light"]);
    const template = await readFile(join(instrument.folder, run, "b000000_s000000_light.pico"));
    const names = Array.from(
      { length: 200 },
      (_, index) => `b000007_s${String(index).padStart(6, "0")}_light.pico`,
    );
    for (const name of names) await writeFile(join(instrument.folder, run, name), template);
    const { text, options } = await client.get(`data_dir/runs/${run}/spectra_list`);
    assert.deepEqual(JSON.parse(text).slice(0, 200), names.toReversed());
    assert.deepEqual(options, [OPTION.ETAG, OPTION.BLOCK2, OPTION.SIZE2]);
    assert.equal(await client.value(`data_dir/runs/${run}/current_batch`), 7);
  });

  test("while busy: recordings are refused and change nothing, settings are accepted", async (t) => {
    const { client, instrument } = await legacyInstrument(t);
    const watch = await Watch.open(t, instrument.port, { path: "control/status" });
    await client.done("control/record_sequence", ["busy", 2, -1, 60]);
    await watch.upTo((status) => status === "waiting");
    const refused = async (path: string, named: Record<string, unknown>): Promise<void> => {
      const { code, text } = await client.call(path, [], named);
      assert.deepEqual([code, text], BUSY, path);
    };
    await refused("control/record_sequence", { run: "stolen", nsequence: 7 });
    await refused("control/record_dark", { run: "stolen" });
    await refused("control/auto", {});
    await refused("control/power_off", {});
    await refused("control/power_on", {});
    assert.equal(await client.value("control/numSequences"), 2);
    assert.equal(await client.value("data_dir/current_run"), "busy");
    assert.ok(!(await readdir(instrument.folder)).includes("stolen"));
    // The running batch keeps its own.
    await client.done("control/record_sequence", [], { nsequence: 4, at_time: "2090-01-01T12:00:00Z" });
    assert.equal(await client.value("control/numSequences"), 4);
    await client.done("control/numSequences", [1]);
    await client.done("control/delay", [0]);
    await client.done("data_dir/current_run", ["later"]);
    await client.done("spectrometer/S_FLMS01859/current_time/upwelling", [90]);
    await client.done("shutter/upwelling/open_shutter", []);
    assert.equal(await client.value("shutter/upwelling/status"), "open");
    assert.equal(await client.value("control/status"), "waiting");
    assert.equal((await client.get("control/abort")).text, "null");
    await watch.upTo(isIdle);
    assert.deepEqual(await filesOf(client, "busy", 0), ["0_dark", "0_light"]);
    assert.equal(await client.value("control/current_sequence"), 0);
  });

  // The order was measured on piccolo3: what a request is told while busy is part of what its users see.
  test("while busy: nonsense for a sequence or a time is told as such, for a dark or a search it is busy", async (t) => {
    const { client, instrument } = await legacyInstrument(t);
    const watch = await Watch.open(t, instrument.port, { path: "control/status" });
    await client.done("control/record_sequence", ["busy", 2, -1, 60]);
    await watch.upTo((status) => status === "waiting");
    for (const [path, payload, isBusyText] of [
      ["control/record_sequence", '[["x"], {"nsequence": 0}]', false],
      ["control/record_sequence", '[["x"], {"auto": "abc"}]', false],
      ["control/record_sequence", '[["x"], {"delay": -1}]', false],
      ["control/record_sequence", '[["x"], {"target": 5}]', false],
      ["control/record_sequence", "[[5], {}]", false],
      ["control/record_sequence", '[[], {"at_time": "nonsense"}]', false],
      ["control/record_sequence", '[[], {"nonsense": 1}]', false],
      ["control/record_sequence", '[[], {"interval": "x"}]', true],
      ["control/record_sequence", '[[], {"end_time": "x"}]', true],
      ["control/record_dark", "5", true],
      ["control/record_dark", "[1, 2, 3]", false],
      ["control/auto", '"x"', true],
      ["control/auto", "[1, 2]", false],
      ["control/power_off", "5", false],
      ["control/power_off", '"nonsense"', false],
      ["control/power_on", "null", true],
    ] as const) {
      const { code, text } = await client.put(path, payload);
      assert.deepEqual([code, text === BUSY[1]], ["4.00", isBusyText], `${path} ${payload}: ${text}`);
    }
    assert.equal((await client.get("control/abort")).text, "null");
  });

  test("pause is a switch; abort ends a pause", async (t) => {
    const { client, instrument } = await legacyInstrument(t);
    const watch = await Watch.open(t, instrument.port, { path: "control/status" });
    for (const action of ["pause", "abort"]) {
      const { code, text } = await client.get(`control/${action}`);
      assert.deepEqual([code, text], NOT_BUSY);
    }
    await client.done("control/record_sequence", ["paused", 3]);
    // Perhaps before the first step: it is not idle when it goes on, either.
    assert.equal((await client.get("control/pause")).text, "null");
    await watch.upTo((status) => status === "paused");
    assert.equal(await client.value("control/status"), "paused");
    assert.deepEqual((await client.call("control/auto", [])).code, "4.00");
    assert.equal((await client.get("control/pause")).code, "2.05");
    await watch.upTo(isIdle);
    assert.equal((await filesOf(client, "paused", 0)).length, 5);
    await client.done("control/record_sequence", ["paused", 3]);
    assert.equal((await client.get("control/pause")).code, "2.05");
    await watch.upTo((status) => status === "paused");
    assert.equal((await client.get("control/abort")).code, "2.05");
    assert.equal(await client.value("control/status"), "idle");
    assert.deepEqual((await client.get("control/pause")).code, "5.00");
  });

  test("pause and abort of darks and searches leave a server that goes on", async (t) => {
    const { client, instrument } = await legacyInstrument(t);
    const watch = await Watch.open(t, instrument.port, { path: "control/status" });
    await client.done("spectrometer/S_FLMS01859/current_time/upwelling", [300]);
    for (const path of ["control/record_dark", "control/auto"]) {
      await client.done(path, []);
      await watch.upTo(isBusy);
      assert.equal((await client.get("control/pause")).code, "2.05");
      await watch.upTo((status) => status === "paused");
      assert.equal((await client.get("control/pause")).code, "2.05");
      await watch.upTo(isIdle);
      await client.done(path, []);
      assert.equal((await client.get("control/abort")).code, "2.05");
      assert.equal(await client.value("control/status"), "idle");
      await watch.settled();
    }
    await recorded(client, watch, {});
  });
});

const METADATA: Readonly<Record<string, (value: unknown, kind: string) => boolean>> = {
  Dark: (value, kind) => value === (kind === "dark"),
  Type: (value, kind) => value === kind,
  Datetime: (value) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+0000$/.test(String(value)),
  Direction: (value) => value === "downwelling" || value === "upwelling",
  IntegrationTime: (value) => value === 100,
  IntegrationTimeUnits: (value) => value === "milliseconds",
  SequenceNumber: (value) => value === 0,
  SerialNumber: (value) => value === "FLMS01859" || value === "QEP00709",
  SaturationLevel: (value) => typeof value === "number",
  WavelengthCalibrationCoefficients: (value) => areNumbers(value) && value.length === 4,
  NonlinearityCorrectionCoefficients: (value) => areNumbers(value),
  DarkPixels: (value) => areNumbers(value) && value.every(Number.isInteger),
  OpticalPixelRange: (value) => areNumbers(value) && value.length === 2,
  Temperature: (value) => value === null || typeof value === "number",
  TemperatureEnabled: (value) => typeof value === "boolean",
  TemperatureUnits: (value) => value === "degrees Celcius",
};

function areNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((one) => typeof one === "number");
}

function checkFile(text: string, kind: string): void {
  const content: { Spectra: { Metadata: Record<string, unknown>; Pixels: unknown }[] } = JSON.parse(text);
  assert.equal(text.startsWith('{\n "'), true, "indent 1");
  assert.equal(text.endsWith("}"), true, "no newline at the end");
  const seen: string[] = [];
  for (const { Metadata, Pixels } of content.Spectra) {
    for (const [key, fits] of Object.entries(METADATA))
      assert.ok(fits(Metadata[key], kind), `${key}: ${JSON.stringify(Metadata[key])}`);
    assert.deepEqual(Object.keys(Metadata), Object.keys(Metadata).sort(), "keys sorted");
    assert.ok(areNumbers(Pixels) && Pixels.every(Number.isInteger) && Pixels.length > 1000);
    seen.push(`${String(Metadata["Direction"])} ${String(Metadata["SerialNumber"])}`);
  }
  const ordered = [
    "downwelling FLMS01859",
    "downwelling QEP00709",
    "upwelling FLMS01859",
    "upwelling QEP00709",
  ];
  assert.deepEqual(seen, ordered);
}
