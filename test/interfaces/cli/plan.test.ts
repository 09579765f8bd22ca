// An experiment from its file to the jobs of a server.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { messageOf } from "../../../src/base/errors.ts";
import { experimentShape, jobsOf } from "../../../src/interfaces/cli/experiment.ts";
import { forecast } from "../../../src/interfaces/cli/forecast.ts";
import { ASSUMED } from "../../../src/interfaces/cli/server-facts.ts";
import { parseYaml } from "../../../src/interfaces/cli/yaml-file.ts";
import { CoapInstrument } from "../../support/coap-instrument.ts";
import { sourceRoot } from "../../support/sources.ts";
import { vscope } from "./spawn-vscope.ts";

const FILE = `# A season over two plots
experiment: canopy
position: { latitude: 55.92, longitude: -3.17, height: 80 }
run: [plotA, plotB]
settings:
  sequences: 3
  delayS: 2
integrationTimes:
  upwelling: 250 ms
jobs:
  grid:
    at: 2090-06-21T06:00:00Z
    every: 30 min
    times: 24
    settings: { autointegrate: 0 }
    when:
      sunElevation: { min: 20 }
      values: ["/datadir freeBytes >= 1e9"]
  darks:
    do: dark
    run: darks
    sun: { event: sunset, offset: -30 min }
    at: 2090-06-21T00:00:00Z
    onBusy: skip
`;

const parse = (text: string) => parseYaml(experimentShape(), text, "x.yaml");

test("a job for each plot, with what all have in common", () => {
  const when = {
    sunElevationDeg: { min: 20 },
    values: [{ path: "/datadir", field: "freeBytes", is: ">=", value: 1e9 }],
  };
  const grid = (run: string) => ({
    name: "canopy/grid",
    action: { do: "record", settings: { run, sequences: 3, delayS: 2, autointegrate: 0 } },
    start: "2090-06-21T06:00:00Z",
    end: "2090-06-21T17:30:00.000Z",
    intervalS: 1800,
    when,
  });
  const darks = {
    name: "canopy/darks",
    action: { do: "dark", run: "darks" },
    start: "2090-06-21T00:00:00Z",
    sun: { event: "sunset", offsetS: -1800 },
    onBusy: "skip",
  };
  assert.deepEqual(jobsOf(parse(FILE)), [grid("plotA"), grid("plotB"), darks]);
});

/** The mistakes that are found, a line each. */
function mistakesIn(text: string, channels?: readonly string[]): readonly string[] {
  try {
    parseYaml(experimentShape(channels), text, "x.yaml");
    return [];
  } catch (error) {
    return messageOf(error).split("\n");
  }
}

test("every mistake is told with line, column, key, what is allowed and the nearest name", () => {
  const text = FILE.replace("sequences: 3", "sequence: 3")
    .replace("every: 30 min", "every: 30 mins")
    .replace("sunElevation: { min: 20 }", "sunElevation: { mim: 20 }")
    .replace("do: dark", "do: darsk")
    .replace("run: [plotA, plotB]", "run: [plotA, ../x]")
    .replace("upwelling: 250 ms", "upweling: 250 ms")
    .replace("delayS: 2", "delayS: soon")
    .replace("times: 24", "times: 0")
    .replace("autointegrate: 0", "autointegrate: 1000000")
    .replace(">= 1e9", "is large");
  assert.deepEqual(mistakesIn(text, ["downwelling", "upwelling"]), [
    'x.yaml:4:14: run.1: run name "../x": not allowed, 1 to 64 letters, digits, spaces and . _ -, at most 200 bytes, ' +
      "no dot or space at either end, not ending in .part or .pico",
    "x.yaml:6:3: settings.sequence: unknown key, did you mean sequences?",
    "x.yaml:7:3: settings.delayS: 'soon', expected a number",
    "x.yaml:9:3: integrationTimes.upweling: unknown channel, did you mean upwelling?",
    'x.yaml:13:5: jobs.grid.every: "30 mins" is not a time such as 30 s, 10 min, 2 h or 1 d',
    "x.yaml:14:5: jobs.grid.times: 0 is below 1",
    "x.yaml:15:17: jobs.grid.settings.autointegrate: 1000000 is above 100000",
    "x.yaml:17:23: jobs.grid.when.sunElevation.mim: unknown key, did you mean min?",
    'x.yaml:18:16: jobs.grid.when.values.0: "/datadir freeBytes is large" is not like /datadir freeBytes >= 1e9',
    "x.yaml:20:5: jobs.darks.do: 'darsk' is not record, dark, autointegrate, power-off, power-on, did you mean dark?",
  ]);
});

