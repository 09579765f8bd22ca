// The batches that are being recorded: takes their numbers, and puts their sets on the medium, one after the other.

import { NEVER } from "../base/abort.ts";
import { isVscopeError, messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { SpectraSet } from "../spectra/spectrum.ts";
import { Batch, type WrittenFile } from "./batch.ts";
import type { Disk } from "./disk.ts";
import type { Presence } from "./presence.ts";
import type { Session } from "./session.ts";
import { requireSpace } from "./space.ts";
import { storeSet } from "./spectra-store.ts";
import type { Writer } from "./writer.ts";

export interface RecordingsParts {
  readonly disk: Disk;
  readonly log: Log;
  readonly writer: Writer;
  readonly presence: Presence;
  readonly reserveBytes: number;
  /** Program and version, written into every file. */
  readonly program: string;
}

/** A batch, and the session that it belongs to. */
interface Recording {
  readonly batch: Batch;
  readonly session: Session;
}

export class Recordings {
  readonly #parts: RecordingsParts;
  readonly #batches = new Set<Batch>();

  constructor(parts: RecordingsParts) {
    this.#parts = parts;
  }

  /** A batch that is being recorded, if there is one. */
  get underWay(): Batch | undefined {
    return this.#batches.values().next().value;
  }

  /** Takes the next batch number of a run, for good. Throws VALUE_INVALID, DATADIR_FULL, DATADIR_NOT_MOUNTED, DATADIR_IO. */
  start(run: string): Promise<Batch> {
    const { disk, writer, presence, reserveBytes } = this.#parts;
    return writer.run(async () => {
      const session = await presence.require();
      const { folders, path } = session;
      presence.showSpace(await requireSpace(disk, path, { bytes: 0, reserveBytes }));
      const name = await folders.ensure(run);
      const number = await folders.reserveBatch(name, NEVER);
      const batch: Batch = new Batch({
        run: name,
        number,
        store: (set, isNew) => writer.run(() => this.#storeFree({ batch, session }, set, isNew)),
        room: (signal) => writer.room(signal),
        finished: () => this.#finished(batch),
      });
      this.#batches.add(batch);
      return batch;
    });
  }

  // A file of this number and sequence that the batch did not write was added by hand: the batch goes on with a free number.
  async #storeFree(recording: Recording, set: SpectraSet, isNew: boolean): Promise<WrittenFile> {
    const { batch, session } = recording;
    try {
      return await this.#store(recording, set);
    } catch (error) {
      if (!isNew || !isVscopeError(error, "STATE_CONFLICT")) throw error;
      const { run, number } = batch;
      batch.renumber(await session.folders.reserveBatchAnew(run, NEVER));
      const fact = { run, batch: batch.number, reason: messageOf(error) };
      this.#parts.log.warn(fact, `batch ${number} is taken by files added by hand`);
      return this.#store(recording, set);
    }
  }

  async #store({ batch, session }: Recording, set: SpectraSet): Promise<WrittenFile> {
    const { presence, program } = this.#parts;
    const { run, number } = batch;
    // A medium that was put in meanwhile may have a batch of this number of its own.
    if ((await presence.require()) !== session) throw presence.notMounted();
    const origin = { run, batch: number, writer: program };
    try {
      const { written, space, isIndexed } = await storeSet({ ...this.#parts, session }, origin, set);
      if (!isIndexed) presence.keeper?.missed(run);
      presence.showSpace({ ...space, freeBytes: space.freeBytes - written.bytes });
      return written;
    } catch (error) {
      // A write can fail after its file is in place.
      presence.keeper?.missed(run);
      if (!(await session.isLost().catch(() => false))) throw error;
      presence.lookNow();
      throw presence.notMounted(error);
    }
  }

  async #finished(batch: Batch): Promise<void> {
    this.#batches.delete(batch);
    await this.#parts.presence.keeper?.catchUp();
  }
}
