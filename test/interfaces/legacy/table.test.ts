// Goes through every path and method of piccolo3's tree, from the table of its interface as observed, typed in here anew,
// against a whole server with two emulated spectrometers and two channels.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decodeLinks } from "../../../src/coap/message/link-format.ts";
import { OPTION } from "../../../src/coap/message/options.ts";
import { textOf } from "../../support/coap-instrument.ts";
import { type LegacyClient, legacyInstrument, type Method } from "./legacy-client.ts";

const RUN = "plot1";
const FILES = ["b000000_s000000_light.pico", "b000000_s000000_dark.pico"];
const UNITS = ["S_FLMS01859", "S_QEP00709"];
const CHANNELS = ["downwelling", "upwelling"];

/** What the text of a GET must look like, as it is written there; a float has a point. */
const FLOAT = /^-?\d+\.\d+$/;
const INTEGER = /^-?\d+$/;
const BOOLEAN = /^(true|false)$/;
const TEXT = /^"[ -~]*"$/;
const NULL_OR_BOOLEAN = /^(true|false|null)$/;
const ACTED =
  /^"(ok|[^"]*spectrometer is (in wrong state to be [a-z]+ [A-Z_]+|already (disconnected|running|powered (on|off))))"$/;

interface Row {
  readonly path: string;
  /** What GET gives; undefined for 4.05. */
  readonly get?: RegExp | string;
  /** GET fails with 5.00 here. */
  readonly fails?: RegExp;
  readonly isObservable?: true;
  /** Names of the arguments in their order, the required ones with an exclamation mark; undefined for 4.05. */
  readonly put?: readonly string[];
  readonly isUnlisted?: true;
  /** The native tree has it, too: with a format and a tag, which piccolo3's clients do not look at. */
  readonly isShared?: true;
}

const SEQUENCE = ["run", "nsequence", "auto", "delay", "target", "at_time", "interval", "end_time"];

const ROWS: readonly Row[] = [
  {
    path: "sysinfo/clock",
    get: /^"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00"$/,
    put: ["clock!"],
    isShared: true,
  },
  { path: "sysinfo/cpu", get: /^\d+(\.\d+)?$/, isShared: true },
  { path: "sysinfo/mem", get: FLOAT },
  { path: "sysinfo/host", get: TEXT, isShared: true },
  { path: "sysinfo/version", get: TEXT, isShared: true },
  { path: "data_dir/current_run", get: TEXT, isObservable: true, put: ["run!"] },
  { path: "data_dir/datadir", get: /^"\/.*"$/ },
  { path: "data_dir/mount", get: BOOLEAN, put: ["mount!"] },
  { path: "data_dir/all_runs", put: ["alpha", "reverse", "nitems", "page"] },
  { path: `data_dir/runs/${RUN}/name`, get: `"${RUN}"` },
  { path: `data_dir/runs/${RUN}/current_batch`, get: "0" },
  { path: `data_dir/runs/${RUN}/spectra_list`, get: `["${FILES.join('", "')}"]` },
  { path: `data_dir/runs/${RUN}/spectra`, put: ["sname!"] },
  { path: "shutter/shutters", get: '["downwelling", "upwelling"]' },
  ...CHANNELS.flatMap((channel): readonly Row[] => [
    { path: `shutter/${channel}/status`, get: '"closed"' },
    { path: `shutter/${channel}/reverse`, get: BOOLEAN },
    { path: `shutter/${channel}/fibre_diameter`, get: FLOAT },
    { path: `shutter/${channel}/open_shutter`, put: ["sopen"] },
    { path: `shutter/${channel}/close_shutter`, put: ["sclose"] },
  ]),
  { path: "spectrometer/spectrometers", get: '["S_FLMS01859", "S_QEP00709"]' },
  { path: "spectrometer/channels", get: '["downwelling", "upwelling"]' },
  ...["spectrometer", ...UNITS.map((unit) => `spectrometer/${unit}`)].flatMap((base): readonly Row[] => [
    { path: `${base}/connect`, get: ACTED },
    { path: `${base}/power_on`, get: ACTED },
  ]),
  ...UNITS.flatMap((unit): readonly Row[] => [
    { path: `spectrometer/${unit}/status`, get: "6", isObservable: true },
    { path: `spectrometer/${unit}/min_time`, get: INTEGER, isObservable: true, put: ["t!"] },
    { path: `spectrometer/${unit}/max_time`, get: "10000", isObservable: true, put: ["t!"] },
    ...CHANNELS.flatMap((channel): readonly Row[] => [
      {
        path: `spectrometer/${unit}/current_time/${channel}`,
        get: INTEGER,
        isObservable: true,
        put: ["t!"],
        isUnlisted: true,
      },
      {
        path: `spectrometer/${unit}/autointegration/${channel}`,
        get: '"n"',
        isObservable: true,
        isUnlisted: true,
      },
    ]),
    { path: `spectrometer/${unit}/haveTEC`, get: NULL_OR_BOOLEAN },
    { path: `spectrometer/${unit}/TECenabled`, get: BOOLEAN, isObservable: true, put: ["state!"] },
    { path: `spectrometer/${unit}/target_temperature`, get: "-10.0", isObservable: true, put: ["t!"] },
  ]),
  { path: "spectrometer/S_FLMS01859/current_temperature", fails: /no TEC/ },
  { path: "spectrometer/S_QEP00709/current_temperature", get: FLOAT },
  { path: "control/status", get: '"idle"', isObservable: true },
  { path: "control/current_sequence", get: "0" },
  { path: "control/numSequences", get: "1", isObservable: true, put: ["n!"] },
  { path: "control/autointegration", get: "-1", isObservable: true, put: ["n!"] },
  { path: "control/delay", get: "0.0", isObservable: true, put: ["d!"] },
  { path: "control/target", get: "80.0", isObservable: true, put: ["t!"] },
  { path: "control/record_sequence", put: SEQUENCE },
  { path: "control/record_dark", put: ["run"] },
  { path: "control/auto", put: ["target"] },
  { path: "control/pause", fails: /^piccolo system is not busy$/ },
  { path: "control/abort", fails: /^piccolo system is not busy$/ },
  { path: "control/power_off", put: ["at_time"] },
  { path: "control/power_on", put: ["at_time"] },
  { path: "control/scheduler/jobs", get: "[]", isObservable: true },
  { path: "control/scheduler/quietTimeEnabled", get: "false", isObservable: true, put: ["e!"] },
  { path: "control/scheduler/powerOffEnabled", get: "false", isObservable: true, put: ["e!"] },
  { path: "control/scheduler/powerDelay", get: "600", isObservable: true, put: ["delay!"] },
  { path: "control/scheduler/quietStart", get: '"22:00:00+0000"', isObservable: true, put: ["t!"] },
  { path: "control/scheduler/quietEnd", get: '"04:00:00+0000"', isObservable: true, put: ["t!"] },
  { path: "control/scheduler/suspend", put: ["jid!"] },
  { path: "control/scheduler/unsuspend", put: ["jid!"] },
  { path: "control/scheduler/delete", put: ["jid!"] },
  // Last, as they leave nothing connected.
  ...UNITS.map((unit): Row => ({ path: `spectrometer/${unit}/disconnect`, get: '"ok"' })),
  ...["spectrometer", ...UNITS.map((unit) => `spectrometer/${unit}`)].flatMap((base): readonly Row[] => [
    { path: `${base}/power_off`, get: ACTED },
  ]),
  { path: "spectrometer/disconnect", get: ACTED },
];

