// Carries out the steps of one batch: searches, darks, lights, waits; writes each set as it is finished.

import { withAny, withDeadline } from "../base/abort.ts";
import { type Clock, SECOND } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Batch } from "../datadir/batch.ts";
import type { DataDirectory } from "../datadir/data-directory.ts";
import type { SpectraSet, Spectrum, SpectrumFailure, SpectrumKind } from "../spectra/spectrum.ts";
import type { Autointegration } from "./autointegration.ts";
import { BatchWriter } from "./batch-writer.ts";
import { anyReady, expose, failuresAsError, type Optics } from "./exposure.ts";
import type { OperationReport } from "./operation.ts";
import type { BatchSettings, Step } from "./settings.ts";
import type { AcquisitionStatus } from "./status.ts";

export interface BatchParts {
  readonly clock: Clock;
  readonly log: Log;
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
  readonly steps: Iterable<Step>;
  readonly count: number;
}

/** What a batch produced; the result of its operation. */
export interface BatchResult {
  readonly run: string;
  readonly batch: number;
  /** Files on disk, and the name of the newest. */
  readonly files: number;
  readonly newestFile?: string;
  readonly spectra: number;
  /** Light spectra with saturated pixels. */
  readonly saturated: number;
  /** Exposures that failed, and the newest of them. */
  readonly failed: number;
  readonly failures: readonly SpectrumFailure[];
}

/** How long a batch waits for any spectrometer to come back. */
const RETURN_US = 600 * SECOND;

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
  const recording = new BatchRecording(parts, plan, { batch, writer });
  try {
    await withAny([signal, disk.signal], (joined) => recording.run(joined));
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
  readonly #batch: Batch;
  readonly #writer: BatchWriter;
  #failures: readonly SpectrumFailure[] = [];
  #failed = 0;
  #spectra = 0;
  #saturated = 0;

  constructor(parts: BatchParts, plan: BatchPlan, { batch, writer }: { batch: Batch; writer: BatchWriter }) {
    this.#parts = parts;
    this.#plan = plan;
    this.#batch = batch;
    this.#writer = writer;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { steps, count } = this.#plan;
    let done = 0;
    for (const step of steps) {
      await this.#perform(step, signal);
      done += 1;
      this.#parts.report.result(this.result());
      this.#parts.report.progress(done, count);
    }
  }

  result(): BatchResult {
    const { count, newest } = this.#writer;
    return {
      run: this.#plan.settings.run,
      batch: this.#batch.number,
      files: count,
      ...(newest === undefined ? {} : { newestFile: newest.file }),
      spectra: this.#spectra,
      saturated: this.#saturated,
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
    try {
      for (const channel of this.#parts.channels) {
        this.#show(kind, sequence, channel);
        const exposed = await expose(this.#parts.optics, { channel, kind }, signal);
        spectra.push(...exposed.spectra);
        failures.push(...exposed.failures);
      }
    } catch (error) {
      // A shutter has failed: what the channels before it gave is kept. An aborted sequence is not.
      this.#remember(failures);
      if (!signal.aborted && spectra.length > 0) await this.#write({ kind, sequence, spectra, failures });
      throw error;
    }
    this.#remember(failures);
    // A file without any spectrum would look like data.
    if (spectra.length === 0) await this.#outlast(failures, sequence, signal);
    else await this.#write({ kind, sequence, spectra, failures });
    signal.throwIfAborted();
  }

  async #write(set: SpectraSet): Promise<void> {
    this.#spectra += set.spectra.length;
    if (set.kind === "light")
      this.#saturated += set.spectra.filter(({ flags }) => flags.includes("saturated")).length;
    await this.#writer.write(set);
  }

  // Nobody is there to press the button again, so the batch waits for a device that was replugged or has to be reset.
  async #outlast(failures: readonly SpectrumFailure[], sequence: number, signal: AbortSignal): Promise<void> {
    this.#show("waiting", sequence);
    const { clock, optics } = this.#parts;
    const kept = `no spectrometer came back within ${RETURN_US / SECOND} s, ${this.#spectra} spectra are kept`;
    const late = (): Error => failuresAsError(failures, kept);
    await withDeadline({ clock, us: RETURN_US, late }, signal, (limited) => anyReady(optics.rack, limited));
  }

  #remember(failures: readonly SpectrumFailure[]): void {
    for (const failure of failures) this.#parts.log.warn(failure, "exposure failed");
    this.#failed += failures.length;
    this.#failures = [...this.#failures, ...failures].slice(-FAILURES_SHOWN);
  }

  #show(phase: AcquisitionStatus["phase"], sequence: number, channel?: string): void {
    const { run, sequences } = this.#plan.settings;
    const where = { run, batch: this.#batch.number, sequence, of: sequences };
    this.#parts.show({ phase, ...where, ...(channel === undefined ? {} : { channel }) });
  }
}
