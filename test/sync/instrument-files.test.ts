// What the data were recorded with comes home beside them: radiances of June need the calibration of June.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { NEVER } from "../../src/base/abort.ts";
import { type Log, SILENT } from "../../src/base/log.ts";
import { SystemClock } from "../../src/base/clock.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { verifyFolder } from "../../src/datadir/checksums/local-verification.ts";
import { runVscope } from "../../src/interfaces/cli/program.ts";
import { sync, type SyncReport } from "../../src/sync/sync.ts";
import { openDirectory, temporaryFolder } from "../datadir/folder.ts";
import { FakeTerminal } from "../interfaces/cli/fake-terminal.ts";
import { CONFIGURATION, FLAME, panelText } from "../support/levels.ts";
import { FarBox, hashesOf } from "./far-box.ts";

const JUNE = Date.UTC(2026, 5, 21, 12) * 1000;
const SEPTEMBER = Date.UTC(2026, 8, 21, 12) * 1000;
const SETS = ["20260621T120000Z.sha256", "20260921T120000Z.sha256"];

function calibration(channel: string, factor: number): string {
  const [kind, units] =
    channel === "upwelling" ? ["radiance", "W m-2 sr-1 nm-1"] : ["irradiance", "W m-2 nm-1"];
  const head = [`# kind: ${kind}`, `# units: ${units}`, `# serial: ${FLAME}`, `# channel: ${channel}`];
  return [...head, "# date: 2026-03-01", `340, ${factor}`, `1020, ${factor}`, ""].join("\n");
}

async function writeCalibrations(folder: string, factor: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "down.csv"), calibration("downwelling", factor));
  await writeFile(join(folder, "up.csv"), calibration("upwelling", factor));
  await writeFile(join(folder, "panel.csv"), panelText());
}

const bringHome = (box: FarBox, home: string): Promise<SyncReport> =>
  box.visit((client) => sync(client, home, {}, NEVER));

/** A server that records a batch, and a sync. */
async function season(
  t: TestContext,
  {
    folder,
    home,
    startUtcUs,
  }: { readonly folder: string; readonly home: string; readonly startUtcUs: number },
): Promise<void> {
  const box = await FarBox.start(t, { folder, configuration: CONFIGURATION, startUtcUs });
  const { state } = await box.instrument.record({ run: "plot10", autointegrate: 0, sequences: 1 });
  assert.equal(state, "done");
  assert.deepEqual((await bringHome(box, home)).problems, []);
  assert.equal((await bringHome(box, home)).isUnchanged, true);
}

async function processed(home: string, output: string) {
  const terminal = new FakeTerminal();
  const world = { terminal, clock: new VirtualClock(), signal: NEVER };
  const args = ["process", join(home, "plot10"), "--level", "radiance", "--serial", FLAME, "-o", output];
  const code = await runVscope(args, world);
  const names: readonly string[] = await readdir(output).catch(() => []);
  return { code, errors: terminal.errors, names };
}

