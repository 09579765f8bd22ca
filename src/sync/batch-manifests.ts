// The manifests and events of the far end: what of their files is missing here. A manifest comes to its place when all its
// files have, so that what has its tag need not be looked at again.

import { VscopeError } from "../base/errors.ts";
import { coapCodeOf } from "../client/reply-error.ts";
import { isManifest, type ManifestLine, manifestText, readManifest } from "../datadir/checksums/manifest.ts";
import { type BatchTag, EVENTS, tagOf } from "../datadir/checksums/manifest-listing.ts";
import { EVENTS_FILE } from "../datadir/run-events.ts";
import { isSpectraFile } from "../datadir/spectra-file-name.ts";
import { fetchWhole, type Link } from "./fetch.ts";
import { type HomeCopy, isSafeName, listName } from "./home-copy.ts";

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

/** A file to be fetched. */
export interface Job {
  readonly run: string;
  readonly line: ManifestLine;
  readonly wanted: Wanted;
}

export interface BatchManifestsParts {
  readonly link: Link;
  readonly copy: HomeCopy;
  readonly onProblem: (problem: string) => void;
}

export class BatchManifests {
  readonly #parts: BatchManifestsParts;

  constructor(parts: BatchManifestsParts) {
    this.#parts = parts;
  }

  /** Fetches a manifest; what of its files is missing. A list of events comes at once. */
  async jobsOf(run: string, batch: BatchTag, signal: AbortSignal): Promise<readonly Job[]> {
    const name = listName(batch.batch);
    const isEvents = batch.batch === EVENTS;
    if (!isEvents && !isManifest(name))
      throw new VscopeError("DEVICE_PROTOCOL", `run ${run}: there is no batch ${batch.batch}`);
    const text = await this.#bringText(run, batch, signal);
    if (text === undefined) return [];
    if (isEvents) await this.#placeEvents(run, text);
    return isEvents ? [] : this.#jobsFor(run, name, text);
  }

  /** Whether the file of a job has come; after the last one its manifest is put in place. */
  async ended({ line, wanted }: Job, hasCome: boolean): Promise<void> {
    if (!hasCome) wanted.lost.add(line.name);
    wanted.missing -= 1;
    await this.#placeIfDone(wanted);
  }

  /**
   * Whether the run there is another one than that here: it may have been removed there, and its name used again. No manifest
   * is the same then, and the first that both have lists other files of the same names.
   */
  async isAnother(
    run: string,
    { here, there }: { readonly here: readonly BatchTag[]; readonly there: readonly BatchTag[] },
    signal: AbortSignal,
  ): Promise<boolean> {
    const tags = new Map(here.map(({ batch, tag }) => [batch, tag]));
    if (there.some(({ batch, tag }) => tags.get(batch) === tag)) return false;
    const first = there.find(({ batch, files }) => batch !== EVENTS && files > 0 && tags.has(batch));
    if (first === undefined) return false;
    const text = await this.#bringText(run, first, signal);
    const hashes = hashesOf(await this.#parts.copy.lines(run, listName(first.batch)));
    const { lines } = readManifest(String(text ?? ""));
    const both = lines.filter((line) => hashes.has(line.name));
    return both.length > 0 && both.every((line) => hashes.get(line.name) !== hexOf(line));
  }

  async #jobsFor(run: string, name: string, text: Buffer): Promise<readonly Job[]> {
    const { copy, onProblem } = this.#parts;
    const known = await copy.lines(run, name);
    const wanted: Wanted = { run, name, text, known, missing: 0, lost: new Set() };
    const hashes = new Map(known.map((line) => [line.name, line.sha256]));
    const jobs: Job[] = [];
    for (const line of readManifest(String(text)).lines) {
      const isFit = isSpectraFile(line.name) && isSafeName(line.name);
      const found = isFit ? await copy.look(run, line, hashes.get(line.name)) : "other";
      if (found === "missing") jobs.push({ run, line, wanted });
      if (found === "other") {
        wanted.lost.add(line.name);
        onProblem(`${run}/${line.name}: another file of this name is here, left as it is`);
      }
    }
    wanted.missing = jobs.length;
    await this.#placeIfDone(wanted);
    return jobs;
  }

  // Manifests and events mostly grow: what is here is their beginning, as the tag of the whole proves.
  async #bringText(
    run: string,
    { batch, tag, text: short }: BatchTag,
    signal: AbortSignal,
  ): Promise<Buffer | undefined> {
    if (tagOf(short) === tag) return Buffer.from(short);
    const name = listName(batch);
    const have = await this.#parts.copy.text(run, name);
    const text = await this.#fetchText(run, { name, have }, signal);
    const isOther = have !== undefined && text !== undefined && tagOf(text) !== tag;
    return isOther ? this.#fetchText(run, { name }, signal) : text;
  }

  async #fetchText(
    run: string,
    { name, have }: { readonly name: string; readonly have?: Buffer | undefined },
    signal: AbortSignal,
  ): Promise<Buffer | undefined> {
    const { link, copy } = this.#parts;
    const path = ["datadir", "runs", run, name];
    try {
      if (have !== undefined)
        return Buffer.from((await fetchWhole(link, { path, resume: { have } }, signal)).payload);
      const part = copy.part(run, name);
      await fetchWhole(link, { path, part, keepsBody: false }, signal);
      const text = part.read();
      part.remove();
      return text;
    } catch (error) {
      if (coapCodeOf(error) !== "4.04") throw error;
      return undefined;
    }
  }

  // Events that were added here are kept beside.
  async #placeEvents(run: string, text: Buffer): Promise<void> {
    const { copy, onProblem } = this.#parts;
    const have = await copy.text(run, EVENTS_FILE);
    if (have !== undefined && !text.subarray(0, have.length).equals(have)) {
      const beside = `events-${tagOf(have)}.jsonl`;
      await copy.place(run, beside, have);
      onProblem(`${run}/${EVENTS_FILE}: was another one here, kept as ${beside}`);
    }
    await copy.place(run, EVENTS_FILE, text);
  }

  async #placeIfDone(wanted: Wanted): Promise<void> {
    const { run, name, text, missing, lost } = wanted;
    if (missing > 0) return;
    const bytes = lost.size === 0 ? text : withoutLost(wanted);
    if (bytes.length > 0) await this.#parts.copy.place(run, name, bytes);
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
