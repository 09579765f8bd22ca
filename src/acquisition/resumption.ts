// A batch that was under way when the server ended: known at the next start, and taken up again or closed.

import { Cell, type ReadableCell } from "../base/cell.ts";
import { type Clock, isoUtc, SECOND } from "../base/clock.ts";
import { definedOnly } from "../base/defined-only.ts";
import { messageOf, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { DataDirectory } from "../datadir/data-directory.ts";
import { parseSpectraFileName } from "../datadir/spectra-file-name.ts";
import { bootId } from "../instruments/boot-id.ts";
import type { Rack } from "../instruments/rack.ts";
import { dropNote, forgetInterrupted, interruptedBatch, type UnderWay } from "./journal.ts";
import type { Operation } from "./operation.ts";
import type { Origin } from "./origin.ts";
import type { BatchSettings } from "./settings.ts";

/** What ended the server: somebody stopped it, it crashed, or the computer went down with it. */
export const CAUSES = ["server-stopped", "server-crashed", "computer-restarted"] as const;
/** `waiting`: for spectrometers, to be taken up again. */
export const OUTCOMES = ["waiting", "resumed", "closed"] as const;

export interface Interruption {
  readonly run: string;
  readonly batch: number;
  /** Sequences that have their light, of all. */
  readonly recorded: number;
  readonly sequences: number;
  readonly origin: Origin;
  readonly startedUtc: string;
  readonly cause: (typeof CAUSES)[number];
  readonly outcome: (typeof OUTCOMES)[number];
  /** Why it is closed. */
  readonly reason?: string;
  /** The operation that records the rest. */
  readonly operation?: string;
}

export interface ResumptionOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly dataDirectory: DataDirectory;
  readonly rack: Rack;
  readonly record: (settings: Partial<BatchSettings>, origin: Origin) => Operation;
  /** What becomes of a batch that was interrupted. */
  readonly policy: "close" | "resume";
}

/** Spectrometers need longer to appear than the server to start. */
const ALL_WITHIN_US = 60 * SECOND;
const ANY_WITHIN_US = 600 * SECOND;

export class Resumption {
  readonly #options: ResumptionOptions;
  readonly #interruption = new Cell<Interruption | undefined>(undefined);
  readonly #closing = new AbortController();
  #work: Promise<void> = Promise.resolve();

  constructor(options: ResumptionOptions) {
    this.#options = options;
  }

  /** Of the last end of the server; undefined when no batch was under way. */
  get interruption(): ReadableCell<Interruption | undefined> {
    return this.#interruption;
  }

  /** Looks for a batch that was interrupted. It is taken up when there are spectrometers: not awaited. Never throws. */
  async begin(): Promise<void> {
    const { dataDirectory, log } = this.#options;
    try {
      const underWay = await interruptedBatch(dataDirectory.notes);
      if (underWay === undefined) return;
      this.#interruption.set(await this.#look(underWay));
      this.#work = this.#settle(underWay);
    } catch (error) {
      log.warn({ reason: messageOf(error) }, "a batch may have been interrupted, it is not known which");
      await this.#tidy(dropNote(dataDirectory.notes));
    }
  }

  /** Ends the wait for spectrometers; the batch is known at the next start again. */
  async close(): Promise<void> {
    this.#closing.abort(new VscopeError("OPERATION_CANCELLED", "the server is stopping"));
    await this.#work;
  }

  async #look(underWay: UnderWay): Promise<Interruption> {
    const { settings, batch, origin, startedUtc } = underWay;
    const { run, sequences } = settings;
    const recorded = await recordedSequences(this.#options.dataDirectory, run, batch);
    const cause = await causeOf(underWay);
    return { run, batch, recorded, sequences, origin, startedUtc, cause, outcome: "waiting" };
  }