async function calibrationsOf(path: string): Promise<readonly string[]> {
  const { inputs }: { inputs: { id: string; sha256: string }[] } = JSON.parse(await readFile(path, "utf8"));
  return inputs.filter(({ id }) => id.endsWith(".csv")).map(({ sha256 }) => sha256);
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

test("the calibrations of June and of September come home, and each serves the spectra of its time", async (t) => {
  const [folder, home] = [await temporaryFolder(t), await temporaryFolder(t)];
  await writeCalibrations(folder, 1e-6);
  await t.test("June", (june) => season(june, { folder, home, startUtcUs: JUNE }));
  await writeCalibrations(folder, 2e-6);
  await t.test("September", (september) => season(september, { folder, home, startUtcUs: SEPTEMBER }));

  const kept = await readdir(join(home, ".instrument"));
  assert.deepEqual(kept.filter((name) => name.endsWith("Z.sha256")).sort(), SETS);
  assert.deepEqual(kept.sort(), (await readdir(join(folder, ".instrument"))).sort());
  await promisify(execFile)("sh", ["-c", "sha256sum --quiet -c *.sha256"], {
    cwd: join(home, ".instrument"),
  });
  // No run, and nothing that a verification or a catalogue would look at.
  const scope = { clock: new SystemClock(), repairs: false };
  const watch = { onProgress: () => undefined, signal: NEVER };
  assert.deepEqual((await verifyFolder(home, scope, watch)).counts, {});

  const output = await temporaryFolder(t);
  const made = await processed(home, join(output, "out"));
  assert.equal(made.code, 0, made.errors);
  assert.match(made.errors, /in use at the time of each spectrum/);
  for (const [suffix, factor] of [
    ["", 1e-6],
    ["_c2", 2e-6],
  ] as const) {
    const name = `plot10_${FLAME}_upwelling_radiance${suffix}.provenance.json`;
    assert.ok(made.names.includes(name), made.names.join());
    const used = await calibrationsOf(join(output, "out", name));
    assert.deepEqual(used, [sha256(calibration("upwelling", factor))]);
  }

  const directory = await openDirectory(t, home);
  await directory.indexed();
  assert.deepEqual(await directory.shelf.names(), ["plot10"]);
});

test("a file of them that was taken away here comes again, and the newest configuration is used", async (t) => {
  const [folder, home] = [await temporaryFolder(t), await temporaryFolder(t)];
  await writeCalibrations(folder, 1e-6);
  const configuration = `${CONFIGURATION}[indices]\nred_edge = R750 / R710\n`;
  const box = await FarBox.start(t, { folder, configuration, startUtcUs: JUNE });
  await box.instrument.record({ run: "plot10", autointegrate: 0, sequences: 1 });
  await bringHome(box, home);
  const kept = join(home, ".instrument");
  const before = (await readdir(kept)).sort();
  assert.equal(before.length, 5);
  for (const name of before) {
    await rm(join(kept, name));
    const { isUnchanged, problems } = await bringHome(box, home);
    assert.deepEqual([isUnchanged, problems], [false, []], name);
    assert.deepEqual((await readdir(kept)).sort(), before);
  }
  const terminal = new FakeTerminal();
  const output = join(await temporaryFolder(t), "out");
  const args = [
    "process",
    join(home, "plot10"),
    "--level",
    "reflectance",
    "--index",
    "red_edge",
    "-o",
    output,
  ];
  const code = await runVscope(args, { terminal, clock: new VirtualClock(), signal: NEVER });
  assert.equal(code, 0, terminal.errors);
  assert.match(await readFile(join(output, "indices.csv"), "utf8"), /red_edge/);
});

test("what the configuration names and is no calibration is not offered", async (t) => {
  const folder = await temporaryFolder(t);
  await writeCalibrations(folder, 1e-6);
  await writeFile(join(folder, "up.csv"), "laptop admin 0123456789abcdef\n");
  const box = await FarBox.start(t, { folder, configuration: CONFIGURATION, startUtcUs: JUNE });
  const home = await temporaryFolder(t);
  await bringHome(box, home);
  const names = await readdir(join(home, ".instrument"));
  const used = names.map((name) => name.slice(9)).filter((name) => !name.endsWith("sha256"));
  assert.deepEqual(used.sort(), ["down.csv", "panel.csv", "vscope.config"]);
  for (const path of ["../up.csv", "..%2fup.csv", "up.csv", ".vscope.lock", "00000000-up.csv"]) {
    const target = ["datadir", "instrument", path];
    await assert.rejects(
      box.visit((client) => client.getBytes(target)),
      { details: { coap: "4.04" } },
      path,
    );
  }
  assert.deepEqual([...(await hashesOf(home)).keys()], []);
});

test("without any calibration a radiance is refused, and the message tells where they are looked for", async (t) => {
  const folder = await temporaryFolder(t);
  const box = await FarBox.start(t, { folder, startUtcUs: JUNE });
  await box.instrument.record({ run: "plot10", autointegrate: 0, sequences: 1 });
  const home = await temporaryFolder(t);
  await bringHome(box, home);
  const { code, errors } = await processed(home, join(home, "out"));
  assert.equal(code, 2);
  assert.match(errors, /--level radiance: needs --calibration FILE.*none is in \.instrument/);
});

test("a server that cannot keep them starts, says so, and records", async (t) => {
  const folder = await temporaryFolder(t);
  await writeCalibrations(folder, 1e-6);
  await writeFile(join(folder, ".instrument"), "in the way");
  const warnings: string[] = [];
  const log: Log = { ...SILENT, warn: (_, message) => void warnings.push(message), child: () => log };
  const box = await FarBox.start(t, { folder, configuration: CONFIGURATION, startUtcUs: JUNE, log });
  assert.equal(warnings.filter((message) => message.includes("not kept beside the data")).length, 1);
  const { state } = await box.instrument.record({ run: "plot10", autointegrate: 0, sequences: 1 });
  assert.equal(state, "done");
  const { files, problems } = await bringHome(box, await temporaryFolder(t));
  assert.deepEqual([files, problems], [2, []]);
});
