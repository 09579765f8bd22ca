// A scheduled run that the end of the server had interrupted, taken up again after the restart: the history tells how it ended.

import type { Origin } from "../acquisition/origin.ts";
import { MS, SECOND } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { History } from "./history.ts";

/** A batch that a job had begun. */
export interface ResumedRun {
  readonly origin: Origin;
  readonly startedUtc: string;
  readonly message: string;
}

/** What cannot be written is logged. */
export function noteResumption(
  { history, log }: { readonly history: History; readonly log: Log },
  { origin, startedUtc, message }: ResumedRun,
): void {
  if (origin.by !== "schedule" || origin.id === undefined) return;
  // Both times are rounded, and the row is written in between.
  const byUtcUs = Date.parse(startedUtc) * MS + SECOND;
  try {
    history.addToInterrupted(Number(origin.id), byUtcUs, message);
  } catch (error) {
    log.error({ job: origin.id, reason: messageOf(error) }, "the history does not tell of a resumed run");
  }
}
