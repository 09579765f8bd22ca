// Data directories as a crash, a power cut or a stop in mid-batch leaves them: copies, taken while the batch is recorded.

import assert from "node:assert/strict";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Interruption } from "../../src/acquisition/interruptions.ts";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { MS, SECOND } from "../../src/base/clock.ts";
import { TestInstrument, type TestInstrumentOptions } from "./instrument.ts";

export const RUN = "season";
const NOTE = /^\.batch-under-way.*\.json$/;
export const BATCH = { run: RUN, sequences: 10, delayS: 60, dark: "every" } as const;

export interface InterruptedOptions extends TestInstrumentOptions {
  /** Changes the instrument before the batch begins. */
  readonly before?: (instrument: TestInstrument) => Promise<void>;
  /** Begins it; a client, as job 12 of the scheduler, unless given. */
  readonly begin?: (instrument: TestInstrument) => void;
  /** Happens while the fourth sequence has been recorded. */
  readonly during?: (instrument: TestInstrument) => Promise<void>;
}

/** A data directory in which ten sequences were begun and four are recorded. */
export async function interrupted(
  context: TestContext,
  how: "cut" | "stopped",
  {
    before = async () => {},
    begin = recordBatch,
    during = async () => {},
    ...options
  }: InterruptedOptions = {},
): Promise<string> {
  const instrument = await TestInstrument.start(context, options);
  const { clock, model, server } = instrument;
  for (const { serial } of model.rack.spectrometers.value) {
    model.rack.spectrometer(serial).setIntegrationTimeUs("upwelling", 33 * MS);
    model.rack.spectrometer(serial).setScans(3);
  }
  await before(instrument);
  begin(instrument);
  const isFourth = ({ phase, sequence }: { phase: string; sequence?: number }): boolean =>
    phase === "waiting" && sequence === 3;
  await clock.run(until(model.recorder.status, isFourth, NEVER));
  await clock.advance(30 * SECOND);
  await during(instrument);
  if (how === "stopped") await clock.run(server.close());
  const copy = await copyOf(context, instrument.folder);
  const { running } = model.operations;
  running?.cancel("the test goes on with the copy");
  if (running !== undefined) await instrument.finish(running);
  return copy;
}

function recordBatch({ model }: TestInstrument): void {
  model.recorder.record(BATCH, { by: "schedule", id: "12" });
}

/** A data directory as it is now. */
export async function copyOf(context: TestContext, folder: string): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), "vscope-cut-"));
  context.after(() => rm(copy, { recursive: true }));
  await cp(folder, copy, { recursive: true });
  return copy;
}

export async function notes(folder: string): Promise<readonly string[]> {
  return (await readdir(folder)).filter((name) => NOTE.test(name)).sort();
}

export async function changeNote(folder: string, change: (note: string) => string): Promise<void> {
  const [name = ""] = await notes(folder);
  const path = join(folder, name);
  await writeFile(path, change(await readFile(path, "utf8")));
}

/** Another note beside it. */
export async function addNote(folder: string, change: object): Promise<void> {
  const [name = ""] = await notes(folder);
  const note = JSON.parse(await readFile(join(folder, name), "utf8"));
  await writeFile(join(folder, ".batch-under-way-9.json"), JSON.stringify({ ...note, ...change }));
}

export async function isNoted(folder: string): Promise<boolean> {
  return (await notes(folder)).length > 0;
}

export async function settled({ clock, model }: TestInstrument): Promise<Interruption> {
  const isSettled = ([first]: readonly Interruption[]): boolean =>
    first !== undefined && first.outcome !== "waiting";
  const [interruption] = await clock.run(until(model.resumption.interruptions, isSettled, NEVER));
  assert.ok(interruption);
  // The event is noted after that.
  await clock.advance(0);
  return interruption;
}

export async function events(folder: string): Promise<readonly Record<string, unknown>[]> {
  const lines = (await readFile(join(folder, RUN, "events.jsonl"), "utf8")).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line));
}
