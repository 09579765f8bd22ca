// The notes about batches that are under way, one file each. A note is there from the first step of its batch to the last,
// so whoever finds one at the start knows that the server has ended in between; the files tell how far the batch had come.

import { type Clock, isoUtc, SECOND } from "../base/clock.ts";
import { definedOnly } from "../base/defined-only.ts";
import { isVscopeError, messageOf, type VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Batch } from "../datadir/batch.ts";
import { BATCH_NOTE } from "../datadir/batch-notes.ts";
import type { DataDirectory } from "../datadir/data-directory.ts";
import type { Notes } from "../datadir/notes.ts";
import { bootId } from "../instruments/boot-id.ts";
import type { Rack } from "../instruments/rack.ts";
import { rememberedOf } from "../instruments/remembered-settings.ts";
import { isInterruption } from "./operation.ts";
import type { Origin } from "./origin.ts";
import type { Pause } from "./pause.ts";
import type { BatchSettings } from "./settings.ts";
import { type Before, parseUnderWay, type UnderWay } from "./under-way.ts";

const { prefix: PREFIX, suffix: SUFFIX } = BATCH_NOTE;
const ASIDE = ".damaged";
/** A batch can wait for a day between two lights, or be paused: its age after a crash is counted from the newest of these. */
const SEEN_EVERY_US = 600 * SECOND;

export interface JournalOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly dataDirectory: DataDirectory;
  readonly rack: Rack;
}

interface NoteParts extends Pick<JournalOptions, "clock" | "log"> {
  readonly notes: Notes;
  /** The note of a batch that has ended is still there. */
  readonly left?: (name: string) => void;
}

/** A batch that begins. */
export interface Beginning {
  readonly settings: BatchSettings;
  readonly origin: Origin;
  readonly takeUp?: { readonly before: Before; readonly attempts: number };
}

export class Journal {
  readonly #options: JournalOptions;
  /** Of batches that this process has begun, by name. */
  readonly #own = new Map<string, BatchNote>();
  /** Of batches that have ended while their medium was away: by name, the uuid of the data directory. */
  readonly #left = new Map<string, string | undefined>();

  constructor(options: JournalOptions) {
    this.#options = options;
    options.dataDirectory.exchanges.subscribe(() => void this.#tidy());
  }

  /** Undefined when no note can be written: the batch is recorded all the same. */
  async begin({ settings, origin, takeUp }: Beginning, batch: number): Promise<BatchNote | undefined> {
    const { clock, log, dataDirectory, rack } = this.#options;
    const { notes } = dataDirectory;
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
    try {
      const name = await this.#freeName();
      const left = (): void => void this.#left.set(name, uuid);
      const note = new BatchNote(name, underWay, { clock, log, notes, left });
      this.#own.set(name, note);
      await notes.write(name, JSON.stringify(underWay));
      return note;
    } catch (error) {
      log.warn({ reason: messageOf(error) }, "after a restart nobody will know of this batch");
      return undefined;
    }
  }

  /**
   * Those of batches that were under way when an earlier process ended, or stopped to end itself, oldest first. One that cannot be understood is
   * set aside; those that cannot be read stay, with the reasons. Throws DATADIR_NOT_MOUNTED, DATADIR_IO: then all of them stay.
   */
  async interrupted(): Promise<{
    readonly notes: readonly BatchNote[];
    readonly unread: readonly VscopeError[];
  }> {
    const { clock, log, dataDirectory } = this.#options;
    const { notes } = dataDirectory;
    const found: BatchNote[] = [];
    const unread: VscopeError[] = [];
    for (const name of await notes.names(PREFIX)) {
      const own = this.#own.get(name);
      const isUnderWay = own !== undefined && own.value.stoppedUtc === undefined;
      if (!name.endsWith(SUFFIX) || isUnderWay) continue;
      try {
        const text = await notes.read(name);
        const underWay = text === undefined ? undefined : await this.#parsed(name, text);
        if (underWay !== undefined) found.push(new BatchNote(name, underWay, { clock, log, notes }));
      } catch (error) {
        // A bad sector; a medium that is gone has another code.
        if (!isVscopeError(error, "DATADIR_IO")) throw error;
        unread.push(error);
      }
    }
    const sorted = found.toSorted((a, b) => (a.value.startedUtc < b.value.startedUtc ? -1 : 1));
    return { notes: sorted, unread };
  }

  // One batch begins at a time.
  async #freeName(): Promise<string> {
    const names = await this.#options.dataDirectory.notes.names(PREFIX);
    const numbers = names.map((name) => Number(/-(\d+)\./.exec(name)?.[1] ?? 0));
    return `${PREFIX}-${Math.max(0, ...numbers) + 1}${SUFFIX}`;
  }