test("what is wrong with a whole file, and with a job's members together", () => {
  const job = (members: string): string => `experiment: a\njobs:\n  x: ${members}`;
  for (const [wrong, ...expected] of [
    ["", "1:1: the file is empty, expected keys with their values"],
    [
      "{}",
      "1:1: experiment: is missing, expected a text",
      "1:1: jobs: is missing, expected keys with their values",
    ],
    ["experiment: a\njobs: {}", "2:1: jobs: has no job"],
    ["experiment: a\njobs:", "2:1: jobs: is empty, expected keys with their values"],
    [
      "experiment: 5\njobs: [x]",
      "1:1: experiment: 5, expected a text",
      "2:1: jobs: [ 'x' ], expected keys with their values",
    ],
    ["experiment: a\nexperiment: b\njobs: {}", "2:1: Map keys must be unique"],
    [job("{ times: 3 }"), "3:8: jobs.x.times: needs at and every"],
    [
      job("{ at: [2026-01-01, 2026-01-02T00:00:00Z] }"),
      "3:13: jobs.x.at.0: '2026-01-01', expected date, time and zone in ISO 8601, such as 2026-06-21T12:00:00Z",
    ],
    [job("{ at: [] }"), "3:8: jobs.x.at: it is less than 1 entries"],
    [job("{ every: [1] }"), "3:8: jobs.x.every: [ 1 ], expected a number or a text"],
    [
      job("{ at: 2090-01-02T00:00:00Z, every: 1 h, until: 2090-01-01T00:00:00Z }"),
      "3:46: jobs.x.until: is before at",
    ],
    [
      job("{ when: { sunElevation: { min: 95, max: 20 }, sunAzimuth: { from: 9, to: 9 } } }"),
      "3:16: jobs.x.when.sunElevation: min is above max",
      "3:32: jobs.x.when.sunElevation.min: 95 is above 90",
      "3:52: jobs.x.when.sunAzimuth: from and to are the same, all around is 0 to 360",
    ],
    [
      job("{ when: { sunElevation: { min: 50, max: 20 } } }"),
      "3:16: jobs.x.when.sunElevation: min is above max",
    ],
    [
      job('{ when: { values: ["/datadir freBytes > 1"] } }'),
      "3:25: jobs.x.when.values.0: condition on /datadir: has no member freBytes, did you mean freeBytes?",
    ],
    [
      `${job("{ do: dark }")}\nintegrationTimes: { a: 250, b: "250", c: 0 s }`,
      "4:21: integrationTimes.a: has no unit, such as 250 ms or 2 s",
      "4:29: integrationTimes.b: has no unit, such as 250 ms or 2 s",
      "4:39: integrationTimes.c: is not longer than 0 s",
    ],
    [job("{ sun: { event: noon }, every: 1 h }"), "3:30: jobs.x.every: beside sun, one of them is enough"],
  ] as const)
    assert.deepEqual(
      mistakesIn(wrong),
      expected.map((one) => `x.yaml:${one}`),
      wrong,
    );
  assert.match(mistakesIn("experiment: a\njobs: [").join("\n"), /^x.yaml:2:8: /);
  const bombed = `a: &a [1,1,1,1,1,1,1,1,1]\n${"bcdefgh".replaceAll(
    /./g,
    (name) =>
      `${name}: &${name} [${Array(9)
        .fill(`*${String.fromCharCode(name.charCodeAt(0) - 1)}`)
        .join(",")}]\n`,
  )}`;
  assert.match(mistakesIn(bombed).join("\n"), /^x.yaml:1:1: Excessive alias count/);
});

test("the forecast has every run, with what the sun and quiet time take away, and its time and data", async () => {
  const experiment = parse(FILE);
  const place = { latitudeDeg: 55.92, longitudeDeg: -3.17, heightM: 80 };
  const quietTime = { ...ASSUMED.quietTime, enabled: true, startS: 17 * 3600, endS: 18 * 3600 };
  const window = { fromUtcUs: Date.UTC(2090, 5, 20) * 1000, untilUtcUs: Date.UTC(2090, 5, 22) * 1000 };
  const runs = await forecast(jobsOf(experiment), { ...ASSUMED, place, quietTime }, window);
  assert.equal(runs.length, 49);
  const grid = runs.filter(({ run }) => run === "plotA");
  const reasons = new Set(grid.flatMap(({ skipped }) => skipped?.replaceAll(/[\d.]+/g, "#") ?? []));
  assert.deepEqual([...reasons], ["sun elevation # degrees, below #", "quiet time"]);
  assert.equal(grid.filter(({ skipped }) => skipped === undefined).length, 21);
  // Search (4), dark, 3 lights, dark: 9 times both channels at 0.1 s and their overhead, and two delays.
  assert.ok(Math.abs((grid[5]?.seconds ?? 0) - (9 * 0.6 + 4)) < 1e-9, String(grid[5]?.seconds));
  assert.deepEqual([grid[5]?.searches, runs.at(-1)?.searches], [1, 0]);
  assert.equal(grid[5]?.bytes, 5 * 2 * (2048 * 11 + 1500));
  assert.match(new Date((runs.at(-1)?.utcUs ?? 0) / 1000).toISOString(), /^2090-06-21T20:3/);
});

