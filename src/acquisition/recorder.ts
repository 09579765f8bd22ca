// The one place where recordings begin: checks what was asked, runs one operation at a time, shows its status.

import { Cell, type ReadableCell } from "../base/cell.ts";
import { type Clock, isoUtc } from "../base/clock.ts";
import { definedOnly } from "../base/defined-only.ts";
import { messageOf, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { DataDirectory } from "../datadir/data-directory.ts";
import { validRunName } from "../datadir/run-name.ts";
import type { QualityLimits } from "../spectra/quality.ts";
import { Autointegration, type SearchLimits } from "./autointegration.ts";
import { recordBatch, searchAll } from "./batch.ts";
import type { BatchParts, BatchPlan, BatchResult, TakeUp } from "./batch-parts.ts";
import type { Calibrations } from "./calibrations.ts";
import type { Optics } from "./exposure.ts";
import { Journal } from "./journal.ts";
import type { Operation, OperationReport } from "./operation.ts";
import type { Operations } from "./operations.ts";
import { BY_CLIENT, type Origin } from "./origin.ts";
import { Pause } from "./pause.ts";
import { type BatchSettings, batchSteps, DEFAULTS, requireWithinLimits, type Step } from "./settings.ts";
import { type AcquisitionStatus, IDLE } from "./status.ts";
import { StoredDarks } from "./stored-darks.ts";
import { chosenChannels, type Turn, turnsOf } from "./turns.ts";
import { panelTurns, type WhiteRequest } from "./white-reference.ts";
import type { WhiteReferences } from "./white-references.ts";

export interface RecorderOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly optics: Optics;
  readonly dataDirectory: DataDirectory;
  readonly operations: Operations;
  readonly searchLimits: SearchLimits;
  readonly qualityLimits: QualityLimits;
  /** How long a recording is paused at most; 0 for no limit. */
  readonly pauseLimitUs: number;
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
  readonly takeUp?: TakeUp;
  /** In the place of those that the settings ask for. */
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
  readonly #darks: StoredDarks;
  #running: Running | undefined;
  readonly autointegration: Autointegration;
  /** Of the batches that are under way. */
  readonly journal: Journal;

  constructor(options: RecorderOptions) {
    this.#options = options;
    const { clock, log, dataDirectory, optics } = options;
    this.journal = new Journal({ clock, log, dataDirectory, rack: optics.rack });
    this.autointegration = new Autointegration(options.optics, options.searchLimits, options.log);
    this.#darks = new StoredDarks(options.qualityLimits);
    // Another medium may have a run of the same name.
    options.dataDirectory.exchanges.subscribe(() => this.#darks.clear());
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

  /** Goes on with a batch that was interrupted, or makes up for its closing dark. Throws as `record`. */
  takeUp(takeUp: TakeUp, settings: BatchSettings, origin: Origin): Operation {
    if (settings.sequences > 0)
      return this.#startBatch(
        { kind: "record", origin, steps: batchSteps, isResumable: true, takeUp },
        settings,
      );
    return this.#startBatch({ kind: "dark", origin, steps: oneDark, isResumable: false, takeUp }, settings);
  }

  /** Starts a batch of its own that holds one dark of every channel. */
  dark(asked: Pick<Partial<BatchSettings>, "run">, origin: Origin = BY_CLIENT): Operation {
    const batch = { kind: "dark", origin, steps: oneDark, isResumable: false };
    return this.#startBatch(batch, this.#complete(asked));
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

  /** Cancels what is running. Throws STATE_CONFLICT when nothing is, or nothing that may be left half-way. */
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

  /** Goes on with a recording that is held, whoever did that; `why` when no client asks. Throws STATE_CONFLICT when none is. */
  resume(why?: string): Operation {
    const { operation, pause } = this.#require("resume");
    if (pause.resume(why)) return operation;
    throw new VscopeError("STATE_CONFLICT", `resume: operation ${operation.id} is not paused`);
  }

  #require(what: string): Running {
    if (this.#running !== undefined) return this.#running;
    throw new VscopeError("STATE_CONFLICT", `${what}: no operation is running`);
  }

  #startBatch(batch: Batch, settings: BatchSettings): Operation {
    const { kind, origin, steps, isResumable, takeUp, conclude } = batch;
    const turns = batch.turns ?? turnsOf(settings.order, chosenChannels(settings.channels, this.channels));
    const channels = this.channels.filter((one) => turns.some(({ channel }) => channel === one));
    const allSteps = (): Iterable<Step> => steps(settings);
    let count = 0;
    for (const _ of allSteps()) count += 1;
    const own = { settings, turns, steps: allSteps, count, origin, isResumable };
    const plan = { ...own, ...definedOnly({ takeUp, conclude }) };
    const start = { kind, steps: count, origin, ...definedOnly({ takeUp }) };
    const job: RecordingJob = (parts, signal) => recordBatch({ ...parts, channels }, plan, signal);
    return this.#start(start, job);
  }

  #start(
    { kind, steps, origin, takeUp }: Omit<Batch, "steps" | "isResumable"> & { readonly steps: number },
    job: RecordingJob,
  ): Operation {
    if (this.channels.length === 0)
      throw new VscopeError("STATE_CONFLICT", `${kind}: no channel is configured`);
    // What is taken up again waits for its spectrometers.
    if (takeUp === undefined) this.#requireSpectrometer(kind);
    const pause = new Pause(this.#options.clock, this.#options.pauseLimitUs);
    if (takeUp?.isPaused === true) pause.ask();
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

  #requireSpectrometer(kind: string): void {
    const spectrometers = this.#options.optics.rack.spectrometers.value;
    if (spectrometers.length === 0) {
      throw new VscopeError("DEVICE_NOT_CONNECTED", `${kind}: no spectrometer has been found`);
    }
    if (spectrometers.every(({ isAttached }) => !isAttached)) {
      throw new VscopeError("DEVICE_NOT_CONNECTED", `${kind}: no spectrometer is connected`);
    }
  }

  #parts({ operation, pause }: Running, report: OperationReport): BatchParts {
    const { clock, log, optics, dataDirectory, qualityLimits } = this.#options;
    const { autointegration, channels, journal } = this;
    // Until its first step: nobody may take it for idle when a pause before that ends.
    let shown: AcquisitionStatus = { phase: "waiting", operation: operation.id };
    const show = (status: AcquisitionStatus): void => {
      shown = { ...status, operation: operation.id };
      this.#status.set(withPause(shown, pause));
    };
    // Lives as long as the operation.
    pause.state.subscribe((state) => {
      report.paused(state === "paused");
      this.#status.set(withPause(shown, pause));
      log.info({ operation: operation.id, state }, "pause");
      if (state === "running" && pause.endedFor !== undefined) this.#noteEnd(shown, pause.endedFor);
    });
    const given = { clock, log, optics, dataDirectory, qualityLimits, journal, darks: this.#darks };
    return { ...given, autointegration, channels, report, pause, show };
  }

  // Whoever paused it and comes back finds out why it went on.
  #noteEnd({ operation, run, batch }: AcquisitionStatus, reason: string): void {
    const { clock, dataDirectory, log } = this.#options;
    log.warn({ operation, run, batch, reason }, "a paused recording goes on");
    if (run === undefined) return;
    const event = { utc: isoUtc(clock.utcUs()), event: "pause-ended", ...definedOnly({ batch }), reason };
    dataDirectory.notes
      .addEvent(run, event)
      .catch((error: unknown) => log.warn({ run, reason: messageOf(error) }, "the event is not noted"));
  }

  #complete(asked: Partial<BatchSettings>): BatchSettings {
    const { value: current } = this.#options.dataDirectory.currentRun;
    // The current run goes on whatever its name is: an older system can have made it.
    const run = asked.run === undefined || asked.run === current ? current : validRunName(asked.run);
    const settings = { ...DEFAULTS, ...asked, run };
    requireWithinLimits(settings);
    return settings;
  }
}

function oneDark(): Iterable<Step> {
  return [{ do: "dark", sequence: 0 }];
}

function withPause(status: AcquisitionStatus, { state, endsUtcUs }: Pause): AcquisitionStatus {
  if (state.value === "running") return status;
  if (state.value === "asked") return { ...status, pausing: true };
  const { channel: _, ...rest } = status;
  const ends = endsUtcUs === undefined ? {} : { pauseEndsUtc: isoUtc(endsUtcUs) };
  return { ...rest, phase: "paused", ...ends };
}