  // What has ended must not be taken for interrupted at the next start.
  async #tidy(): Promise<void> {
    const { log, dataDirectory } = this.#options;
    const { mounted, uuid } = dataDirectory.status.value;
    for (const [name, directory] of this.#left) {
      if (!mounted || uuid !== directory) continue;
      this.#left.delete(name);
      try {
        await dataDirectory.notes.remove(name);
      } catch (error) {
        this.#left.set(name, directory);
        log.warn({ name, reason: messageOf(error) }, "the note of a batch that has ended is still there");
      }
    }
  }

  async #parsed(name: string, text: string): Promise<UnderWay | undefined> {
    const { log, dataDirectory } = this.#options;
    try {
      return parseUnderWay(text, name);
    } catch (error) {
      if (!isVscopeError(error, "VALUE_INVALID")) throw error;
      const keptAs = `${name}${ASIDE}`;
      log.error({ reason: messageOf(error), keptAs }, "a batch was interrupted, it is not known which");
      await dataDirectory.notes.setAside(name, keptAs);
      return undefined;
    }
  }
}

/** The note about one batch. What it cannot keep it says in the log. */
export class BatchNote {
  readonly #name: string;
  readonly #options: NoteParts;
  #value: UnderWay;

  constructor(name: string, value: UnderWay, options: NoteParts) {
    this.#name = name;
    this.#value = value;
    this.#options = options;
  }

  get value(): UnderWay {
    return this.#value;
  }

  async change(change: Partial<UnderWay>): Promise<void> {
    this.#value = { ...this.#value, ...change };
    await this.#keep((notes) => notes.write(this.#name, JSON.stringify(this.#value)));
  }

  /** It is taken up once more: what ends the server from now on is not what has ended it before. */
  async taken(attempts: number, seenUtc: string): Promise<void> {
    const { stoppedUtc: _, bootId: __, ...rest } = this.#value;
    this.#value = { ...rest, ...definedOnly({ bootId: await bootId() }) };
    await this.change({ attempts, seenUtc });
  }

  async remove(): Promise<void> {
    const isRemoved = await this.#keep((notes) => notes.remove(this.#name));
    if (!isRemoved) this.#options.left?.(this.#name);
  }

  /** Notes what happens to the batch until the returned function is called. */
  follow({ batch, pause }: { batch?: Batch; pause?: Pause }, signal: AbortSignal): () => void {
    const notePause = (): void => {
      const isPaused = pause !== undefined && pause.state.value !== "running";
      if (isPaused !== (this.#value.isPaused ?? false)) void this.change({ isPaused });
    };
    // At once: the end of a recording can take longer than the server has.
    const noteStop = (): void => {
      if (isInterruption(signal)) void this.change({ stoppedUtc: isoUtc(this.#options.clock.utcUs()) });
    };
    let cancelSeen = (): void => {};
    const noteSeen = (): void => {
      const { clock } = this.#options;
      cancelSeen = clock.after(SEEN_EVERY_US, () => {
        void this.change({ seenUtc: isoUtc(clock.utcUs()) });
        noteSeen();
      });
    };
    if (batch !== undefined) noteSeen();
    if (pause !== undefined) notePause();
    signal.addEventListener("abort", noteStop, { once: true });
    if (signal.aborted) noteStop();
    const ends = [
      pause?.state.subscribe(notePause),
      batch?.numberCell.subscribe((number) => void this.change({ batch: number })),
      () => signal.removeEventListener("abort", noteStop),
      () => cancelSeen(),
    ];
    return () => {
      for (const end of ends) end?.();
    };
  }

  async #keep(work: (notes: Notes) => Promise<void>): Promise<boolean> {
    const { log, notes } = this.#options;
    try {
      await work(notes);
      return true;
    } catch (error) {
      log.warn({ reason: messageOf(error) }, `the note ${this.#name} stays as it was`);
      return false;
    }
  }
}
