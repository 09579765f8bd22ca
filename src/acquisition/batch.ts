// One batch from its number to its last file; and the search of all channels, which has no file.

import { withAny } from "../base/abort.ts";
import type { SpectrumFailure } from "../spectra/spectrum.ts";
import type { BatchParts, BatchPlan } from "./batch-parts.ts";
import { BatchRecording } from "./batch-recording.ts";
import { BatchWriter } from "./batch-writer.ts";
import { Estimator } from "./estimator.ts";
import { failuresAsError } from "./exposure.ts";
import { forgetBatch, rememberBatch } from "./journal.ts";
import { isInterruption } from "./operation.ts";
import { searchUs } from "./step-times.ts";

/**
 * Records all steps. Every finished set is on disk when this settles, however it ends.
 * Throws when a disk or a shutter fails, and at the end when a spectrometer did: the others' spectra are kept.
 */
export async function recordBatch(parts: BatchParts, plan: BatchPlan, signal: AbortSignal): Promise<void> {
  const { run } = plan.settings;
  await parts.dataDirectory.setCurrentRun(run);
  const batch = await parts.dataDirectory.startBatch(run);
  const underWay = plan.isResumable ? await rememberBatch(parts, plan, batch.number) : undefined;
  const disk = new AbortController();
  const writer = new BatchWriter(batch, (error) => disk.abort(error));
  const { channels = parts.channels } = plan;
  const recording = new BatchRecording({ ...parts, channels }, plan, { batch, writer });
  try {
    await withAny([signal, disk.signal], (joined) => recording.run(joined));
  } finally {
    await writer.flush();
    const result = recording.result();
    parts.report.result(result);
    parts.log.info(result, "batch ended");
    if (underWay !== undefined) await forgetBatch(parts, underWay, isInterruption(signal));
  }
  disk.signal.throwIfAborted();
  await plan.conclude?.(recording.result());
  recording.throwFailures();
}

/** Searches the integration times of all channels, one after the other. */
export async function searchAll(
  parts: BatchParts,
  targetPercent: number,
  signal: AbortSignal,
): Promise<void> {
  const { autointegration, channels, optics, pause, report } = parts;
  const failures: SpectrumFailure[] = [];
  const steps = new Map(channels.map((channel) => [channel, 1]));
  const estimator = new Estimator({ steps, modelUs: (channel) => searchUs(optics, channel) });
  const progress = (done: number): void => report.progress(done, channels.length, estimator.remainingUs);
  for (const [index, channel] of channels.entries()) {
    progress(index);
    await pause.pass(signal);
    parts.show({ phase: "autointegrate", channel });
    failures.push(...(await autointegration.search(channel, targetPercent, signal)).failures);
    report.result({ integrationTimes: autointegration.results.value });
    estimator.done(channel);
  }
  progress(channels.length);
  if (failures.length > 0) throw failuresAsError(failures, "the others were searched");
}
