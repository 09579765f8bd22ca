// The one place where recordings begin: checks what was asked, runs one operation at a time, shows its status.

import { Cell, type ReadableCell } from "../base/cell.ts";
import type { Clock } from "../base/clock.ts";
import { definedOnly } from "../base/defined-only.ts";
import { VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { DataDirectory } from "../datadir/data-directory.ts";
import { validRunName } from "../datadir/run-name.ts";
import { Autointegration, type SearchLimits } from "./autointegration.ts";
import { recordBatch, searchAll } from "./batch.ts";
import type { BatchParts, BatchPlan, BatchResult } from "./batch-parts.ts";
import type { Calibrations } from "./calibrations.ts";
import type { Optics } from "./exposure.ts";
import type { Operation, OperationReport } from "./operation.ts";
import type { Operations } from "./operations.ts";
import { BY_CLIENT, type Origin } from "./origin.ts";
import { Pause, type PauseState } from "./pause.ts";
import { type BatchSettings, batchSteps, DEFAULTS, requireWithinLimits, type Step } from "./settings.ts";
import { type AcquisitionStatus, IDLE } from "./status.ts";
import { type Turn, turnsOf } from "./turns.ts";
import { panelTurns, type WhiteRequest } from "./white-reference.ts";
import type { WhiteReferences } from "./white-references.ts";

export interface RecorderOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly optics: Optics;
  readonly dataDirectory: DataDirectory;
  readonly operations: Operations;
  readonly searchLimits: SearchLimits;
  readonly calibrations: Calibrations;
  readonly whiteReferences: WhiteReferences;
}

type RecordingJob = (parts: BatchParts, signal: AbortSignal) => Promise<void>;

/** What is asked for, beside the settings. */
interface Batch {
  readonly kind: string;
  readonly origin: Origin;
  readonly steps: (settings: BatchSettings) => Iterable<Step>;
  readonly isResumable: boolean;
  /** In the place of all channels. */
  readonly turns?: readonly Turn[];
  readonly conclude?: BatchPlan["conclude"];
}

/** What runs now. */
interface Running {
  readonly operation: Operation;
  readonly pause: Pause;
}

