// Removes a run for whoever has said which one he means by its tag: moves it to the trash in one step, so that it is either
// there or here, whatever happens.

import { join } from "node:path";
import { isoUtc } from "../base/clock.ts";
import { messageOf, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { batchNoteOf, WHITE_REFERENCES_NOTE } from "./batch-notes.ts";
import { onDisk } from "./disk/disk.ts";
import { runTagOf } from "./checksums/manifest-listing.ts";
import type { ManifestShelf } from "./checksums/manifest-shelf.ts";
import type { Presence } from "./presence.ts";
import { appendEvent, eventsFile } from "./run-events.ts";
import { quoted } from "./run-name.ts";
import type { Session } from "./session.ts";
import { Trash, TRASH_FOLDER, trashName, type TrashParts } from "./trash.ts";
import type { Writer } from "./writer.ts";

export interface RemovalParts extends TrashParts {
  readonly log: Log;
  readonly writer: Writer;
  readonly presence: Presence;
  readonly manifests: ManifestShelf;
  /** Who uses a run, in words; undefined for one that nobody does. */
  readonly useOf: (run: string) => string | undefined;
}

export interface RemovalRequest {
  /** Who asks, for the log. */
  readonly by: string;
  /** One of them must be that of the run; 8 bytes each. */
  readonly tags: readonly Uint8Array[];
}

interface Move {
  readonly session: Session;
  readonly run: string;
  /** In the trash. */
  readonly name: string;
}

export class Removal {
  readonly #parts: RemovalParts;
  readonly trash: Trash;

  constructor(parts: RemovalParts) {
    this.#parts = parts;
    this.trash = new Trash(parts);
  }

  /**
   * Moves a run to the trash. Throws RESOURCE_NOT_FOUND, STATE_CONFLICT while it is used, PRECONDITION_FAILED without its tag,
   * DATADIR_NOT_MOUNTED, DATADIR_FULL, DATADIR_IO; with all but the last it is where it was, and with that the message says so.
   */
  async remove(run: string, { by, tags }: RemovalRequest): Promise<void> {
    const { writer, presence, clock } = this.#parts;
    const inTurn = async (): Promise<void> => {
      const session = await presence.requireWritable();
      const tag = await this.#requireTag(session, run, tags);
      await this.#requireNoNote(session, run);
      const move = { session, run, name: trashName(run, clock.utcUs()) };
      const unsynced = await this.#move(move);
      await this.#tell(move, { by, tag });
      if (unsynced === undefined) return;
      const fact = `run ${quoted(run)}: it is in the trash, but a power cut may bring it back`;
      throw new VscopeError("DATADIR_IO", `${fact}: ${messageOf(unsynced)}`, { cause: unsynced });
    };
    try {
      await writer.run(inTurn);
    } finally {
      await this.#afterwards();
    }
  }

  async #requireTag({ folders }: Session, run: string, tags: readonly Uint8Array[]): Promise<string> {
    // The name as it is on disk: where upper and lower case are one, another spelling is used by nobody, so it seems.
    if (!(await folders.names()).includes(run))
      throw new VscopeError("RESOURCE_NOT_FOUND", `run ${quoted(run)}: there is none`);
    const tag = runTagOf(await this.#parts.manifests.batches(run));
    if (tags.some((one) => Buffer.from(one).toString("hex") === tag)) return tag;
    const fact =
      tags.length === 0 ? "is removed with its tag only" : "is not what the tag says, it has changed";
    throw new VscopeError("PRECONDITION_FAILED", `run ${quoted(run)}: ${fact}`);
  }

  async #requireNoNote({ path }: Session, run: string): Promise<void> {
    const note = await onDisk(path, () => batchNoteOf(this.#parts.disk, path, run));
    if (note === undefined) return;
    const use =
      note === WHITE_REFERENCES_NOTE
        ? "a white reference of it is in use, take another one first"
        : "a batch of it is under way or interrupted";
    throw new VscopeError("STATE_CONFLICT", `run ${quoted(run)}: ${use} (${note})`);
  }

  /** Returns why it may not outlive a power cut. */
  async #move({ session, run, name }: Move): Promise<unknown> {
    const { disk, presence, useOf } = this.#parts;
    const trash = join(session.path, TRASH_FOLDER);
    await onDisk(trash, async () => {
      if ((await disk.stat(trash)) !== undefined) return;
      await disk.makeFolder(trash);
      await disk.syncFolder(session.path);
    });
    // At the last moment: nothing is waited for between this look and the move.
    const use = useOf(run);
    if (use !== undefined) throw new VscopeError("STATE_CONFLICT", `run ${quoted(run)}: ${use}`);
    await onDisk(join(trash, name), () => disk.rename(session.folders.pathOf(run), join(trash, name)));
    session.folders.changed(run);
    presence.keeper?.missed(run);
    try {
      await disk.syncFolder(trash);
      await disk.syncFolder(session.path);
      return undefined;
    } catch (error) {
      return error;
    }
  }

  // In the current run, too, whose list outlives the trash. A full disk takes no event, and is no reason to keep a run.
  async #tell(
    { session, run, name }: Move,
    asked: { readonly by: string; readonly tag: string },
  ): Promise<void> {
    const { disk, clock, log, presence } = this.#parts;
    const place = `${TRASH_FOLDER}/${name}`;
    log.warn({ run, ...asked, place }, "a run is removed, it is in the trash");
    const event = { utc: isoUtc(clock.utcUs()), event: "run-removed", run, ...asked, place };
    const current = presence.currentRun.value;
    const lists = [join(TRASH_FOLDER, name, "events.jsonl"), eventsFile(current)];
    for (const list of lists) {
      if (list === lists[1] && !(await session.folders.isRun(current).catch(() => false))) continue;
      await appendEvent(disk, join(session.path, list), event).catch((error: unknown) =>
        log.warn({ run, list, reason: messageOf(error) }, "the removal is not among the events"),
      );
    }
  }

  async #afterwards(): Promise<void> {
    await this.#parts.presence.keeper?.catchUp();
    this.trash.lookNow();
  }
}
