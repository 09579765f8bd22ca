// vscope export on this machine: what it writes is opened by the programs of others, and what fails leaves nothing.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { NEVER } from "../../src/base/abort.ts";
import { VscopeError } from "../../src/base/errors.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { runVscope } from "../../src/interfaces/cli/program.ts";
import { compareText } from "../../src/spectra/pico.ts";
import { idParts, type ProductRow } from "../../src/spectra/processing/product.ts";
import type { Provenance } from "../../src/spectra/processing/provenance.ts";
import { aiocoapPython, run as runCommand } from "../coap/support/outside-clients.ts";
import { readBy } from "../formats/readers.ts";
import { FakeTerminal } from "../interfaces/cli/fake-terminal.ts";
import { countsOf, record, SERIAL, spectraFiles } from "./recorded-run.ts";

const VSCOPE = fileURLToPath(new URL("../../src/interfaces/cli/vscope.js", import.meta.url));
const CHANNEL = "upwelling";
const ONLY = ["--serial", SERIAL, "--channel", CHANNEL];

let folder: string;
let run: string | undefined;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "vscope-"));
});

after(() => rm(folder, { recursive: true }));

// Recorded by the first test that needs it.
async function recorded(context: TestContext): Promise<string> {
  run ??= await record(context, folder, 4);
  return run;
}

async function exported(args: readonly string[], { signal = NEVER, terminal = new FakeTerminal() } = {}) {
  const output = await mkdtemp(join(folder, "out-"));
  const code = await runVscope(["export", ...args, "-o", output], {
    terminal,
    clock: new VirtualClock(),
    signal,
  });
  return { code, output, names: (await readdir(output)).sort(), errors: terminal.errors };
}

test("readers of others open what the command has written, and find the spectra of the run in it", async (context) => {
  const from = await recorded(context);
  const csv = await exported([from, "--format", "csv", ...ONLY]);
  assert.equal(csv.code, 0, csv.errors);
  const told = await readFile(join(csv.output, `plot10_${SERIAL}_${CHANNEL}_counts.provenance.json`), "utf8");
  const provenance: Provenance = JSON.parse(told);
  assert.deepEqual(
    provenance.inputs.map(({ id }) => id).sort(),
    (await spectraFiles(from)).map((name) => `plot10/${name}`).sort(),
  );
  const product = await countsOf(from, CHANNEL, provenance);
  const facts = { yUnits: "COUNTS", variable: "counts", standardName: null };
  await readBy("csv", { folder: csv.output, product, facts });
  for (const format of ["netcdf", "envi", "jcamp", "oceanview"]) {
    const made = await exported([from, "--format", format, ...ONLY]);
    assert.equal(made.code, 0, made.errors);
    context.diagnostic(`${format}: ${made.names.length} files`);
    // This reader takes the files in the order of their names.
    const rows = format === "oceanview" ? product.rows.toSorted(byId) : product.rows;
    await readBy(format, { folder: made.output, product: { ...product, rows }, facts });
  }
});

function byId(a: ProductRow, b: ProductRow): number {
  return a.id < b.id ? -1 : 1;
}

test("a zip has manifests, events, configuration and all files of the run byte for byte, and is the same twice", async (context) => {
  const from = await recorded(context);
  await writeFile(join(from, "events.jsonl"), '{"utc":"2026-06-21T12:00:00Z","event":"e"}\n');
  await writeFile(join(from, "empty.pico"), "");
  await writeFile(join(from, "b000009_s000000_light.pico.part"), "torn");
  context.after(() => rm(join(from, "empty.pico")));
  const [first, second] = [
    await exported(["plot10", "--data-dir", folder, "--format", "zip"]),
    await exported(["plot10", "--data-dir", folder, "--format", "zip"]),
  ];
  assert.deepEqual([first.code, first.names], [0, ["plot10.zip"]], first.errors);
  const bytes = await readFile(join(first.output, "plot10.zip"));
  assert.ok(bytes.equals(await readFile(join(second.output, "plot10.zip"))), "differs");
  const script = `
import hashlib, json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as file:
    assert file.testzip() is None
    print(json.dumps([[one.filename, one.date_time[0], hashlib.sha256(file.read(one)).hexdigest()] for one in file.infolist()]))`;
  const { status, stdout, stderr } = await runCommand(aiocoapPython(), [
    "-c",
    script,
    join(first.output, "plot10.zip"),
  ]);
  assert.equal(status, 0, stderr);
  const names = (await readdir(from)).filter((name) => !name.startsWith(".") && !name.endsWith(".part"));
  const expected = [
    ...names.sort().map((name) => [name, join(from, name)]),
    ["vscope.config", join(folder, "vscope.config")],
  ];
  const hashed = await Promise.all(
    expected.map(async ([name = "", path = ""]) => {
      const hash = createHash("sha256").update(await readFile(path));
      return [`plot10/${name}`, new Date().getFullYear(), hash.digest("hex")];
    }),
  );
  assert.ok(
    names.includes("b000000.sha256") && names.includes("events.jsonl") && names.includes("empty.pico"),
  );
  assert.deepEqual(JSON.parse(stdout.toString()), hashed);
});