  async #settle(underWay: UnderWay): Promise<void> {
    const obstacle = this.#obstacle();
    if (obstacle !== undefined) return this.#close(underWay, obstacle);
    try {
      await this.#spectrometers(underWay, this.#closing.signal);
      const operation = this.#resume(underWay);
      await this.#end({ outcome: "resumed", operation: operation.id });
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      await this.#close(underWay, messageOf(error));
    }
  }

  #obstacle(): string | undefined {
    const { value: interruption } = this.#interruption;
    if (interruption === undefined || this.#options.policy === "close")
      return "acquisition.interrupted_batch = close";
    const { recorded, sequences, cause, origin } = interruption;
    if (recorded >= sequences) return "all of its light spectra are recorded";
    // What ends the server each time it is taken up must not do so for ever.
    if (recorded === 0 && cause === "server-crashed" && origin.by === "resumption")
      return "the server crashed again before anything was recorded";
    return undefined;
  }

  // Resolves when those that took part are back, or some of them after a while.
  async #spectrometers({ spectrometers }: UnderWay, signal: AbortSignal): Promise<void> {
    const { clock, rack } = this.#options;
    const startUs = clock.nowUs();
    const wanted = spectrometers.map(({ serial }) => serial);
    for (;;) {
      const ready = rack.spectrometers.value.filter(({ status }) => status.value.state === "idle");
      const waitedUs = clock.nowUs() - startUs;
      if (wanted.every((serial) => ready.some((one) => one.serial === serial))) return;
      if (ready.length > 0 && waitedUs >= ALL_WITHIN_US) return;
      if (waitedUs >= ANY_WITHIN_US) {
        const fact = `no spectrometer was ready within ${ANY_WITHIN_US / SECOND} s`;
        throw new VscopeError("DEVICE_NOT_CONNECTED", fact);
      }
      await clock.delay(SECOND, signal);
    }
  }

  #resume({ settings, spectrometers, batch }: UnderWay): Operation {
    const { value: interruption } = this.#interruption;
    const { recorded = 0, cause } = interruption ?? {};
    for (const note of spectrometers) this.#restore(note);
    const left = { ...settings, sequences: settings.sequences - recorded };
    const id = `${settings.run}/${batch}`;
    return this.#options.record(left, { by: "resumption", id, ...definedOnly({ reason: cause }) });
  }

  #restore({ serial, scans, integrationTimesUs }: UnderWay["spectrometers"][number]): void {
    const { log, rack } = this.#options;
    try {
      const spectrometer = rack.spectrometer(serial);
      spectrometer.setScans(scans);
      for (const [channel, us] of Object.entries(integrationTimesUs))
        spectrometer.setIntegrationTimeUs(channel, us);
    } catch (error) {
      log.warn({ serial, reason: messageOf(error) }, "not set as before the interruption");
    }
  }

  async #end(change: Pick<Interruption, "outcome" | "reason" | "operation">): Promise<void> {
    const { value: former } = this.#interruption;
    if (former === undefined) return;
    const interruption = { ...former, ...change };
    this.#interruption.set(interruption);
    const { clock, dataDirectory, log } = this.#options;
    const { run, ...facts } = interruption;
    log.warn(interruption, "a batch was interrupted");
    const event = { utc: isoUtc(clock.utcUs()), event: "batch-interrupted", ...facts };
    await dataDirectory.notes
      .addEvent(run, event)
      .catch((error: unknown) => log.warn({ run, reason: messageOf(error) }, "the event is not noted"));
  }

  // A batch that is taken up again replaces the note by its own.
  async #close(underWay: UnderWay, reason: string): Promise<void> {
    await this.#end({ outcome: "closed", reason });
    await this.#tidy(forgetInterrupted(this.#options.dataDirectory.notes, underWay));
  }

  async #tidy(tidied: Promise<void>): Promise<void> {
    await tidied.catch((error: unknown) =>
      this.#options.log.warn({ reason: messageOf(error) }, "the note about the interrupted batch stays"),
    );
  }
}

async function causeOf({ stoppedUtc, bootId: before }: UnderWay): Promise<Interruption["cause"]> {
  if (stoppedUtc !== undefined) return "server-stopped";
  return before === (await bootId()) ? "server-crashed" : "computer-restarted";
}

// The files are the truth. The newest of a run come first.
async function recordedSequences(directory: DataDirectory, run: string, batch: number): Promise<number> {
  const { files } = await directory.run(run);
  const lights = files.flatMap(({ file }) => {
    const parts = parseSpectraFileName(file);
    return parts?.batch === batch && parts.kind === "light" ? [parts.sequence] : [];
  });
  return Math.max(-1, ...lights) + 1;
}
