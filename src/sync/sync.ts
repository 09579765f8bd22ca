// Brings a data directory home: asks what has changed since the last time, fetches what is missing, newest first, and puts
// nothing in its place that does not have the hash of the manifest. Can end at any moment; nothing is deleted, here or there.

import { SECOND } from "../base/clock.ts";
import { definedOnly } from "../base/defined-only.ts";
import { messageOf, VscopeError } from "../base/errors.ts";
import { coapCodeOf } from "../client/reply-error.ts";
import type { VscopeClient } from "../client/vscope-client.ts";
import { type BatchTag, EVENTS, runTagOf } from "../datadir/checksums/manifest-listing.ts";
import { BatchManifests, type Job } from "./batch-manifests.ts";
import { bringFile, isOfFile } from "./bring-file.ts";
import {
  batchesOf,
  batchesSince,
  type FarRun,
  farRuns,
  type FarRuns,
  meanFileBytes,
  newestFirst,
} from "./far-lists.ts";
import type { Link } from "./fetch.ts";
import { HomeCopy, isSafeName, listName } from "./home-copy.ts";
import { bringInstrument } from "./instrument-files.ts";
import { Lanes } from "./lanes.ts";
import { Pace } from "./pace.ts";

export interface SyncOptions {
  /** Only these runs; all when absent. */
  readonly runs?: readonly string[];
  /** Only what was written in so many days up to the newest that there is, by the clock of the server. */
  readonly days?: number;
  /** Only batches written to then or later, and before. */
  readonly fromUtcUs?: number;
  readonly toUtcUs?: number;
  /** Of bodies, on the average; as fast as the link is when absent. */
  readonly bytesPerS?: number;
  /** Only tells what would come. */
  readonly isTrial?: boolean;
  readonly onProgress?: (done: number, of: number, text: string) => void;
  /** The server has not answered, and is asked again. */
  readonly onSilence?: (reason: string) => void;
}

export interface SyncReport {
  /** Nothing has changed since the last time. */
  readonly isUnchanged: boolean;
  /** Files that came. */
  readonly files: number;
  /** Bodies that came over the link, repeated ones included. */
  readonly receivedBytes: number;
  /** What these files have here. */
  readonly fileBytes: number;
  /** What is missing or differs, and why. */
  readonly problems: readonly string[];
  /** What had to come, by run. */
  readonly wanted: readonly WantedRun[];
}

export interface WantedRun {
  readonly run: string;
  readonly batches: number;
  /** In their manifests; some may be here already. */
  readonly files: number;
  /** What these files have, about; of a trial. */
  readonly bytes?: number;
}

/**
 * Throws SERVER_CONFLICT when something else writes the copy, DATADIR_WRONG when it is the copy of another data directory,
 * DATADIR_IO, DATADIR_FULL, DEVICE_TIMEOUT when nothing comes any more, and the signal's reason.
 */
export async function sync(
  client: VscopeClient,
  folder: string,
  options: SyncOptions,
  signal: AbortSignal,
): Promise<SyncReport> {
  const copy = options.isTrial === true ? HomeCopy.of(folder) : await opened(client, folder, signal);
  try {
    return await new Sync(client, copy, options, signal).run();
  } finally {
    copy.close();
  }
}

// A mistyped server leaves no folder behind, and is told soon.
async function opened(client: VscopeClient, folder: string, signal: AbortSignal): Promise<HomeCopy> {
  if (!(await HomeCopy.isThere(folder))) await client.get(["sysinfo", "version"], signal);
  return HomeCopy.open(folder);
}

const DAY_S = 86_400;
/** Batches whose manifests are asked for before files of others come. */
const SLICE = 32;

interface WantedBatch {
  readonly run: string;
  readonly batch: BatchTag;
  readonly writtenUtcS: number;
  /** Files that are not here, as far as is known without its manifest. */
  readonly files: number;
}

class Sync {
  readonly #copy: HomeCopy;
  readonly #link: Link;
  readonly #options: SyncOptions;
  readonly #signal: AbortSignal;
  readonly #lanes = new Lanes();
  readonly #manifests: BatchManifests;
  readonly #problems: string[] = [];
  #files = 0;
  #receivedBytes = 0;
  #fileBytes = 0;
  /** Of several transfers at once, one tells it. */
  #isSilent = false;
  #done = 0;
  #of = 0;

