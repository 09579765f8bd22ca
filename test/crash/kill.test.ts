// kill -9 at any moment of a recording onto a slow disk: what was acknowledged is whole and found, nothing is there twice,
// and the next start leaves no file without its checksum or its rows. VSCOPE_ROUNDS=500 in the long suite.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { MS, SystemClock } from "../../src/base/clock.ts";
import type { DataDirectory } from "../../src/datadir/data-directory.ts";
import { isSpectraFile } from "../../src/datadir/spectra-file-name.ts";
import { parsePico } from "../../src/spectra/pico-reader.ts";
import { manifestLines, NEVER, openDirectory, temporaryFolder } from "../datadir/folder.ts";
import { Dice } from "../support/dice.ts";
import { SEED } from "../support/seed.ts";

const RECORDER = fileURLToPath(new URL("./recorder.js", import.meta.url));
const ROUNDS = Number(process.env["VSCOPE_ROUNDS"] ?? 25);
/** Kills in one run, so that its numbers and manifests go on behind a crash. */
const KILLS_A_RUN = 5;
const SPECTRA = 4;
const LATEST_MS = 120;

const clock = new SystemClock();

interface Tally {
  readonly rounds: number;
  readonly acknowledged: number;
  readonly lost: number;
  readonly unreadable: number;
  readonly withoutLine: number;
  readonly lineWithoutFile: number;
  readonly catalogueDifferences: number;
  readonly partsLeft: number;
}

test(`after each of ${ROUNDS} kills every acknowledged file is whole, in its manifest and in the catalogue`, {
  timeout: 60_000 + ROUNDS * 20_000,
}, async (t) => {
  const path = await temporaryFolder(t);
  const dice = new Dice(SEED, "kill");
  t.diagnostic(`VSCOPE_SEED=${SEED}`);
  const acknowledged = new Map<string, Set<string>>();
  for (let round = 0; round < ROUNDS; round++) {
    const run = `run ${Math.floor(round / KILLS_A_RUN)}`;
    const told = acknowledged.get(run) ?? new Set();
    acknowledged.set(run, told);
    const when = { lines: dice.whole(1, 12), ms: dice.whole(0, LATEST_MS) };
    for (const line of await recordAndKill([path, run, `${SEED + round}`], when)) {
      assert.ok(!told.has(line), `round ${round}: ${line} was told twice`);
      told.add(line);
    }
    const directory = await openDirectory(t, path);
    assertNothingWrong(await tallyOf(directory, new Map([[run, told]])), `round ${round}`);
    await directory.close();
  }
  const directory = await openDirectory(t, path);
  const tally = { ...(await tallyOf(directory, acknowledged)), rounds: ROUNDS };
  for (const [what, count] of Object.entries(tally)) t.diagnostic(`${what.padEnd(22)} ${count}`);
  assertNothingWrong(tally, "at the end");
  assert.ok(tally.acknowledged > ROUNDS, `${tally.acknowledged} files`);
  // At most the group that was being written, each time.
  assert.ok(tally.partsLeft <= ROUNDS * 5, `${tally.partsLeft} parts`);
});

function assertNothingWrong(tally: Tally, when: string): void {
  const { lost, unreadable, withoutLine, lineWithoutFile, catalogueDifferences } = tally;
  const wrong = { lost, unreadable, withoutLine, lineWithoutFile, catalogueDifferences };
  const none = { lost: 0, unreadable: 0, withoutLine: 0, lineWithoutFile: 0, catalogueDifferences: 0 };
  assert.deepEqual(wrong, none, when);
}

/** Counts over some runs, with what was told of each: `batch 3` and `file b000003_...`. */
async function tallyOf(
  directory: DataDirectory,
  acknowledged: ReadonlyMap<string, ReadonlySet<string>>,
): Promise<Tally> {
  await directory.indexed();
  const tallies: Tally[] = [];
  for (const [run, told] of acknowledged) tallies.push(await runTally(directory, run, told));
  const sum = (count: (tally: Tally) => number): number =>
    tallies.reduce((total, tally) => total + count(tally), 0);
  return {
    rounds: 1,
    acknowledged: sum((tally) => tally.acknowledged),
    lost: sum((tally) => tally.lost),
    unreadable: sum((tally) => tally.unreadable),
    withoutLine: sum((tally) => tally.withoutLine),
    lineWithoutFile: sum((tally) => tally.lineWithoutFile),
    catalogueDifferences: sum((tally) => tally.catalogueDifferences),
    partsLeft: sum((tally) => tally.partsLeft),
  };
}

async function runTally(directory: DataDirectory, run: string, told: ReadonlySet<string>): Promise<Tally> {
  const folder = join(directory.path, run);
  const names = await readdir(folder);
  const files = names.filter(isSpectraFile);
  const lines = await manifestLines(directory, run);
  const acknowledged = [...told].filter((line) => line.startsWith("file ")).map((line) => line.slice(5));
  let unreadable = 0;
  let withoutLine = 0;
  for (const file of files) {
    const bytes = await readFile(join(folder, file));
    if (!isReadable(String(bytes))) unreadable += 1;
    if (lines.get(file) !== createHash("sha256").update(bytes).digest("hex")) withoutLine += 1;
  }
  const rows = await directory.shelf.slice({ run: [run] }, { limit: 100_000, offset: 0 });
  const catalogued = new Set(rows.spectra.map(({ id }) => id));
  const inFiles = new Set(
    files.flatMap((file) => Array.from({ length: SPECTRA }, (_, position) => `${run}/${file}/${position}`)),
  );
  return {
    rounds: 1,
    acknowledged: acknowledged.length,
    lost: acknowledged.filter((file) => !files.includes(file)).length,
    unreadable,
    withoutLine,
    lineWithoutFile: [...lines.keys()].filter((file) => !files.includes(file)).length,
    catalogueDifferences:
      [...inFiles].filter((id) => !catalogued.has(id)).length +
      [...catalogued].filter((id) => !inFiles.has(id)).length,
    partsLeft: names.filter((name) => name.endsWith(".part")).length,
  };
}

function isReadable(text: string): boolean {
  try {
    return parsePico(text, "file").spectra.length === SPECTRA;
  } catch {
    return false;
  }
}

/** Runs a recorder until it has printed some lines, waits a moment, and kills it. Returns all it has printed. */
async function recordAndKill(
  parameters: readonly string[],
  { lines, ms }: { readonly lines: number; readonly ms: number },
): Promise<readonly string[]> {
  const child = spawn(process.execPath, [RECORDER, ...parameters], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "close");
  const seen: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    seen.push(line);
    if (seen.length !== lines) continue;
    void clock.delay(ms * MS, NEVER).then(() => assert.ok(child.kill("SIGKILL")));
  }
  await exited;
  assert.equal(child.signalCode, "SIGKILL");
  return seen;
}
