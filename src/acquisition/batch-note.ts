// The note about one batch, on the medium that the batch is recorded onto and on no other. What it cannot keep it says in the log.

import type { Cell } from "../base/cell.ts";
import { type Clock, isoUtc, SECOND } from "../base/clock.ts";
import { definedOnly } from "../base/defined-only.ts";
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Batch } from "../datadir/batch.ts";
import type { DataDirectory } from "../datadir/data-directory.ts";
import type { Notes } from "../datadir/notes.ts";
import { bootId } from "../instruments/boot-id.ts";
import { isInterruption } from "./operation.ts";
import type { Pause } from "./pause.ts";
import type { UnderWay } from "./under-way.ts";

/** A batch can wait for a day between two lights, or be paused: its age after a crash is counted from the newest of these. */
const SEEN_EVERY_US = 600 * SECOND;

/** `ended`: nothing is left to be done, and yet the note may still be there. */
type NoteState = "under way" | "interrupted" | "ended";

export interface NoteParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly dataDirectory: DataDirectory;
  /** Where more is known than the medium tells. */
  readonly known: Set<BatchNote>;
  /** Counts the batches that the loss of their medium has ended. */
  readonly losses: Cell<number>;
}

/** Which note it is. */
export interface NotePlace {
  readonly name: string;
  /** The uuid of its data directory; undefined when that has none. */
  readonly directory: string | undefined;
}

export class BatchNote {
  readonly name: string;
  readonly #directory: string | undefined;
  readonly #parts: NoteParts;
  readonly #notes: Notes;
  #value: UnderWay;
  #state: NoteState = "interrupted";
  #removal: Promise<boolean> | undefined;

  constructor({ name, directory }: NotePlace, value: UnderWay, parts: NoteParts) {
    this.name = name;
    this.#directory = directory;
    this.#value = value;
    this.#parts = parts;
    this.#notes = parts.dataDirectory.notes.of(directory);
  }

  get value(): UnderWay {
    return this.#value;
  }

  get state(): NoteState {
    return this.#state;
  }

  /** Whether a note of a data directory may be this one. */
  isAt({ name, directory }: NotePlace): boolean {
    return name === this.name && isSame(directory, this.#directory);
  }

  /** Whether its data directory is there. */
  get isHere(): boolean {
    const { mounted, uuid } = this.#parts.dataDirectory.status.value;
    return mounted && isSame(uuid, this.#directory);
  }

  /** From now on its batch is under way. Throws DATADIR_FULL, DATADIR_NOT_MOUNTED, DATADIR_IO. */
  async begin(): Promise<void> {
    this.#state = "under way";
    this.#parts.known.add(this);
    await this.#write();
  }

  async change(change: Partial<UnderWay>): Promise<void> {
    this.#value = { ...this.#value, ...change };
    await this.#keep(() => this.#write());
  }

  /** It is taken up once more: what ends the server from now on is not what has ended it before. */
  async taken(attempts: number, seenUtc: string): Promise<void> {
    const { stoppedUtc: _, awayUtc: __, bootId: ___, ...rest } = this.#value;
    this.#value = { ...rest, ...definedOnly({ bootId: await bootId() }) };
    await this.change({ attempts, seenUtc });
  }

  /** Its batch is no longer recorded, and is to be known: at the next start, or when it does not end. */
  stopped(): void {
    this.#state = "interrupted";
  }

  /**
   * Its batch is no longer recorded, because of the medium: it is or was away (it may be back already, or mended), or cannot be
   * written. Known as soon as it can be used, also where it was removed.
   */
  async lost({ isAway }: { readonly isAway: boolean }): Promise<void> {
    const { clock, known, losses } = this.#parts;
    this.#state = "interrupted";
    this.#removal = undefined;
    known.add(this);
    this.#value = { ...this.#value, awayUtc: isoUtc(clock.utcUs()) };
    if (this.isHere) await this.change({});
    if (isAway) losses.set(losses.value + 1);
  }

  /** Nothing is left to be done. False when it may still be there: then it is removed later. */
  remove(): Promise<boolean> {
    this.#state = "ended";
    this.#parts.known.add(this);
    this.#removal ??= this.#remove();
    return this.#removal;
  }

  /** Adds an event to those of its run, on the same medium. Throws as `Notes.addEvent`. */
  addEvent(event: object): Promise<void> {
    const utc = isoUtc(this.#parts.clock.utcUs());
    return this.#notes.addEvent(this.#value.settings.run, { utc, ...event });
  }

  /** Notes what happens to the batch until the returned function is called. */
  follow({ batch, pause }: { batch?: Batch; pause?: Pause }, signal: AbortSignal): () => void {
    const { clock } = this.#parts;
    const notePause = (): void => {
      const isPaused = pause !== undefined && pause.state.value !== "running";
      if (isPaused !== (this.#value.isPaused ?? false)) void this.change({ isPaused });
    };
    // At once: the end of a recording can take longer than the server has.
    const noteStop = (): void => {
      if (isInterruption(signal)) void this.change({ stoppedUtc: isoUtc(clock.utcUs()) });
    };
    let cancelSeen = (): void => {};
    const noteSeen = (): void => {
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

  #write(): Promise<void> {
    return this.#notes.write(this.name, JSON.stringify(this.#value));
  }

  async #remove(): Promise<boolean> {
    const isRemoved = await this.#keep(() => this.#notes.remove(this.name));
    if (isRemoved) this.#parts.known.delete(this);
    else this.#removal = undefined;
    return isRemoved;
  }

  async #keep(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      this.#parts.log.warn({ reason: messageOf(error) }, `the note ${this.name} stays as it was`);
      return false;
    }
  }
}

// A data directory whose uuid nobody knows may be any.
function isSame(one: string | undefined, other: string | undefined): boolean {
  return one === undefined || other === undefined || one === other;
}