test("the forecast counts the exposures of the chosen channels, and knows those of the server", async () => {
  const settings = (text: string) =>
    jobsOf(parse(`experiment: a\nsettings: { ${text} }\njobs:\n  x: { at: 2090-06-21T06:00:00Z }`));
  const window = { fromUtcUs: Date.UTC(2090, 5, 21) * 1000, untilUtcUs: Date.UTC(2090, 5, 22) * 1000 };
  const exposures = async (text: string): Promise<number> => {
    const [run] = await forecast(settings(text), ASSUMED, window);
    return Math.round((run?.seconds ?? 0) / 0.3);
  };
  assert.equal(await exposures("sequences: 2"), 8, "two channels, darks before and after");
  assert.equal(await exposures("sequences: 2, channels: [upwelling]"), 4);
  assert.equal(await exposures("sequences: 2, order: interleaved"), 10);
  assert.equal(await exposures("sequences: 2, channels: [nadir]"), 4, "there may be one");
  const facts = { ...ASSUMED, knownChannels: ["downwelling", "upwelling"] };
  await assert.rejects(forecast(settings("channels: [nadir]"), facts, window), {
    message: "channels: no nadir, there are downwelling, upwelling",
  });
});

test("the estimate has the searches, the darks that will be needed, and the channels of the order", async () => {
  const cost = async (settings: object) => {
    const job = { action: { do: "record" as const, settings }, start: "2090-06-21T06:00:00Z" };
    const fromUtcUs = Date.UTC(2090, 5, 20) * 1000;
    const [run] = await forecast([job], ASSUMED, { fromUtcUs, untilUtcUs: fromUtcUs + 2 * 86_400e6 });
    const { seconds = 0, bytes = 0, darks = 0, searches } = run ?? {};
    return [Math.round(10 * seconds) / 10, bytes / (2048 * 11 + 1500), Math.round(10 * darks) / 10, searches];
  };
  // A channel takes 0.3 s: 0.1 s of light, 0.2 s beside it.
  assert.deepEqual(
    await cost({ sequences: 4 }),
    [6 * 0.6, 12, 2, 0].map((one) => Math.round(10 * one) / 10),
  );
  assert.deepEqual(await cost({ sequences: 4, autointegrate: 2 }), [9, 14, 3, 2]);
  assert.deepEqual(await cost({ sequences: 4, dark: "every" }), [4.8, 16, 4, 0]);
  assert.deepEqual(await cost({ sequences: 2, order: "interleaved" }), [3, 10, 2, 0]);
  // A dark serves 10 minutes, a sequence comes each minute.
  const aged = await cost({ sequences: 101, dark: "age", delayS: 59.4 });
  assert.deepEqual(aged, [6007.2, 2 * 112, 11, 0]);
});

test("--schema prints a JSON Schema with limits and meanings; the shipped one is the same", async () => {
  const { code, out, errors } = await vscope(["plan", "--schema"]);
  assert.equal(code, 0, errors);
  const schema = JSON.parse(out);
  const { properties, required, additionalProperties } = schema;
  assert.deepEqual([required, additionalProperties], [["experiment", "jobs"], false]);
  assert.deepEqual(properties.settings.properties.sequences, {
    type: "integer",
    minimum: 1,
    maximum: 100_000,
  });
  assert.match(properties.jobs.additionalProperties.properties.every.description, /10 min/);
  const shipped = await readFile(new URL("etc/experiment.schema.json", sourceRoot), "utf8");
  assert.deepEqual(JSON.parse(shipped), schema, "npm run docs prints it");
  assert.equal((await vscope(["plan"])).code, 2);
});

let server: CoapInstrument;
let folder: string;
let file: string;

before(async () => {
  server = await CoapInstrument.start();
  folder = await mkdtemp(join(tmpdir(), "vscope-"));
  file = join(folder, "canopy.yaml");
  await writeFile(file, FILE);
});

