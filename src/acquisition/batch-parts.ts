// What recording a batch needs, and what it produces.

import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { DataDirectory } from "../datadir/data-directory.ts";
import type { QualityLimits } from "../spectra/quality.ts";
import type { SpectrumFailure } from "../spectra/spectrum.ts";
import type { Autointegration } from "./autointegration.ts";
import type { Optics } from "./exposure.ts";
import type { Journal } from "./journal.ts";
import type { OperationReport } from "./operation.ts";
import type { Origin } from "./origin.ts";
import type { Pause } from "./pause.ts";
import type { BatchSettings, Step } from "./settings.ts";
import type { AcquisitionStatus } from "./status.ts";
import type { StoredDarks } from "./stored-darks.ts";
import type { Turn } from "./turns.ts";
import type { Before } from "./under-way.ts";
import type { WarmUp } from "./warm-up.ts";

export interface BatchParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly optics: Optics;
  readonly dataDirectory: DataDirectory;
  readonly autointegration: Autointegration;
  readonly journal: Journal;
  /** Those that are recorded, in their order. */
  readonly channels: readonly string[];
  readonly darks: StoredDarks;
  readonly qualityLimits: QualityLimits;
  readonly report: OperationReport;
  readonly pause: Pause;
  /** Shows what is being done. */
  readonly show: (status: AcquisitionStatus) => void;
}

export interface BatchPlan {
  readonly settings: BatchSettings;
  readonly turns: readonly Turn[];
  readonly steps: () => Iterable<Step>;
  readonly count: number;
  readonly origin: Origin;
  /** Whether it is worth taking up again after a restart. */
  readonly isResumable: boolean;
  readonly takeUp?: TakeUp;
  /** What is made of a batch whose files are whole. What it throws is the failure of the batch. */
  readonly conclude?: (result: BatchResult) => Promise<void>;
}

/** How a batch is taken up again. */
export interface TakeUp {
  readonly before: Before;
  readonly attempts: number;
  /** It was paused, and stays so. */
  readonly isPaused: boolean;
  /** Brings the spectrometers back, and to their settings. Throws when that cannot be. */
  prepare(signal: AbortSignal): Promise<void>;
  /** The rest is recorded as this batch, which has a note of its own or not. */
  begun(batch: number, isNoted: boolean): Promise<void>;
}

/** Spectra of one spectrometer. */
export interface Delivered {
  readonly spectra: number;
  readonly missing: number;
}

/** What a batch produced; the result of its operation. */
export interface BatchResult {
  readonly run: string;
  readonly batch: number;
  /** What it goes on with, after an interruption. */
  readonly goesOnWith?: Before;
  /** Files on disk, and the name of the newest. */
  readonly files: number;
  readonly newestFile?: string;
  readonly spectra: number;
  /** Light spectra with saturated pixels. */
  readonly saturated: number;
  /** Spectra with each quality flag. */
  readonly flags: Readonly<Record<string, number>>;
  /** Exposures that failed for good, and the newest of them. */
  readonly failed: number;
  readonly failures: readonly SpectrumFailure[];
  /** What each spectrometer has delivered, light and dark, and what it owes. */
  readonly spectrometers: Readonly<Record<string, Delivered>>;
  /** Exposures that were repeated. */
  readonly retried: number;
  /** The largest of each channel: from the first spectrometer's start to the last one's. */
  readonly startSkewUs: Readonly<Record<string, number>>;
  /** Where it was asked for. */
  readonly warmUp?: WarmUp;
}
