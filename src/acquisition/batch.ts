// Carries out the steps of one batch: searches, darks, lights, waits; writes each set as it is finished.

import { type Clock, SECOND } from "../base/clock.ts";
import type { DataDirectory } from "../datadir/data-directory.ts";
import type { Spectrum, SpectrumFailure, SpectrumKind } from "../spectra/spectrum.ts";
import type { Autointegration } from "./autointegration.ts";
import { BatchWriter } from "./batch-writer.ts";
import { expose, failuresAsError, type Optics } from "./exposure.ts";
import type { OperationReport } from "./operation.ts";
import type { BatchSettings, Step } from "./settings.ts";
import type { AcquisitionStatus } from "./status.ts";

export interface BatchParts {
  readonly clock: Clock;
  readonly optics: Optics;
  readonly dataDirectory: DataDirectory;
  readonly autointegration: Autointegration;
  readonly channels: readonly string[];
  readonly report: OperationReport;
  /** Shows what is being done. */
  readonly show: (status: AcquisitionStatus) => void;
}

export interface BatchPlan {
  readonly settings: BatchSettings;
  readonly steps: readonly Step[];
}

/** What a batch produced; the result of its operation. */
export interface BatchResult {
  readonly run: string;
  readonly batch: number;
  /** Files on disk, and the name of the newest. */
  readonly files: number;
  readonly newestFile?: string;
  readonly spectra: number;
  /** Exposures that failed, and the newest of them. */
  readonly failed: number;
  readonly failures: readonly SpectrumFailure[];
}

// A season has thousands of sequences: the status tells the newest failures and counts the rest; each file has its own.
const FAILURES_SHOWN = 8;

/**
 * Records all steps. Every finished set is on disk when this settles, however it ends.
 * Throws when a disk or a shutter fails, and at the end when a spectrometer did: the others' spectra are kept.
 */
export async function recordBatch(parts: BatchParts, plan: BatchPlan, signal: AbortSignal): Promise<void> {
  const { run } = plan.settings;
  await parts.dataDirectory.setCurrentRun(run);
  const batch = await parts.dataDirectory.startBatch(run);
  const disk = new AbortController();
  const writer = new BatchWriter(batch, (error) => disk.abort(error));
  const recording = new BatchRecording(parts, plan, { batch: batch.number, writer });
  try {
    await recording.run(AbortSignal.any([signal, disk.signal]));
  } finally {
    await writer.flush();
    parts.report.result(recording.result());
  }
  disk.signal.throwIfAborted();
  recording.throwFailures();
}

/** Searches the integration times of all channels, one after the other. */
export async function searchAll(
  parts: BatchParts,
  targetPercent: number,
  signal: AbortSignal,
): Promise<void> {
  const failures: SpectrumFailure[] = [];
  for (const [index, channel] of parts.channels.entries()) {
    parts.report.progress(index, parts.channels.length);
    parts.show({ phase: "autointegrate", channel });
    failures.push(...(await parts.autointegration.search(channel, targetPercent, signal)).failures);
    parts.report.result({ integrationTimes: parts.autointegration.results.value });
  }
  parts.report.progress(parts.channels.length, parts.channels.length);
  if (failures.length > 0) throw failuresAsError(failures, "the others were searched");
}

class BatchRecording {
  readonly #parts: BatchParts;
  readonly #plan: BatchPlan;
  readonly #batch: number;
  readonly #writer: BatchWriter;
  #failures: readonly SpectrumFailure[] = [];
  #failed = 0;
  #spectra = 0;

  constructor(parts: BatchParts, plan: BatchPlan, { batch, writer }: { batch: number; writer: BatchWriter }) {
    this.#parts = parts;
    this.#plan = plan;
    this.#batch = batch;
    this.#writer = writer;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { steps } = this.#plan;
    for (const [index, step] of steps.entries()) {
      this.#parts.report.progress(index, steps.length);
      await this.#perform(step, signal);
      this.#parts.report.result(this.result());
    }
    this.#parts.report.progress(steps.length, steps.length);
  }

  result(): BatchResult {
    const { count, newest } = this.#writer;
    return {
      run: this.#plan.settings.run,
      batch: this.#batch,
      files: count,
      ...(newest === undefined ? {} : { newestFile: newest.file }),
      spectra: this.#spectra,
      failed: this.#failed,
      failures: this.#failures,
    };
  }

  throwFailures(): void {
    if (this.#failed === 0) return;
    throw failuresAsError(
      this.#failures,
      `${this.#failed} exposures failed, ${this.#spectra} spectra are kept`,
    );
  }

  #perform(step: Step, signal: AbortSignal): Promise<void> {
    switch (step.do) {
      case "autointegrate":
        return this.#search(step.sequence, signal);
      case "dark":
      case "light":
        return this.#record(step.do, step.sequence, signal);
      case "wait":
        this.#show("waiting", step.sequence);
        return this.#parts.clock.delay(this.#plan.settings.delayS * SECOND, signal);
    }
  }

  async #search(sequence: number, signal: AbortSignal): Promise<void> {
    for (const channel of this.#parts.channels) {
      this.#show("autointegrate", sequence, channel);
      const { targetPercent } = this.#plan.settings;
      this.#remember((await this.#parts.autointegration.search(channel, targetPercent, signal)).failures);
    }
  }

  async #record(kind: SpectrumKind, sequence: number, signal: AbortSignal): Promise<void> {
    const spectra: Spectrum[] = [];
    const failures: SpectrumFailure[] = [];
    for (const channel of this.#parts.channels) {
      this.#show(kind, sequence, channel);
      const exposed = await expose(this.#parts.optics, { channel, kind }, signal);
      spectra.push(...exposed.spectra);
      failures.push(...exposed.failures);
    }
    this.#remember(failures);
    this.#spectra += spectra.length;
    // A file without any spectrum would look like data; the batch ends with the devices' own errors instead.
    if (spectra.length === 0) throw failuresAsError(failures, "no spectrometer is left, the batch ends");
    await this.#writer.write({ kind, sequence, spectra, failures });
    signal.throwIfAborted();
  }

  #remember(failures: readonly SpectrumFailure[]): void {
    this.#failed += failures.length;
    this.#failures = [...this.#failures, ...failures].slice(-FAILURES_SHOWN);
  }

  #show(phase: AcquisitionStatus["phase"], sequence: number, channel?: string): void {
    const { run, sequences } = this.#plan.settings;
    const where = { run, batch: this.#batch, sequence, of: sequences };
    this.#parts.show({ phase, ...where, ...(channel === undefined ? {} : { channel }) });
  }
}
