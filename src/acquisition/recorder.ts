// The one place where recordings begin: checks what was asked, runs one operation at a time, shows its status.

import { Cell, type ReadableCell } from "../base/cell.ts";
import type { Clock } from "../base/clock.ts";
import { requireWithin, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { DataDirectory } from "../datadir/data-directory.ts";
import { validRunName } from "../datadir/run-name.ts";
import { Autointegration, type SearchLimits } from "./autointegration.ts";
import { type BatchParts, recordBatch, searchAll } from "./batch.ts";
import type { Optics } from "./exposure.ts";
import type { Operation, OperationReport } from "./operation.ts";
import type { Operations } from "./operations.ts";
import { type BatchSettings, batchSteps, DEFAULTS, LIMITS, type Step } from "./settings.ts";
import { type AcquisitionStatus, IDLE } from "./status.ts";

export interface RecorderOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly optics: Optics;
  readonly dataDirectory: DataDirectory;
  readonly operations: Operations;
  readonly searchLimits: SearchLimits;
}

type RecordingJob = (parts: BatchParts, signal: AbortSignal) => Promise<void>;

export class Recorder {
  readonly #options: RecorderOptions;
  readonly #status = new Cell<AcquisitionStatus>(IDLE);
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
  record(asked: Partial<BatchSettings>): Operation {
    const settings = this.#complete(asked);
    return this.#startBatch("record", settings, batchSteps);
  }

  /** Starts a batch of its own that holds one dark of every channel. */
  dark(asked: Pick<Partial<BatchSettings>, "run">): Operation {
    return this.#startBatch("dark", this.#complete(asked), () => [{ do: "dark", sequence: 0 }]);
  }

  /** Searches the integration times of all channels; records nothing. */
  autointegrate(asked: Pick<Partial<BatchSettings>, "targetPercent">): Operation {
    const { targetPercent } = this.#complete(asked);
    return this.#start("autointegrate", this.channels.length, (parts, signal) =>
      searchAll(parts, targetPercent, signal),
    );
  }

  /** Cancels what is running. Throws STATE_CONFLICT when nothing is. */
  abort(): Operation {
    const running = this.#options.operations.running;
    if (running === undefined) throw new VscopeError("STATE_CONFLICT", "abort: no operation is running");
    running.cancel("a client asked for it");
    return running;
  }

  #startBatch(
    kind: string,
    settings: BatchSettings,
    steps: (settings: BatchSettings) => Iterable<Step>,
  ): Operation {
    let count = 0;
    for (const _ of steps(settings)) count += 1;
    return this.#start(kind, count, (parts, signal) =>
      recordBatch(parts, { settings, steps: steps(settings), count }, signal),
    );
  }

  #start(kind: string, steps: number, job: RecordingJob): Operation {
    if (this.channels.length === 0)
      throw new VscopeError("STATE_CONFLICT", `${kind}: no channel is configured`);
    const spectrometers = this.#options.optics.rack.spectrometers.value;
    if (spectrometers.length === 0) {
      throw new VscopeError("DEVICE_NOT_CONNECTED", `${kind}: no spectrometer has been found`);
    }
    if (spectrometers.every(({ isAttached }) => !isAttached)) {
      throw new VscopeError("DEVICE_NOT_CONNECTED", `${kind}: no spectrometer is connected`);
    }
    const operation = this.#options.operations.start(kind, steps, async (report, signal) => {
      try {
        await job(this.#parts(operation.id, report), signal);
      } finally {
        this.#status.set(IDLE);
      }
    });
    return operation;
  }

  #parts(operation: string, report: OperationReport): BatchParts {
    const { clock, log, optics, dataDirectory } = this.#options;
    const { autointegration, channels } = this;
    const show = (status: AcquisitionStatus): void => this.#status.set({ ...status, operation });
    return { clock, log, optics, dataDirectory, autointegration, channels, report, show };
  }

  #complete(asked: Partial<BatchSettings>): BatchSettings {
    const run = validRunName(asked.run ?? this.#options.dataDirectory.currentRun.value);
    const settings = { ...DEFAULTS, ...asked, run };
    for (const key of ["sequences", "autointegrate", "delayS", "targetPercent"] as const) {
      requireWithin(key, settings[key], LIMITS[key]);
    }
    return settings;
  }
}