const OTHER_METHODS: readonly Method[] = ["POST", "DELETE", "FETCH", "PATCH", "iPATCH"];

async function recorded(client: LegacyClient): Promise<void> {
  await client.done("control/record_sequence", [], { run: RUN });
  await client.until("control/status", (status) => status !== "idle");
  await client.until("control/status", (status) => status === "idle");
}

describe("piccolo3's tree", () => {
  test("every path answers GET as in the table: codes, types, texts, no option", async (t) => {
    const { client } = await legacyInstrument(t);
    await recorded(client);
    for (const { path, get, fails, isShared } of ROWS) {
      const { code, text, options } = await client.get(path);
      const said = `GET ${path}: ${code} ${text}`;
      if (get === undefined && fails === undefined) assert.deepEqual([code, text], ["4.05", ""], said);
      else if (fails !== undefined) {
        assert.equal(code, "5.00", said);
        assert.match(text, fails);
      } else {
        assert.equal(code, "2.05", said);
        if (typeof get === "string") assert.equal(text, get, said);
        else assert.match(text, get ?? /^$/, said);
      }
      if (isShared !== true) assert.deepEqual(options, [], said);
    }
  });

  test("every path tells other methods that it has none, and unknown paths are not there", async (t) => {
    const { client } = await legacyInstrument(t);
    await recorded(client);
    for (const { path, put, isShared } of ROWS) {
      if (put === undefined) {
        const { code, text } = await client.call(path, []);
        assert.equal(code, "4.05", `PUT ${path}: ${code} ${text}`);
        if (isShared !== true) assert.equal(text, "");
      }
      for (const method of OTHER_METHODS) {
        const { code, text } = await client.ask(method, path);
        if (isShared === true) assert.match(code, /^4\.0[05]$/, `${method} ${path}`);
        else assert.deepEqual([code, text], ["4.05", "Error: Method not allowed!"], `${method} ${path}`);
      }
    }
    const unknown = ["control", "control/status/x", "data_dir/runs/nowhere/name", "shutter/sideways/status"];
    unknown.push("spectrometer/FLMS01859/status", "spectrometer/S_NONE/status", "shutter", "data_dir");
    unknown.push("spectrometer/S_FLMS01859/current_time", "control/scheduler");
    for (const path of unknown)
      for (const method of ["GET", "PUT", ...OTHER_METHODS] as const) {
        const { code, text } = await client.ask(method, path, { payload: "1" });
        assert.deepEqual([code, text], ["4.04", ""], `${method} ${path}`);
      }
  });

  test("every PUT takes its arguments by position and by name, and no others", async (t) => {
    const { client } = await legacyInstrument(t);
    await recorded(client);
    for (const { path, put } of ROWS) {
      if (put === undefined) continue;
      const refused = async (payload: string, why: RegExp): Promise<void> => {
        const { code, text } = await client.put(path, payload);
        assert.equal(code, "4.00", `PUT ${path} ${payload}: ${code} ${text}`);
        assert.match(text, why, path);
      };
      const tooMany = Array.from({ length: put.length + 1 }, () => null);
      await refused(JSON.stringify([tooMany, {}]), /arguments were given/);
      await refused(JSON.stringify(tooMany.concat(null)), /arguments were given/);
      await refused('{"nonsense": 1}', /no argument "nonsense"/);
      await refused('[[], {"nonsense": 1}]', /no argument "nonsense"/);
      const [first = ""] = put;
      await refused(JSON.stringify([[1], { [first.replace("!", "")]: 1 }]), /given twice/);
      if (first.endsWith("!")) {
        await refused("[]", /missing/);
        await refused("{}", /missing/);
        await refused("[[], {}]", /missing/);
      }
      for (const broken of ["{", "nan", "'x'"]) await refused(broken, /expected JSON|not JSON|expected date/);
      if (!path.startsWith("sysinfo/")) await refused("", /expected JSON/);
    }
  });

  test("what can be observed can, and says so; what cannot is answered as if nobody had asked", async (t) => {
    const { client } = await legacyInstrument(t);
    await recorded(client);
    for (const { path, get, isObservable } of ROWS) {
      if (get === undefined || path.endsWith("connect") || path.includes("/power_o")) continue;
      const { code, observe } = await client.ask("GET", path, { options: [[OPTION.OBSERVE, 0]] });
      assert.equal(code, "2.05", path);
      assert.equal(observe !== undefined, isObservable === true, path);
      await client.ask("GET", path, { options: [[OPTION.OBSERVE, 1]] });
    }
  });

  test("discovery has the links of both trees, with nothing but obs on piccolo3's, and filters them", async (t) => {
    const { client, instrument } = await legacyInstrument(t);
    await recorded(client);
    const links = decodeLinks(textOf(await instrument.get("/.well-known/core")));
    const listed = new Map(links.map(({ path, attributes }) => [path.join("/"), attributes]));
    assert.equal(listed.size, links.length, "no link is there twice");
    for (const { path, isObservable, isUnlisted, isShared } of ROWS) {
      if (isShared === true) assert.equal(typeof listed.get(path)?.["title"], "string", path);
      else if (isUnlisted === true) assert.equal(listed.has(path), false, path);
      else assert.deepEqual(listed.get(path), isObservable === true ? { obs: true } : {}, path);
    }
    for (const native of ["acquisition/status", "spectrometers", "shutters/upwelling", "sysinfo/memory"])
      assert.ok(listed.has(native), native);
    const some = await client.ask("GET", ".well-known/core", {
      options: [[OPTION.URI_QUERY, "href=/control/d*"]],
    });
    assert.equal(some.text, "</control/delay>;obs");
    await client.done("data_dir/current_run", ["plot 2 ä"]);
    const again = await client.get(".well-known/core");
    assert.ok(
      again.text.includes("</data_dir/runs/plot%202%20%C3%A4/spectra_list>"),
      "a new run is there at once",
    );
  });

  test("formats, conditions and tags that a client states are not looked at", async (t) => {
    const { client } = await legacyInstrument(t);
    for (const options of [
      [[OPTION.ACCEPT, 60]],
      [[OPTION.ACCEPT, 12_345]],
      [[OPTION.CONTENT_FORMAT, 60]],
      [[OPTION.IF_MATCH, "other"]],
      [[OPTION.IF_NONE_MATCH, 0]],
      [[OPTION.ETAG, "tag"]],
      [[OPTION.URI_QUERY, "a=b"]],
    ] as const) {
      const got = await client.ask("GET", "control/delay", { options });
      assert.deepEqual([got.code, got.text, got.options], ["2.05", "0.0", []]);
      const put = await client.ask("PUT", "control/delay", { options, payload: "0" });
      assert.deepEqual([put.code, put.text, put.options], ["2.04", "", []]);
    }
  });

  test("it can be switched off: then nothing of it is there", async (t) => {
    const { client, instrument } = await legacyInstrument(t, { piccolo3: false });
    for (const { path, isShared } of ROWS)
      if (isShared !== true) assert.equal((await client.get(path)).code, "4.04", path);
    assert.equal((await client.call("control/numSequences", [2])).code, "4.04");
    assert.equal((await client.get("sysinfo/clock")).code, "2.05");
    assert.equal((await client.call("sysinfo/clock", ["2026-01-01T00:00:00Z"])).code, "4.00");
    assert.ok(!textOf(await instrument.get("/.well-known/core")).includes("</control/"));
  });
});
