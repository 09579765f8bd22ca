// One batch from its number to its last file; and the search of all channels, which has no file.

import { withAny } from "../base/abort.ts";
import { isVscopeError, messageOf } from "../base/errors.ts";
import type { Batch } from "../datadir/batch.ts";
import { DEFAULT_RUN } from "../datadir/run-name.ts";
import type { SpectrumFailure } from "../spectra/spectrum.ts";
import type { BatchNote } from "./batch-note.ts";
import type { BatchParts, BatchPlan } from "./batch-parts.ts";
import { BatchRecording } from "./batch-recording.ts";
import { BatchWriter } from "./batch-writer.ts";
import { failuresAsError } from "./exposure.ts";
import { isInterruption } from "./operation.ts";

/**
 * Records all steps. Every finished set is on disk when this settles, however it ends.
 * Throws when a disk or a shutter fails, and at the end when a spectrometer did: the others' spectra are kept.
 */
export async function recordBatch(parts: BatchParts, asked: BatchPlan, signal: AbortSignal): Promise<void> {
  const { dataDirectory } = parts;
  if (asked.takeUp !== undefined) {
    parts.show({ phase: "waiting", run: asked.settings.run });
    await asked.takeUp.prepare(signal);
  }
  // A recording that is refused leaves the current run as it is.
  await dataDirectory.requireReady();
  const run = await runOf(parts, asked);
  const plan = { ...asked, settings: { ...asked.settings, run } };
  const batch = await dataDirectory.startBatch(run);
  const note = plan.isResumable ? await parts.journal.begin(plan, batch.number) : undefined;
  await plan.takeUp?.begun(batch.number, note !== undefined);
  const unfollow = note?.follow({ batch, pause: parts.pause }, signal);
  const disk = new AbortController();
  const writer = new BatchWriter(batch, {
    written: (file, { spectra }) => parts.darks.add(file, spectra),
    failed: (error, { spectra }) => {
      recording.lost(spectra);
      disk.abort(error);
    },
  });
  const recording = new BatchRecording(parts, plan, { batch, writer });
  parts.report.result(recording.result());
  try {
    await withAny([signal, disk.signal], (joined) => recording.run(joined));
  } finally {
    await writer.flush();
    unfollow?.();
    const result = recording.result();
    parts.report.result(result);
    parts.log.info(result, "batch ended");
    if (note !== undefined) await endNote({ note, batch }, signal, disk.signal);
  }
  disk.signal.throwIfAborted();
  await plan.conclude?.(recording.result());
  recording.throwFailures();
}

interface Noted {
  readonly note: BatchNote;
  readonly batch: Batch;
}

// A batch that its medium has ended goes on when that is back, as after a restart; one that somebody has aborted does not.
async function endNote({ note, batch }: Noted, signal: AbortSignal, disk: AbortSignal): Promise<void> {
  if (isInterruption(signal)) return note.stopped();
  if (signal.aborted || !disk.aborted) return void (await note.remove());
  // It may be back, or mended, by now: that the note can be removed tells nothing.
  const isCutOff = (): boolean => isVscopeError(disk.reason, "DATADIR_NOT_MOUNTED") || batch.isCutOff;
  // A medium that was pulled out a moment ago fails before it is known to be gone.
  const isLost = isCutOff() || !(await note.remove()) || isCutOff();
  if (isLost) await note.lost({ isAway: isCutOff() });
}

// What nobody is there to see leaves the operator's choice alone, also over a restart: so it is stored, too.
async function runOf({ dataDirectory, log }: BatchParts, { settings, origin }: BatchPlan): Promise<string> {
  const { run } = settings;
  const { value: current } = dataDirectory.currentRun;
  try {
    await dataDirectory.setCurrentRun(origin.by === "client" ? run : current);
    return run;
  } catch (error) {
    // A folder of an older system that was removed by hand cannot be made anew: no reason not to record.
    if (origin.by === "client" || !isVscopeError(error, "VALUE_INVALID")) throw error;
    log.warn({ reason: messageOf(error) }, "the current run is gone");
    if (run !== current) return run;
    await dataDirectory.setCurrentRun(DEFAULT_RUN);
    return DEFAULT_RUN;
  }
}

/** Searches the integration times of all channels, one after the other. */
export async function searchAll(
  parts: BatchParts,
  targetPercent: number,
  signal: AbortSignal,
): Promise<void> {
  const { autointegration, channels, pause, report } = parts;
  const failures: SpectrumFailure[] = [];
  for (const [index, channel] of channels.entries()) {
    report.progress(index, channels.length);
    await pause.pass(signal);
    parts.show({ phase: "autointegrate", channel });
    failures.push(...(await autointegration.search(channel, targetPercent, signal)).failures);
    report.result({ integrationTimes: autointegration.results.value });
  }
  report.progress(channels.length, channels.length);
  if (failures.length > 0) throw failuresAsError(failures, "not every integration time was found");
}
