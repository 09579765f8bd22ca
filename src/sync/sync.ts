// Brings a data directory home: asks what has changed since the last time, fetches what is missing, and puts nothing in its
// place that does not have the hash of the manifest. Can end at any moment; nothing is deleted, here or there.

import { inflateSync } from "node:zlib";
import { ERRORS, messageOf, VscopeError } from "../base/errors.ts";
import { coapCodeOf } from "../client/reply-error.ts";
import type { VscopeClient } from "../client/vscope-client.ts";
import { isManifest, type ManifestLine, manifestText, readManifest } from "../datadir/checksums/manifest.ts";
import { type BatchTag, EVENTS, runTagOf, tagOf } from "../datadir/checksums/manifest-listing.ts";
import { EVENTS_FILE } from "../datadir/run-events.ts";
import { isSpectraFile } from "../datadir/spectra-file-name.ts";
import { batchesOf, type FarRun, farRuns } from "./far-lists.ts";
import { fetchWhole, type Link } from "./fetch.ts";
import { hasHash, HomeCopy, isSafeName, listName } from "./home-copy.ts";
import { Lanes } from "./lanes.ts";

export interface SyncOptions {
  /** Only these runs; all when absent. */
  readonly runs?: readonly string[];
  readonly onProgress?: (done: number, of: number, text: string) => void;
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
  const copy = await HomeCopy.open(folder);
  try {
    return await new Sync(client, copy, options, signal).run();
  } finally {
    copy.close();
  }
}

/** Of an answer: the server's medium failed. */
const UNREADABLE = ERRORS.DATADIR_IO.coap;
const DEFLATED_JSON = 11_050;
/** As much as comes undeflated. */
const LARGEST_FILE_BYTES = 64 * 1024 * 1024;

/** A manifest of the far end whose files are not all here. */
interface Wanted {
  readonly run: string;
  readonly name: string;
  readonly text: Buffer;
  /** Files that have still to come. */
  missing: number;
  /** What the manifest here says of these files. */
  readonly known: readonly ManifestLine[];
  /** Files that do not come: their lines do not come either. */
  readonly lost: Set<string>;
}

interface Job {
  readonly line: ManifestLine;
  readonly wanted: Wanted;
}

class Sync {
  readonly #copy: HomeCopy;
  readonly #link: Link;
  readonly #options: SyncOptions;
  readonly #signal: AbortSignal;
  readonly #lanes = new Lanes();
  readonly #problems: string[] = [];
  #files = 0;
  #receivedBytes = 0;
  #fileBytes = 0;

