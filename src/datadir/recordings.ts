// The batches that are being recorded: takes their numbers, and puts their sets on the medium, together where it is slow.

import { NEVER } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import { isVscopeError, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { SpectraSet } from "../spectra/spectrum.ts";
import { Batch, type WrittenFile } from "./batch.ts";
import { asDiskError, type Disk } from "./disk/disk.ts";
import { Gathering } from "./gathering.ts";
import { ManifestCare } from "./checksums/manifest-care.ts";
import type { Presence } from "./presence.ts";
import type { Session } from "./session.ts";
import { requireSpace } from "./disk/space.ts";
import { type PlacedSet, type Stored, storeGroup } from "./spectra-store.ts";
import type { Writer } from "./writer.ts";

export interface RecordingsParts {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  readonly writer: Writer;
  readonly presence: Presence;
  readonly reserveBytes: number;
  /** Before recording ends because the medium is full. */
  readonly makeRoom: () => Promise<boolean>;
  /** Program and version, written into every file. */
  readonly program: string;
}

/** A set on its way, its batch, and the session that this belongs to. */
interface Recorded {
  readonly batch: Batch;
  readonly session: Session;
  readonly set: SpectraSet;
  /** None with its name was tried before. */
  readonly isNew: boolean;
}

export class Recordings {
  readonly #parts: RecordingsParts;
  readonly #batches = new Set<Batch>();
  /** Those that the medium has not let go on, also when it does again. */
  readonly #cutOff = new WeakSet<Batch>();
  readonly #sets: Gathering<Recorded, WrittenFile>;
  readonly #manifests: ManifestCare;

  constructor(parts: RecordingsParts) {
    this.#parts = parts;
    this.#sets = new Gathering(parts.writer, (recorded) => this.#store(recorded));
    this.#manifests = new ManifestCare(parts);
    parts.presence.exchanges.subscribe(() => this.#manifests.start());
  }

  /** A batch that is being recorded, if there is one. */
  get underWay(): Batch | undefined {
    return this.#batches.values().next().value;
  }

  isRecorded(run: string): boolean {
    return [...this.#batches].some((batch) => batch.run === run);
  }

  /** Resolves when a batch can be recorded: there is room, and it can be written. Throws DATADIR_FULL, DATADIR_NOT_MOUNTED, DATADIR_IO. */
  async requireReady(): Promise<void> {
    await this.#parts.writer.run(() => this.#ready());
  }

  async #ready(): Promise<Session> {
    const { disk, presence, reserveBytes, makeRoom } = this.#parts;
    const session = await presence.requireWritable();
    presence.showSpace(await requireSpace(disk, session.path, { bytes: 0, reserveBytes, makeRoom }));
    return session;
  }

  /** Takes the next batch number of a run, for good. Throws VALUE_INVALID, DATADIR_FULL, DATADIR_NOT_MOUNTED, DATADIR_IO. */
  start(run: string): Promise<Batch> {
    const { writer, presence } = this.#parts;
    return writer.run(async () => {
      const session = await this.#ready();
      try {
        return await this.#begin(session, run);
      } catch (error) {
        if (isVscopeError(error, "DATADIR_IO")) await presence.hasFailed(session);
        throw error;
      }
    });
  }

  async #begin(session: Session, run: string): Promise<Batch> {
    const { folders } = session;
    const { presence } = this.#parts;
    const name = await folders.ensure(run);
    const number = await folders.reserveBatch(name, NEVER);
    const batch: Batch = new Batch({
      run: name,
      number,
      store: (set, isNew) => this.#sets.add({ batch, session, set, isNew }),
      room: (signal) => this.#sets.room(signal),
      finished: () => this.#finished(batch),
      isCutOff: () => this.#cutOff.has(batch) || !presence.isCurrent(session),
    });
    this.#batches.add(batch);
    return batch;
  }

  /** Resolves when every spectra file that was there at the start has its line in a manifest. */
  settled(): Promise<void> {
    return this.#manifests.settled();
  }

  /** Adds no lines any more to the manifests of older files. */
  stop(): Promise<void> {
    return this.#manifests.stop();
  }

  async #store(recorded: readonly Recorded[]): Promise<readonly (WrittenFile | VscopeError)[]> {
    const { presence } = this.#parts;
    const session = await presence.require();
    // A medium that was put in meanwhile may have batches of these numbers of its own.
    const present = recorded.filter((one) => one.session === session);
    const stored = await this.#storeIn(session, present);
    return recorded.map((one) => stored.get(one) ?? presence.notMounted());
  }

  async #storeIn(
    session: Session,
    recorded: readonly Recorded[],
  ): Promise<ReadonlyMap<Recorded, WrittenFile | VscopeError>> {
    const parts = { ...this.#parts, session };
    const stored = await storeGroup(
      parts,
      recorded.map((one) => this.#placed(one)),
    );
    // Paths lead elsewhere once the medium has gone: what was written there is not where it belongs.
    const absence = await this.#absenceOf(session);
    const outcomes = stored.map((outcome) => (isError(outcome) ? outcome : (absence ?? outcome)));
    const isLost = absence?.code === "DATADIR_NOT_MOUNTED";
    // Before anybody can mend it, which has its turn as well.
    const isReadOnly = outcomes.some(isError) && (await this.#parts.presence.hasFailed(session));
    if (isLost || isReadOnly) for (const { batch } of recorded) this.#cutOff.add(batch);
    const told = new Map<Recorded, WrittenFile | VscopeError>();
    for (const [position, one] of recorded.entries()) {
      const outcome = outcomes[position];
      if (outcome !== undefined) told.set(one, this.#told(one, outcome, isLost));
    }
    if (!outcomes.every(isError)) await this.#showSpace(session);
    return told;
  }

  async #absenceOf(session: Session): Promise<VscopeError | undefined> {
    try {
      return (await session.isPresent()) ? undefined : this.#parts.presence.notMounted();
    } catch (error) {
      return asDiskError(session.path, error);
    }
  }

  #told({ batch }: Recorded, outcome: Stored | VscopeError, isLost: boolean): WrittenFile | VscopeError {
    const { presence } = this.#parts;
    if (isError(outcome)) {
      // A write can fail after its file is in place.
      presence.keeper?.missed(batch.run);
      this.#manifests.missed();
      return isLost ? presence.notMounted(outcome) : outcome;
    }
    const { isIndexed, ...written } = outcome;
    if (!isIndexed) presence.keeper?.missed(batch.run);
    return written;
  }

  #placed({ batch, session, set, isNew }: Recorded): PlacedSet {
    const { run } = batch;
    // A file of this number and sequence that the batch did not write was added by hand: it goes on with a free number.
    const number: PlacedSet["number"] = async (isTaken) => {
      const { number: taken } = batch;
      if (!isNew || !(await isTaken(taken))) return taken;
      batch.renumber(await session.folders.reserveBatchAnew(run, NEVER));
      this.#parts.log.warn({ run, batch: batch.number }, `batch ${taken} is taken by files added by hand`);
      return batch.number;
    };
    return { run, set, number };
  }

  // What is written is safe; that the figure is older than it harms nothing.
  async #showSpace(session: Session): Promise<void> {
    const { disk, presence } = this.#parts;
    const space = await disk.space(session.path).catch(() => undefined);
    if (space !== undefined) presence.showSpace(space);
  }

  async #finished(batch: Batch): Promise<void> {
    try {
      // Until then the medium stays as it is.
      await this.#parts.presence.keeper?.catchUp();
    } finally {
      this.#batches.delete(batch);
    }
    this.#manifests.catchUp();
  }
}

function isError(outcome: Stored | VscopeError): outcome is VscopeError {
  return outcome instanceof VscopeError;
}
