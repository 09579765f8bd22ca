// The notes about batches that are under way, one file each. A note is there from the first step of its batch to the last,
// so whoever finds one at the start knows that the server has ended in between; the files tell how far the batch had come.

import { Cell, type ReadableCell } from "../base/cell.ts";
import { type Clock, isoUtc } from "../base/clock.ts";
import { definedOnly } from "../base/defined-only.ts";
import { isVscopeError, messageOf, type VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { BATCH_NOTE } from "../datadir/batch-notes.ts";
import type { DataDirectory } from "../datadir/data-directory.ts";
import type { Notes } from "../datadir/notes.ts";
import { bootId } from "../instruments/boot-id.ts";
import type { Rack } from "../instruments/rack.ts";
import { rememberedOf } from "../instruments/remembered-settings.ts";
import { BatchNote, type NoteParts } from "./batch-note.ts";
import type { Origin } from "./origin.ts";
import type { BatchSettings } from "./settings.ts";
import { type Before, parseUnderWay, type UnderWay } from "./under-way.ts";

const { prefix: PREFIX, suffix: SUFFIX } = BATCH_NOTE;
const ASIDE = ".damaged";

export interface JournalOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly dataDirectory: DataDirectory;
  readonly rack: Pick<Rack, "spectrometers">;
}

/** A batch that begins. */
export interface Beginning {
  readonly settings: BatchSettings;
  readonly origin: Origin;
  readonly takeUp?: { readonly before: Before; readonly attempts: number };
}

export class Journal {
  readonly #options: JournalOptions;
  /** Notes of this process, of which more is known than the media tell. */
  readonly #known = new Set<BatchNote>();
  readonly #losses = new Cell(0);

  constructor(options: JournalOptions) {
    this.#options = options;
    options.dataDirectory.exchanges.subscribe(() => void this.#tidy());
  }

  /** Counts the batches that the loss of their medium has ended. */
  get losses(): ReadableCell<number> {
    return this.#losses;
  }

  /** Undefined when no note can be written: the batch is recorded all the same. */
  async begin({ settings, origin, takeUp }: Beginning, batch: number): Promise<BatchNote | undefined> {
    const { clock, log, dataDirectory, rack } = this.#options;
    const { uuid } = dataDirectory.status.value;
    const attached = rack.spectrometers.value.filter(({ isAttached }) => isAttached);
    const underWay: UnderWay = {
      batch,
      settings,
      origin,
      startedUtc: isoUtc(clock.utcUs()),
      spectrometers: attached.map(rememberedOf),
      attempts: takeUp?.attempts ?? 0,
      ...definedOnly({ before: takeUp?.before, bootId: await bootId(), directory: uuid }),
    };
    let note: BatchNote | undefined;
    try {
      await this.#tidy();
      const name = await this.#freeName(dataDirectory.notes.of(uuid));
      note = new BatchNote({ name, directory: uuid }, underWay, this.#parts);
      await note.begin();
      return note;
    } catch (error) {
      log.warn({ reason: messageOf(error) }, "after a restart nobody will know of this batch");
      // A write can fail when the note is there already.
      await note?.remove();
      return undefined;
    }
  }

  /**
   * Those of batches that were under way when an earlier process ended, or their medium went away, or that were stopped for an end
   * that did not come, oldest first. One that cannot be understood is set aside; those that cannot be read stay, with the
   * reasons. Throws DATADIR_NOT_MOUNTED, DATADIR_IO: then all of them stay.
   */
  async interrupted(): Promise<{
    readonly notes: readonly BatchNote[];
    readonly unread: readonly VscopeError[];
  }> {
    const { dataDirectory } = this.#options;
    const { uuid: directory } = dataDirectory.status.value;
    const notes = dataDirectory.notes.of(directory);
    const found: BatchNote[] = [];
    const unread: VscopeError[] = [];
    for (const name of await notes.names(PREFIX)) {
      if (!name.endsWith(SUFFIX)) continue;
      const known = [...this.#known].find((note) => note.isAt({ name, directory }));
      if (known?.state === "interrupted") found.push(known);
      if (known !== undefined) continue;
      try {
        const text = await notes.read(name);
        const underWay = text === undefined ? undefined : await this.#parsed(notes, name, text);
        if (underWay !== undefined) found.push(new BatchNote({ name, directory }, underWay, this.#parts));
      } catch (error) {
        // A bad sector; a medium that is gone has another code.
        if (!isVscopeError(error, "DATADIR_IO")) throw error;
        unread.push(error);
      }
    }
    const sorted = found.toSorted((a, b) => (a.value.startedUtc < b.value.startedUtc ? -1 : 1));
    return { notes: sorted, unread };
  }

  get #parts(): NoteParts {
    const { clock, log, dataDirectory } = this.#options;
    return { clock, log, dataDirectory, known: this.#known, losses: this.#losses };
  }

  // One batch begins at a time. What is still to be removed keeps its name.
  async #freeName(notes: Notes): Promise<string> {
    const names = [...(await notes.names(PREFIX)), ...[...this.#known].map(({ name }) => name)];
    const numbers = names.map((name) => Number(/-(\d+)\./.exec(name)?.[1] ?? 0));
    return `${PREFIX}-${Math.max(0, ...numbers) + 1}${SUFFIX}`;
  }

  // What has ended must not be taken for interrupted at the next start.
  async #tidy(): Promise<void> {
    for (const note of this.#known) if (note.state === "ended" && note.isHere) await note.remove();
  }

  async #parsed(notes: Notes, name: string, text: string): Promise<UnderWay | undefined> {
    const { log } = this.#options;
    try {
      return parseUnderWay(text, name);
    } catch (error) {
      if (!isVscopeError(error, "VALUE_INVALID")) throw error;
      const keptAs = `${name}${ASIDE}`;
      log.error({ reason: messageOf(error), keptAs }, "a batch was interrupted, it is not known which");
      await notes.setAside(name, keptAs);
      return undefined;
    }
  }
}
