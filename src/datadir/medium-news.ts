// What becomes of the medium, as it is told: lines in the log, and events of the current run on it.

import { type Clock, isoUtc } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Disk } from "./disk/disk.ts";
import { appendEvent, eventsFile } from "./run-events.ts";
import type { Session } from "./session.ts";

export interface MediumNewsParts {
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly disk: Disk;
}

interface NotedEvent {
  readonly event: string;
  readonly byS?: number;
  readonly sinceUtc?: string;
}

/** A medium that nobody can write to: since when, and which. */
interface ReadOnly {
  readonly sinceUtc: string;
  readonly uuid: string | undefined;
}

export class MediumNews {
  readonly #parts: MediumNewsParts;
  #readOnly: ReadOnly | undefined;

  constructor(parts: MediumNewsParts) {
    this.#parts = parts;
  }

  /** Whether there is something to tell when it can be written again. */
  get wasReadOnly(): boolean {
    return this.#readOnly !== undefined;
  }

  mounted({ uuid, fileSystem }: Session): void {
    const { path, log } = this.#parts;
    log.info({ path, uuid, fileSystem }, "the data directory is mounted");
  }

  unmounted(): void {
    const { path, log } = this.#parts;
    log.info({ path }, "the data directory is unmounted on request");
  }

  away(): void {
    const { path, log } = this.#parts;
    log.warn({ path }, "the medium of the data directory is away");
  }

  readOnly({ uuid }: Session): void {
    const { path, log, clock } = this.#parts;
    log.error({ path }, "the medium is read-only, nothing is recorded");
    this.#readOnly ??= { sinceUtc: isoUtc(clock.utcUs()), uuid };
  }

  /** It can be written: what kept it from being written is noted on it, once. */
  async writable(session: Session, run: string): Promise<void> {
    if (this.#readOnly === undefined) return;
    const { sinceUtc, uuid } = this.#readOnly;
    this.#readOnly = undefined;
    // Another one may be there by now.
    if (uuid !== undefined && uuid !== session.uuid) return;
    await this.note(session, run, { event: "medium-read-only", sinceUtc });
  }

  /** What cannot be noted is in the log. */
  async note({ folders }: Session, run: string, event: NotedEvent): Promise<void> {
    const { disk, clock, log } = this.#parts;
    log.warn({ run, ...event }, `the data directory: ${event.event}`);
    try {
      if (!(await folders.isRun(run))) return;
      await appendEvent(disk, folders.pathOf(eventsFile(run)), { utc: isoUtc(clock.utcUs()), ...event });
    } catch (error) {
      log.warn({ run, reason: messageOf(error) }, "the event is not noted");
    }
  }
}