after(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

test("vscope plan: a dry run changes nothing, then all jobs are added, and replaced on request", async () => {
  const url = `coap://127.0.0.1:${server.port}`;
  const { rack, scheduler } = server.server.model;
  const near = join(folder, "near.yaml");
  await writeFile(near, "experiment: near\njobs:\n  hourly: { every: 1 h, run: p }\n");
  const dry = await vscope(["plan", near, "--dry-run", "--days", "0.5", "--limit", "1"], { url });
  assert.match(dry.out, /^utc .*\n20\d\d-.* near\/hourly +p +1\.2 s +1\d\d\.\d kB\nand 11 more/, dry.errors);
  assert.match(
    dry.out,
    /\njob +runs +skipped +darks +searches +time +data\nnear\/hourly +12 +0 +12 +0 +14\.4 s +\d/,
  );
  assert.match(dry.out, /are free on the server: enough for \d+ days like these\n$/);
  assert.equal(scheduler.jobs.value.length, 0);
  const far = await vscope(["plan", file, "--dry-run"], { url });
  assert.match(
    far.out,
    /\ncanopy\/grid +0 +0 [^]*\ncanopy\/grid: no run within 1 days, its next is 2090-06-21T06:00:00Z\n/,
  );
  await writeFile(near, "experiment: near\njobs:\n  old: { at: 2020-01-01T00:00:00Z, run: p }\n");
  const old = await vscope(["plan", near, "--dry-run"], { url });
  assert.match(old.errors, /near\.yaml:3:3: jobs\.old: its time, .*is past/);

  const added = await vscope(["plan", file], { url });
  assert.deepEqual([added.code, added.out], [0, "canopy: jobs 1, 2, 3\n"], added.errors);
  assert.equal(rack.spectrometer("QEP00709").integrationTimeUs("upwelling").value, 250_000);
  const again = await vscope(["plan", file], { url });
  assert.deepEqual([again.code, /jobs 1, 2, 3 are scheduled already/.test(again.errors)], [2, true]);
  assert.equal(
    (await vscope(["plan", file, "--replace"], { url })).out,
    "canopy: jobs 4, 5, 6, in place of 1, 2, 3\n",
  );

  // The last job is one that the server refuses: none of them stays.
  const bad = FILE.replace("experiment: canopy", "experiment: bad")
    .replace(/sun: .*\n    at: 2090-06-21/, "at: 2020-06-21")
    .replace("upwelling: 250 ms", "upwelling: 50 ms");
  await writeFile(file, bad);
  const refused = await vscope(["plan", file], { url });
  assert.deepEqual(
    [refused.code, /: jobs\.\w+: its time, 2020-06-21T00:00:00.000000Z, is past/.test(refused.errors)],
    [4, true],
    refused.errors,
  );
  assert.match(refused.errors, /canopy\.yaml:19:3: jobs\.darks: .*its time, 2020/);
  assert.match(refused.errors, /no job is added, integration times are as before/);
  for (const { serial } of rack.spectrometers.value)
    assert.equal(rack.spectrometer(serial).integrationTimeUs("upwelling").value, 250_000, serial);
  assert.deepEqual(
    scheduler.jobs.value.map(({ id }) => id),
    [4, 5, 6],
  );
  await writeFile(file, FILE.replace("upwelling: 250", "upweling: 250"));
  const mistyped = await vscope(["plan", file], { url });
  assert.match(mistyped.errors, /integrationTimes.upweling: unknown channel, did you mean upwelling\?/);
});

test("a dry run looks at the sun of the server, which knows where it stands", async () => {
  const high = join(folder, "high.yaml");
  // At the equator the sun passes 60 degrees each day, in Edinburgh never.
  const job = "darks: { do: dark, sun: { event: sunset, elevation: 60 } }";
  await writeFile(high, `experiment: high\nposition: { latitude: 0, longitude: 0 }\njobs:\n  ${job}\n`);
  const runs = async (url: string): Promise<number> => {
    const dry = ["--timeout", "5", "plan", high, "--dry-run", "--days", "2", "--json"];
    const { out, errors } = await vscope(dry, { url });
    assert.notEqual(out, "", errors);
    return JSON.parse(out).filter(({ skipped }: { skipped?: string }) => skipped === undefined).length;
  };
  assert.equal(await runs("coap://127.0.0.1:9"), 2, "by the file, without a server");
  assert.equal(await runs(`coap://127.0.0.1:${server.port}`), 0);
});

test("a dry run at a desk assumes what it cannot ask", async () => {
  await writeFile(file, FILE.replaceAll("2090-06-21T06", "2090-06-21T05"));
  const args = ["--url", "coap://127.0.0.1:9", "--timeout", "0.5", "plan", file, "--dry-run", "--json"];
  const { code, out, errors } = await vscope(args);
  assert.equal(code, 0, errors);
  assert.deepEqual(JSON.parse(out), []);
  await writeFile(file, FILE.replace("{ min: 20 }", "{ min: 60 }"));
  const high = await vscope(args.filter((one) => one !== "--json"));
  assert.match(high.errors, /\nwarning: canopy\/grid: no run is in sight: .* at most\n/);
});