  constructor(client: VscopeClient, copy: HomeCopy, options: SyncOptions, signal: AbortSignal) {
    const received = (bytes: number): void => void (this.#receivedBytes += bytes);
    this.#copy = copy;
    this.#link = { client, lanes: this.#lanes, received };
    this.#options = options;
    this.#signal = signal;
  }

  async run(): Promise<SyncReport> {
    const state = await this.#copy.state();
    // What was taken away here has to come again.
    const isAsLeft = state.copyTag !== undefined && state.copyTag === (await this.#copy.tag());
    const far = await farRuns(this.#link, isAsLeft ? state.listTag : undefined, this.#signal);
    if (far === undefined) return this.#report(true);
    requireSame(this.#copy.path, state.uuid, far.uuid);
    const uuid = far.uuid ?? state.uuid;
    const known = uuid === undefined ? {} : { uuid };
    if (uuid !== state.uuid) await this.#copy.keepState(known);
    const { runs: names } = this.#options;
    const runs = far.runs.filter(({ name }) => names === undefined || names.includes(name));
    for (const name of names ?? [])
      if (!runs.some((run) => run.name === name)) this.#problems.push(`${name}: the server has no such run`);
    for (const run of runs) {
      if (isSafeName(run.name)) await this.#orProblem(run.name, () => this.#syncRun(run));
      else this.#problems.push(`${run.name}: is no name of a run on every computer, left out`);
    }
    const isAll = names === undefined && this.#problems.length === 0 && far.listTag !== undefined;
    if (isAll)
      await this.#copy.keepState({ ...known, listTag: far.listTag, copyTag: await this.#copy.tag() });
    return this.#report(false);
  }

  async #syncRun({ name, tag }: FarRun): Promise<void> {
    const here = await this.#copy.batches(name);
    if (here.length > 0 && runTagOf(here) === tag) return;
    const there = await batchesOf(this.#link, name, here, this.#signal);
    if (await this.#isAnother(name, here, there)) {
      const advice = "rename the folder here, then sync again; nothing of it was fetched";
      this.#problems.push(`${name}: the server has another run of this name by now, ${advice}`);
      return;
    }
    const tags = new Map(here.map(({ batch, tag }) => [batch, tag]));
    const changed = there.filter(({ batch, tag }) => tags.get(batch) !== tag);
    const jobs: Job[] = [];
    await this.#lanes.run(changed, async (batch) => {
      const found = await this.#orProblem(`${name}/${listName(batch.batch)}`, () =>
        this.#jobsOf(name, batch),
      );
      for (const job of found ?? []) jobs.push(job);
    });
    let done = 0;
    await this.#lanes.run(jobs, async (job) => {
      this.#options.onProgress?.(done, jobs.length, `${name} ${job.line.name}`);
      await this.#bring(job);
      done += 1;
    });
    this.#options.onProgress?.(done, jobs.length, name);
  }

  // What the server cannot read, as with a bad sector, is told, and all else comes.
  async #orProblem<T>(name: string, bring: () => Promise<T>): Promise<T | undefined> {
    try {
      return await bring();
    } catch (error) {
      if (coapCodeOf(error) !== UNREADABLE) throw error;
      this.#problems.push(`${name}: ${messageOf(error)}`);
      return undefined;
    }
  }

  // The run that is here may have been removed there, and its name used again: no manifest is the same then, and the first
  // that both have lists other files of the same names.
  async #isAnother(run: string, here: readonly BatchTag[], there: readonly BatchTag[]): Promise<boolean> {
    const tags = new Map(here.map(({ batch, tag }) => [batch, tag]));
    if (there.some(({ batch, tag }) => tags.get(batch) === tag)) return false;
    const first = there.find(({ batch }) => batch !== EVENTS && tags.has(batch));
    if (first === undefined) return false;
    const name = listName(first.batch);
    const text = await this.#bringText(run, name, first);
    const hashes = hashesOf(await this.#copy.lines(run, name));
    const { lines } = readManifest(String(text ?? ""));
    const both = lines.filter((line) => hashes.has(line.name));
    return both.length > 0 && both.every((line) => hashes.get(line.name) !== hexOf(line));
  }

  /** Fetches a manifest; what of its files is missing. A list of events comes at once. */
  async #jobsOf(run: string, batch: BatchTag): Promise<readonly Job[]> {
    const name = listName(batch.batch);
    const isEvents = batch.batch === EVENTS;
    if (!isEvents && !isManifest(name))
      throw new VscopeError("DEVICE_PROTOCOL", `run ${run}: there is no batch ${batch.batch}`);
    const text = await this.#bringText(run, name, batch);
    if (text === undefined) return [];
    if (isEvents) await this.#placeEvents(run, text);
    return isEvents ? [] : this.#jobsFor(run, name, text);
  }

  async #jobsFor(run: string, name: string, text: Buffer): Promise<readonly Job[]> {
    const known = await this.#copy.lines(run, name);
    const wanted: Wanted = { run, name, text, known, missing: 0, lost: new Set() };
    const hashes = new Map(known.map((line) => [line.name, line.sha256]));
    const jobs: Job[] = [];
    for (const line of readManifest(String(text)).lines) {
      const found =
        isSpectraFile(line.name) && isSafeName(line.name)
          ? await this.#copy.look(run, line, hashes.get(line.name))
          : "other";
      if (found === "missing") jobs.push({ line, wanted });
      if (found === "other") {
        wanted.lost.add(line.name);
        this.#problems.push(`${run}/${line.name}: another file of this name is here, left as it is`);
      }
    }
    wanted.missing = jobs.length;
    await this.#placeIfDone(wanted);
    return jobs;
  }

  // Manifests and events mostly grow: what is here is their beginning, as the tag of the whole proves.
  async #bringText(run: string, name: string, { tag, text: short }: BatchTag): Promise<Buffer | undefined> {
    if (tagOf(short) === tag) return Buffer.from(short);
    const have = await this.#copy.text(run, name);
    if (have === undefined) return this.#fetchText(run, name);
    const text = await this.#fetchText(run, name, have);
    return text === undefined || tagOf(text) === tag ? text : this.#fetchText(run, name);
  }

  async #fetchText(run: string, name: string, have?: Buffer): Promise<Buffer | undefined> {
    const path = ["datadir", "runs", run, name];
    const part = this.#copy.part(run, name);
    const rest = have === undefined ? { part } : { resume: { have } };
    try {
      const { payload } = await fetchWhole(this.#link, { path, ...rest }, this.#signal);
      part.remove();
      return Buffer.from(payload);
    } catch (error) {
      if (coapCodeOf(error) !== "4.04") throw error;
      return undefined;
    }
  }

  // Events that were added here are kept beside.
  async #placeEvents(run: string, text: Buffer): Promise<void> {
    const have = await this.#copy.text(run, EVENTS_FILE);
    if (have !== undefined && !text.subarray(0, have.length).equals(have)) {
      const beside = `events-${tagOf(have)}.jsonl`;
      await this.#copy.place(run, beside, have);
      this.#problems.push(`${run}/${EVENTS_FILE}: was another one here, kept as ${beside}`);
    }
    await this.#copy.place(run, EVENTS_FILE, text);
  }

  async #bring({ line, wanted }: Job): Promise<void> {
    const { run } = wanted;
    const bytes = await this.#orProblem(`${run}/${line.name}`, () => this.#fetchTwice(run, line));
    if (bytes === undefined) wanted.lost.add(line.name);
    else {
      await this.#copy.place(run, line.name, bytes);
      this.#files += 1;
      this.#fileBytes += bytes.length;
    }
    wanted.missing -= 1;
    await this.#placeIfDone(wanted);
  }

  async #placeIfDone(wanted: Wanted): Promise<void> {
    const { run, name, text, missing, lost } = wanted;
    if (missing > 0) return;
    const bytes = lost.size === 0 ? text : withoutLost(wanted);
    if (bytes.length > 0) await this.#copy.place(run, name, bytes);
  }

  async #fetchTwice(run: string, line: ManifestLine): Promise<Uint8Array | undefined> {
    const bytes = (await this.#fetchFile(run, line)) ?? (await this.#fetchFile(run, line));
    if (bytes === undefined)
      this.#problems.push(`${run}/${line.name}: is not on the server as its manifest says`);
    return bytes;
  }

  /** Undefined when what came is not what the manifest says, or nothing is there. */
  async #fetchFile(run: string, { name, sha256 }: ManifestLine): Promise<Uint8Array | undefined> {
    const part = this.#copy.part(run, name);
    try {
      const { payload, contentFormat } = await this.#fetchDeflated({
        path: ["datadir", "runs", run, name],
        part,
      });
      part.remove();
      const bytes = contentFormat === DEFLATED_JSON ? inflated(payload) : payload;
      return bytes !== undefined && hasHash(bytes, sha256) ? bytes : undefined;
    } catch (error) {
      if (coapCodeOf(error) !== "4.04") throw error;
      return undefined;
    }
  }

  async #fetchDeflated(wish: Parameters<typeof fetchWhole>[1]): ReturnType<typeof fetchWhole> {
    try {
      return await fetchWhole(this.#link, { ...wish, accept: DEFLATED_JSON }, this.#signal);
    } catch (error) {
      if (coapCodeOf(error) !== "4.06") throw error;
      return await fetchWhole(this.#link, wish, this.#signal);
    }
  }

  #report(isUnchanged: boolean): SyncReport {
    const receivedBytes = this.#receivedBytes;
    return {
      isUnchanged,
      files: this.#files,
      receivedBytes,
      fileBytes: this.#fileBytes,
      problems: this.#problems,
    };
  }
}

// It differs from that of the server, so that the lost files are asked for again the next time.
function withoutLost({ text, known, lost }: Wanted): Buffer {
  const { lines } = readManifest(String(text));
  const here = [
    ...lines.filter(({ name }) => !lost.has(name)),
    ...known.filter(({ name }) => lost.has(name)),
  ];
  return Buffer.from(manifestText(here));
}

function hashesOf(lines: readonly ManifestLine[]): ReadonlyMap<string, string> {
  return new Map(lines.map((line) => [line.name, hexOf(line)]));
}

function hexOf({ sha256 }: ManifestLine): string {
  return Buffer.from(sha256).toString("hex");
}

function inflated(bytes: Uint8Array): Uint8Array | undefined {
  try {
    return inflateSync(bytes, { maxOutputLength: LARGEST_FILE_BYTES });
  } catch {
    return undefined;
  }
}

function requireSame(path: string, known: string | undefined, found: string | undefined): void {
  if (known === undefined || known === found) return;
  const fact = `is the copy of data directory ${known}, the server has ${found ?? "one without a uuid"}`;
  throw new VscopeError("DATADIR_WRONG", `${path}: ${fact}`);
}