  constructor(client: VscopeClient, copy: HomeCopy, options: SyncOptions, signal: AbortSignal) {
    const received = (bytes: number): void => {
      this.#receivedBytes += bytes;
      this.#isSilent = false;
    };
    const silent = (reason: string): void => {
      if (!this.#isSilent) options.onSilence?.(reason);
      this.#isSilent = true;
    };
    const pace = new Pace(client.clock, options.bytesPerS);
    this.#copy = copy;
    this.#link = { client, lanes: this.#lanes, pace, received, silent };
    this.#options = options;
    this.#signal = signal;
    const onProblem = (problem: string): void => void this.#problems.push(problem);
    this.#manifests = new BatchManifests({ link: this.#link, copy, onProblem });
  }

  async run(): Promise<SyncReport> {
    const { isTrial = false } = this.#options;
    const state = await this.#copy.state();
    // What was taken away here has to come again.
    const isAsLeft = state.copyTag !== undefined && state.copyTag === (await this.#copy.tag());
    const far = await farRuns(this.#link, isAsLeft ? state.listTag : undefined, this.#signal);
    if (far === undefined) return this.#report(true);
    requireSame(this.#copy.path, state.uuid, far.uuid);
    if (state.uuid === undefined) requireNoOther(this.#copy.path, await this.#copy.identity(), far.uuid);
    const known = definedOnly({ uuid: far.uuid ?? state.uuid });
    if (!isTrial && known.uuid !== state.uuid) await this.#copy.keepState(known);
    if (!isTrial) await this.#bringInstrument(far);
    const { runs, times } = this.#chosen(far);
    const wanted: WantedBatch[] = [];
    for (const run of runs) {
      const look = (): Promise<readonly WantedBatch[]> => this.#wantedOf(run, times);
      for (const batch of (await this.#orProblem(run.name, look)) ?? []) wanted.push(batch);
    }
    const byRun = summaryOf(wanted);
    if (isTrial) return this.#report(false, await this.#estimated(byRun));
    await this.#bringAll(newestFirst(wanted));
    for (const { name } of times === undefined ? runs : []) await this.#copy.keepListing(name, undefined);
    const isAll = this.#options.runs === undefined && times === undefined && far.listTag !== undefined;
    if (isAll && this.#problems.length === 0)
      await this.#copy.keepState({ ...known, listTag: far.listTag, copyTag: await this.#copy.tag() });
    return this.#report(false, byRun);
  }

  async #bringInstrument({ instrument }: FarRuns): Promise<void> {
    const { instrument: archive } = this.#copy;
    if (instrument === undefined) return;
    this.#problems.push(...(await bringInstrument(this.#link, archive, this.#signal)));
  }

  /** Runs by name and time, and the times; undefined for all of them. */
  #chosen({ runs }: FarRuns) {
    const { runs: names, days, fromUtcUs, toUtcUs } = this.#options;
    for (const name of names ?? []) {
      if (runs.some((run) => run.name === name)) continue;
      const all = runs.length === 0 ? "none" : shortened(runs.map((run) => run.name));
      this.#problems.push(`${name}: the server has no such run, it has ${all}`);
    }
    for (const { name } of runs)
      if (!isSafeName(name)) this.#problems.push(`${name}: is no name of a run on every computer, left out`);
    const newest = runs[0]?.writtenUtcS ?? 0;
    const sinceUtcS = days === undefined ? (fromUtcUs ?? 0) / SECOND : newest - days * DAY_S;
    const untilUtcS = (toUtcUs ?? Number.POSITIVE_INFINITY) / SECOND;
    const isBound = days !== undefined || fromUtcUs !== undefined || toUtcUs !== undefined;
    const wanted = runs
      .filter(({ name }) => isSafeName(name) && names?.includes(name) !== false)
      .filter(({ writtenUtcS }) => writtenUtcS >= sinceUtcS);
    return { runs: wanted, times: isBound ? { sinceUtcS, untilUtcS } : undefined };
  }

  async #wantedOf(
    { name: run, tag }: FarRun,
    times: { readonly sinceUtcS: number; readonly untilUtcS: number } | undefined,
  ): Promise<readonly WantedBatch[]> {
    const here = await this.#copy.batches(run);
    if (here.length > 0 && runTagOf(here) === tag) return [];
    const there = await this.#there(run, here, times);
    if (there === undefined) {
      this.#problems.push(`${run}: is not on the server any more`);
      return [];
    }
    if (await this.#manifests.isAnother(run, { here, there }, this.#signal)) {
      const advice = "rename the folder here, then sync again; nothing of it was fetched";
      this.#problems.push(`${run}: the server has another run of this name by now, ${advice}`);
      return [];
    }
    const known = new Map(here.map((batch) => [batch.batch, batch]));
    const { untilUtcS = Number.POSITIVE_INFINITY } = times ?? {};
    return there
      .filter(({ batch, tag, writtenUtcS }) => known.get(batch)?.tag !== tag && writtenUtcS < untilUtcS)
      .map((batch) => ({ run, batch, writtenUtcS: batch.writtenUtcS, files: filesOf(batch, known) }));
  }

  /** Undefined when the run has been removed there since it was listed. */
  async #there(
    run: string,
    here: readonly BatchTag[],
    times: { readonly sinceUtcS: number } | undefined,
  ): Promise<readonly BatchTag[] | undefined> {
    try {
      if (times === undefined) return await this.#listed(run, here);
      return await batchesSince(this.#link, { run, sinceUtcS: times.sinceUtcS }, this.#signal);
    } catch (error) {
      if (coapCodeOf(error) !== "4.04") throw error;
      return undefined;
    }
  }

  // All batches have to be known to begin with the newest of all runs: what is known is kept for the next time.
  async #listed(run: string, here: readonly BatchTag[]): Promise<readonly BatchTag[]> {
    const before = await this.#copy.listing(run);
    const there = await batchesOf(this.#link, run, before.length > 0 ? before : here, this.#signal);
    if (this.#options.isTrial !== true) await this.#copy.keepListing(run, there);
    return there;
  }

  async #bringAll(wanted: readonly WantedBatch[]): Promise<void> {
    this.#of = sumOf(wanted);
    for (let from = 0; from < wanted.length; from += SLICE) {
      const slice = wanted.slice(from, from + SLICE);
      const jobs: Job[][] = slice.map(() => []);
      await this.#lanes.run([...slice.entries()], async ([index, { run, batch }]) => {
        jobs[index]?.push(...(await this.#jobsOf(run, batch)));
      });
      const all = jobs.flat();
      this.#of += all.length - sumOf(slice);
      await this.#lanes.run(all, (job) => this.#bring(job));
    }
    if (wanted.length > 0) this.#options.onProgress?.(this.#done, this.#of, "");
  }

  async #jobsOf(run: string, batch: BatchTag): Promise<readonly Job[]> {
    const look = (): Promise<readonly Job[]> => this.#manifests.jobsOf(run, batch, this.#signal);
    return (await this.#orProblem(`${run}/${listName(batch.batch)}`, look)) ?? [];
  }

  // What the server cannot read, as with a bad sector, is told, and all else comes.
  async #orProblem<T>(name: string, look: () => Promise<T>): Promise<T | undefined> {
    try {
      return await look();
    } catch (error) {
      if (!isOfFile(error)) throw error;
      this.#problems.push(`${name}: does not come: ${messageOf(error)}`);
      return undefined;
    }
  }

  async #bring(job: Job): Promise<void> {
    const { run, line } = job;
    this.#options.onProgress?.(this.#done, this.#of, `${run} ${line.name}`);
    const brought = await bringFile({ link: this.#link, copy: this.#copy, run }, line, this.#signal);
    if (typeof brought === "number") {
      this.#files += 1;
      this.#fileBytes += brought;
    } else this.#problems.push(`${run}/${line.name}: ${brought}`);
    await this.#manifests.ended(job, typeof brought === "number");
    this.#done += 1;
  }

  async #estimated(runs: readonly WantedRun[]): Promise<readonly WantedRun[]> {
    const estimated: WantedRun[] = [];
    for (const one of runs) {
      const look = (): Promise<number> => meanFileBytes(this.#link, one.run, this.#signal);
      const bytes = Math.round(one.files * ((await this.#orProblem(one.run, look)) ?? 0));
      estimated.push({ ...one, bytes });
    }
    return estimated;
  }

  #report(isUnchanged: boolean, wanted: readonly WantedRun[] = []): SyncReport {
    return {
      isUnchanged,
      files: this.#files,
      receivedBytes: this.#receivedBytes,
      fileBytes: this.#fileBytes,
      problems: this.#problems,
      wanted,
    };
  }
}

function summaryOf(wanted: readonly WantedBatch[]): readonly WantedRun[] {
  const runs = new Map<string, WantedRun>();
  for (const { run, batch, files } of wanted) {
    const before = runs.get(run) ?? { run, batches: 0, files: 0 };
    const batches = before.batches + (batch.batch === EVENTS ? 0 : 1);
    runs.set(run, { run, batches, files: before.files + files });
  }
  return [...runs.values()];
}

function filesOf({ batch, files }: BatchTag, known: ReadonlyMap<number, BatchTag>): number {
  return batch === EVENTS ? 0 : Math.max(0, files - (known.get(batch)?.files ?? 0));
}

function sumOf(all: readonly { readonly files: number }[]): number {
  return all.reduce((sum, { files }) => sum + files, 0);
}

const SHOWN = 5;

function shortened(names: readonly string[]): string {
  const more = names.length > SHOWN ? `, and ${names.length - SHOWN} more` : "";
  return `${names.slice(0, SHOWN).join(", ")}${more}`;
}

// A copy that a server or vscope has opened has a number of its own beside that of what it is the copy of.
function requireNoOther(path: string, own: string | undefined, found: string | undefined): void {
  if (own === undefined || own === found) return;
  const fact = `is data directory ${own} itself, no copy of ${found ?? "the server's"}: give another folder`;
  throw new VscopeError("DATADIR_WRONG", `${path}: ${fact}`);
}

function requireSame(path: string, known: string | undefined, found: string | undefined): void {
  if (known === undefined || known === found) return;
  const fact = `is the copy of data directory ${known}, the server has ${found ?? "one without a uuid"}`;
  throw new VscopeError("DATADIR_WRONG", `${path}: ${fact}`);
}