test("what the configuration of the data directory tells of all data is in the files, its indices are known by name", async (context) => {
  const from = await recorded(context);
  const configuration = join(folder, "vscope.config");
  const text = await readFile(configuration, "utf8");
  context.after(() => writeFile(configuration, text));
  const own = text
    .replace("[dataset]", "[dataset]\ninstitution = University of Edinburgh, GeoSciences")
    .replace("[indices]", "[indices]\nred_edge = R750 / R710w4");
  await writeFile(configuration, own);
  const made = await exported([
    from,
    "--format",
    "csv",
    "--level",
    "reflectance",
    "--index",
    "NDVI,red_edge",
  ]);
  assert.equal(made.code, 0, made.errors);
  const table = await readFile(join(made.output, `plot10_${SERIAL}_${CHANNEL}_reflectance.csv`), "utf8");
  assert.match(table, /^# institution: University of Edinburgh, GeoSciences$/m);
  assert.match(await readFile(join(made.output, "indices.csv"), "utf8"), /^# red_edge: R750 \/ R710w4$/m);
  await writeFile(configuration, own.replace("[dataset]", "[data]"));
  const without = await exported([from, "--format", "csv", ...ONLY]);
  assert.equal(without.code, 0);
  assert.match(without.errors, /not used: vscope\.config:\d+: data: unknown section/);
});

test("pico copies the files that have what is wanted", async (context) => {
  const from = await recorded(context);
  const all = await exported([from, "--format", "pico"]);
  assert.deepEqual(all.names, await spectraFiles(from));
  const [file = ""] = all.names;
  assert.deepEqual(await readFile(join(all.output, file)), await readFile(join(from, file)));
  const { rows } = await countsOf(from, CHANNEL, { inputs: [], steps: [], software: "", madeUtc: "" });
  const lights = rows.filter(({ spectrum }) => spectrum.kind === "light");
  const middle = new Date((lights[2]?.spectrum.exposureStartUtcUs ?? 0) / 1000 - 1).toISOString();
  const some = await exported([from, "--format", "pico", "--to", middle, ...ONLY]);
  assert.equal(some.code, 0, some.errors);
  const wanted = rows.filter(({ spectrum }) => spectrum.exposureStartUtcUs < Date.parse(middle) * 1000);
  assert.deepEqual(some.names, [...new Set(wanted.map(({ id }) => idParts(id).file))].sort(compareText));
  assert.ok(some.names.length < all.names.length);
});

test("of a file that was changed, damaged or taken away nothing is made, and copies have it as it is", async (context) => {
  const from = join(folder, "damaged");
  await cp(await recorded(context), from, { recursive: true });
  const [changed = "", unreadable = "", gone = "", ...whole] = (await spectraFiles(from)).filter((name) =>
    name.includes("light"),
  );
  const text = await readFile(join(from, changed), "utf8");
  await writeFile(
    join(from, changed),
    text.replace(/[1-8]/, (digit) => `${Number(digit) + 1}`),
  );
  await writeFile(join(from, unreadable), "no spectra");
  await rm(join(from, gone));
  const told = [
    `${changed}: has been changed, it does not have its SHA-256 of b000000.sha256`,
    `${gone}: is not there, b000000.sha256 lists it`,
  ];
  const csv = await exported([from, "--format", "csv"]);
  assert.equal(csv.code, 1, csv.errors);
  for (const line of [...told, `${unreadable}: not JSON`]) assert.ok(csv.errors.includes(line), csv.errors);
  assert.match(csv.errors, /3 files of the run cannot be read, changed, or missing: see above/);
  const provenance = csv.names.filter((name) => name.endsWith(".provenance.json"));
  assert.equal(provenance.length, 4);
  for (const name of provenance) {
    const { inputs }: Provenance = JSON.parse(await readFile(join(csv.output, name), "utf8"));
    const lights = inputs.map(({ id }) => id).filter((id) => id.includes("light"));
    assert.deepEqual(lights.sort(), whole.map((file) => `damaged/${file}`).sort());
  }
  for (const format of ["pico", "zip"]) {
    const copy = await exported([from, "--format", format]);
    assert.equal(copy.code, 1, copy.errors);
    for (const line of told) assert.ok(copy.errors.includes(line), copy.errors);
    assert.match(copy.errors, /3 files of the run cannot be read, changed, or missing/);
    if (format === "pico") assert.deepEqual(copy.names, await spectraFiles(from));
  }
});

test("a day is a time, and a data directory is no run", async (context) => {
  const from = await recorded(context);
  const made = await exported([
    from,
    "--format",
    "csv",
    "--from",
    "2026-06-01",
    "--to",
    "2036-06-01",
    ...ONLY,
  ]);
  assert.equal(made.code, 0, made.errors);
  const none = await exported([from, "--format", "csv", "--to", "2026-06-01", ...ONLY]);
  assert.equal(none.code, 1, none.errors);
  const wrong = await exported([folder, "--format", "csv"]);
  assert.equal(wrong.code, 2);
  assert.ok(wrong.errors.includes("is a data directory: give a run, such as "), wrong.errors);
});

test("what is refused, cancelled or out of space leaves the folder as it was", async (context) => {
  const from = await recorded(context);
  for (const [args, code, expected] of [
    [
      ["--format", "zip", "--level", "radiance", "--calibration", "none.csv"],
      2,
      /format zip: holds counts only/,
    ],
    [["--format", "zip", ...ONLY], 2, /holds the whole run/],
    [["--level", "radiance"], 2, /needs --calibration/],
    [["--from", "noon"], 2, /"noon" is not a day/],
    [["--serial", "NOBODY"], 1, /no spectrum could be processed, none fits the selection/],
    [
      ["--level", "reflectance", "--channel", "downwelling"],
      1,
      /all that fit are dark, of downwelling light or of a panel/,
    ],
    [["--from", "2030-01-01T00:00:00Z", "--format", "pico"], 1, /no spectra file fits/],
  ] as const) {
    const made = await exported([from, ...args]);
    assert.match(made.errors, expected);
    assert.equal(made.code, code, made.errors);
    assert.deepEqual(made.names, []);
  }
  await cancelled(from);
  await taken(from);
  await full(from);
});

// As soon as there is progress.
async function cancelled(from: string): Promise<void> {
  const stop = new AbortController();
  const terminal = new FakeTerminal();
  const reason = new VscopeError("OPERATION_CANCELLED", "interrupted", { details: { interrupted: true } });
  terminal.error = () => stop.abort(reason);
  const made = await exported([from, "--format", "csv"], { signal: stop.signal, terminal });
  assert.deepEqual([made.code, made.names], [130, []]);
}

async function taken(from: string): Promise<void> {
  const output = await mkdtemp(join(folder, "taken-"));
  const name = `plot10_${SERIAL}_${CHANNEL}_counts.csv`;
  await writeFile(join(output, name), "mine");
  const terminal = new FakeTerminal();
  const args = ["export", from, "--format", "csv", "-o", output];
  assert.notEqual(await runVscope(args, { terminal, clock: new VirtualClock(), signal: NEVER }), 0);
  assert.match(terminal.errors, /there is one already/);
  assert.deepEqual(await readdir(output), [name]);
  assert.equal(await readFile(join(output, name), "utf8"), "mine");
}

// A limit of the system on the size of files stands for a disk without space; the signal that would end the program is ignored.
async function full(from: string): Promise<void> {
  const output = join(folder, "full", "deep");
  const limited = `trap '' XFSZ; ulimit -f 20; exec "$@"`;
  for (const format of ["csv", "netcdf", "zip"]) {
    const command = [process.execPath, VSCOPE, "export", from, "--format", format, "-o", output];
    const { status, stderr } = await runCommand("bash", ["-c", limited, "bash", ...command]);
    assert.equal(status, 1, stderr);
    assert.match(stderr, /EFBIG|too large/i, format);
    assert.ok(!(await readdir(folder)).includes("full"), "a folder is left");
  }
}