export class Recorder {
  readonly #options: RecorderOptions;
  readonly #status = new Cell<AcquisitionStatus>(IDLE);
  #running: Running | undefined;
  readonly autointegration: Autointegration;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.autointegration = new Autointegration(options.optics, options.searchLimits, options.log);
  }

  get status(): ReadableCell<AcquisitionStatus> {
    return this.#status;
  }

  /** Channels in the order in which they are recorded. */
  get channels(): readonly string[] {
    return this.#options.optics.shutters.list().map(({ channel }) => channel);
  }

  /**
   * Starts a batch. Settings that are absent have their defaults; an absent run is the current one.
   * Throws VALUE_INVALID, VALUE_OUT_OF_RANGE or STATE_CONFLICT; nothing has changed then.
   */
  record(asked: Partial<BatchSettings>, origin: Origin = BY_CLIENT): Operation {
    const batch = { kind: "record", origin, steps: batchSteps, isResumable: true };
    return this.#startBatch(batch, this.#complete(asked));
  }

  /** Starts a batch of its own that holds one dark of every channel. */
  dark(asked: Pick<Partial<BatchSettings>, "run">, origin: Origin = BY_CLIENT): Operation {
    const steps = (): Iterable<Step> => [{ do: "dark", sequence: 0 }];
    return this.#startBatch({ kind: "dark", origin, steps, isResumable: false }, this.#complete(asked));
  }

  /**
   * Records a white panel in the place of the target as a batch of its own, with darks, and downwelling light beside it
   * where there is that channel. What comes of it is the white reference from then on. Throws as `record`,
   * RESOURCE_NOT_FOUND for a panel or a channel that is not there, CONFIG_INVALID when the panel's file is wrong.
   */
  whiteReference(asked: WhiteRequest, origin: Origin = BY_CLIENT): Operation {
    const { calibrations, whiteReferences } = this.#options;
    const { panel, channels, search = false, ...rest } = asked;
    const turns = panelTurns(calibrations.panel(panel), channels, this.channels);
    const settings = this.#complete({ ...definedOnly(rest), autointegrate: search ? 0 : -1 });
    const conclude = ({ run, batch }: BatchResult): Promise<void> => whiteReferences.adopt(run, batch);
    const batch = { kind: "white-reference", origin, steps: batchSteps, isResumable: false, turns, conclude };
    return this.#startBatch(batch, settings);
  }

  /** Searches the integration times of all channels; records nothing. */
  autointegrate(asked: Pick<Partial<BatchSettings>, "targetPercent">, origin: Origin = BY_CLIENT): Operation {
    const { targetPercent } = this.#complete(asked);
    const job: RecordingJob = (parts, signal) => searchAll(parts, targetPercent, signal);
    return this.#start({ kind: "autointegrate", steps: this.channels.length, origin }, job);
  }

  /** Cancels what is running. Throws STATE_CONFLICT when nothing is. */
  abort(): Operation {
    const running = this.#options.operations.running;
    if (running === undefined) throw new VscopeError("STATE_CONFLICT", "abort: no operation is running");
    running.cancel("a client asked for it");
    return running;
  }

  /**
   * Holds the recording after the present exposure, shutters closed, until `resume` or `abort`.
   * Throws STATE_CONFLICT when nothing is recorded, or it is held already.
   */
  pause(): Operation {
    const { operation, pause } = this.#require("pause");
    if (pause.ask()) return operation;
    throw new VscopeError("STATE_CONFLICT", `pause: operation ${operation.id} is paused already`);
  }

  /** Goes on with a recording that is held, whoever did that. Throws STATE_CONFLICT when none is. */
  resume(): Operation {
    const { operation, pause } = this.#require("resume");
    if (pause.resume()) return operation;
    throw new VscopeError("STATE_CONFLICT", `resume: operation ${operation.id} is not paused`);
  }

  #require(what: string): Running {
    if (this.#running !== undefined) return this.#running;
    throw new VscopeError("STATE_CONFLICT", `${what}: no operation is running`);
  }

  #startBatch(batch: Batch, settings: BatchSettings): Operation {
    const { kind, origin, steps, isResumable, conclude } = batch;
    const turns = batch.turns ?? turnsOf(settings.order, this.channels);
    const channels = batch.turns && [...new Set(turns.map(({ channel }) => channel))];
    const allSteps = (): Iterable<Step> => steps(settings);
    let count = 0;
    for (const _ of allSteps()) count += 1;
    const plan = { settings, turns, steps: allSteps, count, origin, isResumable, channels, conclude };
    return this.#start({ kind, steps: count, origin }, (parts, signal) => recordBatch(parts, plan, signal));
  }

  #start(
    { kind, steps, origin }: { readonly kind: string; readonly steps: number; readonly origin: Origin },
    job: RecordingJob,
  ): Operation {
    this.#requireReady(kind);
    const pause = new Pause(this.#options.clock);
    const run = async (report: OperationReport, signal: AbortSignal): Promise<void> => {
      try {
        await job(this.#parts({ operation, pause }, report), signal);
      } finally {
        this.#running = undefined;
        this.#status.set(IDLE);
      }
    };
    const operation = this.#options.operations.start(kind, steps, run, origin);
    this.#running = { operation, pause };
    return operation;
  }

  #requireReady(kind: string): void {
    if (this.channels.length === 0)
      throw new VscopeError("STATE_CONFLICT", `${kind}: no channel is configured`);
    const spectrometers = this.#options.optics.rack.spectrometers.value;
    if (spectrometers.length === 0) {
      throw new VscopeError("DEVICE_NOT_CONNECTED", `${kind}: no spectrometer has been found`);
    }
    if (spectrometers.every(({ isAttached }) => !isAttached)) {
      throw new VscopeError("DEVICE_NOT_CONNECTED", `${kind}: no spectrometer is connected`);
    }
  }

  #parts({ operation, pause }: Running, report: OperationReport): BatchParts {
    const { clock, log, optics, dataDirectory } = this.#options;
    const { autointegration, channels } = this;
    // Until its first step: nobody may take it for idle when a pause before that ends.
    let shown: AcquisitionStatus = { phase: "waiting", operation: operation.id };
    const show = (status: AcquisitionStatus): void => {
      shown = { ...status, operation: operation.id };
      this.#status.set(withPause(shown, pause.state.value));
    };
    // Lives as long as the operation.
    pause.state.subscribe((state) => {
      report.paused(state === "paused");
      this.#status.set(withPause(shown, state));
      log.info({ operation: operation.id, state }, "pause");
    });
    return { clock, log, optics, dataDirectory, autointegration, channels, report, pause, show };
  }

  #complete(asked: Partial<BatchSettings>): BatchSettings {
    const run = validRunName(asked.run ?? this.#options.dataDirectory.currentRun.value);
    const settings = { ...DEFAULTS, ...asked, run };
    requireWithinLimits(settings);
    return settings;
  }
}

function withPause(status: AcquisitionStatus, state: PauseState): AcquisitionStatus {
  if (state === "running") return status;
  if (state === "asked") return { ...status, pausing: true };
  const { channel: _, ...rest } = status;
  return { ...rest, phase: "paused" };
}
