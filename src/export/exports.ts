// The exports of a server. One is made at a time, so that memory and disk are left to recordings; few are kept, and not for long.

import { NEVER } from "../base/abort.ts";
import { Cell, type ReadableCell } from "../base/cell.ts";
import { type Clock, isoUtc, SECOND } from "../base/clock.ts";
import { asVscopeError, messageOf, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { Queue } from "../base/queue.ts";
import type { DataDirectory } from "../datadir/data-directory.ts";
import type { RangeFile } from "../datadir/disk/range-file.ts";
import type { GivenCalibration, SpectrometerChannel } from "./calibration-shelf.ts";
import { runInThread } from "./export-thread.ts";
import type { WhitePanel } from "./panel-shelf.ts";
import type { ExportReport, ExportTask, OnProgress } from "./pipeline.ts";
import { checkRequest, type ExportRequest, type OwnFacts, withOwnIndices } from "./request.ts";
import { ServerExport } from "./server-export.ts";

export interface ExportsParts extends Pick<ExportTask, "configuration" | "software"> {
  readonly clock: Clock;
  readonly log: Log;
  readonly dataDirectory: DataDirectory;
  readonly calibrations: ConfiguredCalibrations;
  readonly own: OwnFacts;
}

/** Those of the instrument configuration, now and when the data were recorded. */
export interface ConfiguredCalibrations {
  /** That have radiometric ones. */
  places(): Promise<readonly SpectrometerChannel[]>;
  /** What became of those of these; takes what the memory of an instrument holds from there. Throws the signal's reason. */
  read(of: readonly SpectrometerChannel[], signal: AbortSignal): Promise<readonly GivenCalibration[]>;
  /** Throws RESOURCE_NOT_FOUND for a name that is not configured, CONFIG_INVALID when its file is wrong. */
  panel(name: string): WhitePanel;
}

const MOST_KEPT = 4;
const KEPT_US = 3600 * SECOND;

export class Exports {
  readonly #parts: ExportsParts;
  readonly #all = new Cell<readonly ServerExport[]>([]);
  readonly #expiries = new Map<string, () => void>();
  readonly #starts = new Queue({ name: "exports" });
  readonly #unsubscribes: readonly (() => void)[];
  #started = 0;
  #isClosed = false;

  private constructor(parts: ExportsParts) {
    this.#parts = parts;
    const { exchanges, exports } = parts.dataDirectory;
    this.#unsubscribes = [
      exchanges.subscribe(() => this.#beginAnew("the medium was changed")),
      exports.evictions.subscribe(() => {
        parts.log.warn({}, "exports are thrown away, recordings need the space");
        this.#beginAnew("recordings need the space");
      }),
    ];
  }

  /** Throws away what an earlier server has left. */
  static async open(parts: ExportsParts): Promise<Exports> {
    const exports = new Exports(parts);
    await exports.#clear();
    return exports;
  }

  /** Newest last. */
  get all(): ReadableCell<readonly ServerExport[]> {
    return this.#all;
  }

  /** Throws RESOURCE_NOT_FOUND. */
  get(id: string): ServerExport {
    const found = this.#all.value.find((one) => one.id === id);
    if (found === undefined)
      throw new VscopeError("RESOURCE_NOT_FOUND", `export ${id}: there is none, they are kept for an hour`);
    return found;
  }

  /**
   * Begins an export. Throws VALUE_INVALID, RESOURCE_NOT_FOUND when there is no such run, no such panel or no calibration for a
   * radiance, CONFIG_INVALID when the panel's file is wrong, STATE_CONFLICT while another one runs or too many are kept, DATADIR_FULL, DATADIR_NOT_MOUNTED.
   */
  start(asked: ExportRequest): Promise<ServerExport> {
    return this.#starts.run(async () => {
      const request = withOwnIndices(asked, this.#parts.own);
      checkRequest(request);
      await this.#requireCalibrations(request);
      this.#requireRoom();
      const { clock, dataDirectory, log } = this.#parts;
      await dataDirectory.exports.requireRun(request.run);
      await dataDirectory.exports.requireSpace(0);
      this.#started += 1;
      const id = String(this.#started);
      const startedUtc = isoUtc(clock.utcUs());
      const made: ServerExport = new ServerExport({ id, request, startedUtc }, (onProgress, signal) =>
        this.#make(made, onProgress, signal),
      );
      this.#all.set([...this.#all.value, made]);
      log.info({ export: id, ...request }, "export begins");
      void made.finished.then(() => this.#ended(made));
      return made;
    }, NEVER);
  }

  /** A file of an export that is done. Throws RESOURCE_NOT_FOUND. */
  open(id: string, file: string): Promise<RangeFile> {
    const { files } = this.get(id).status.value;
    // A name that the export told leads nowhere else.
    const name = files.find((one) => one.name === file)?.name;
    if (name === undefined) throw new VscopeError("RESOURCE_NOT_FOUND", `export ${id}: no such file`);
    return this.#parts.dataDirectory.exports.open(id, name);
  }

  /** Ends it if it runs, and removes its files. Throws RESOURCE_NOT_FOUND, DATADIR_IO. */
  async remove(id: string): Promise<void> {
    const found = this.get(id);
    found.cancel("a client asked for it");
    await found.finished;
    this.#forget(found);
    await this.#parts.dataDirectory.exports.remove(id);
  }

  /** Cancels what runs; leaves nothing on the medium. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const unsubscribe of this.#unsubscribes) unsubscribe();
    await this.#endAll("the server is stopping");
    await this.#clear();
  }

  async #make(made: ServerExport, onProgress: OnProgress, signal: AbortSignal): Promise<ExportReport> {
    const { dataDirectory, clock, own, configuration, software } = this.#parts;
    const { request, id } = made.status.value;
    return dataDirectory.exports.fill({ id, run: request.run }, async ({ run: folder, output }) => {
      const task: ExportTask = {
        request,
        folder,
        output,
        ...(await this.#calibrations(request, onProgress, signal)),
        dataset: own.dataset,
        ...(configuration !== undefined && { configuration }),
        isBundled: true,
        software,
        madeUtc: isoUtc(clock.utcUs()),
      };
      const onStep: OnProgress = (done, of, doing) => {
        onProgress(done, of, doing);
        // Recordings need the reserve more than this needs to end.
        dataDirectory.exports.requireSpace(0).catch((error: unknown) => made.fail(asVscopeError(error)));
      };
      return runInThread(task, onStep, signal);
    });
  }

  async #calibrations(
    { level, serial, panel: name }: ExportRequest,
    onProgress: OnProgress,
    signal: AbortSignal,
  ): Promise<Pick<ExportTask, "calibrations" | "panel">> {
    const { calibrations } = this.#parts;
    if (name !== undefined) return { calibrations: [], panel: calibrations.panel(name) };
    if (level !== "radiance" && level !== "reflectance") return { calibrations: [] };
    const wanted = (await calibrations.places()).filter((one) => one.serial === (serial ?? one.serial));
    // What an instrument holds can have to wait for an exposure.
    onProgress(0, wanted.length, "calibrations read");
    const read = await calibrations.read(wanted, signal);
    onProgress(wanted.length, wanted.length, "calibrations read");
    return { calibrations: read };
  }

  async #requireCalibrations({ level, serial, channel, panel }: ExportRequest): Promise<void> {
    const { calibrations } = this.#parts;
    if (panel !== undefined) calibrations.panel(panel);
    if (level !== "radiance") return;
    const fits = (await calibrations.places()).some(
      (one) => one.serial === (serial ?? one.serial) && one.channel === (channel ?? one.channel),
    );
    const of = [serial, channel].filter((name) => name !== undefined).join(" ");
    const fact = `no radiometric calibration${of === "" ? "" : ` of ${of}`} is configured`;
    if (!fits) throw new VscopeError("RESOURCE_NOT_FOUND", `radiance: ${fact}`);
  }

  #requireRoom(): void {
    if (this.#isClosed) throw new VscopeError("STATE_CONFLICT", "export: the server is stopping");
    const running = this.#all.value.find((one) => one.status.value.state === "running");
    if (running !== undefined)
      throw new VscopeError("STATE_CONFLICT", `export: another one is running, ${running.id}`);
    const oldest = this.#all.value.find((one) => one.status.value.state !== "done");
    if (this.#all.value.length < MOST_KEPT) return;
    if (oldest === undefined)
      throw new VscopeError("STATE_CONFLICT", `export: ${MOST_KEPT} are kept already, delete one`);
    this.#forget(oldest);
  }

  #ended(made: ServerExport): void {
    const { id, state, error } = made.status.value;
    if (state === "failed") this.#parts.log.warn({ export: id, error }, "export failed");
    else this.#parts.log.info({ export: id, state }, "export ended");
    if (this.#isClosed || !this.#all.value.includes(made)) return;
    const { clock } = this.#parts;
    made.willExpire(isoUtc(clock.utcUs() + KEPT_US));
    this.#expiries.set(
      id,
      clock.after(KEPT_US, () => void this.remove(id).catch((problem: unknown) => this.#warn(problem))),
    );
  }

  #forget(one: ServerExport): void {
    this.#expiries.get(one.id)?.();
    this.#expiries.delete(one.id);
    this.#all.set(this.#all.value.filter((other) => other !== one));
  }

  async #endAll(why: string): Promise<void> {
    const all = this.#all.value;
    for (const one of all) {
      one.cancel(why);
      this.#forget(one);
    }
    for (const one of all) await one.finished;
  }

  // The medium has gone, or another one has come; or their files are gone.
  #beginAnew(why: string): void {
    const task = async (): Promise<void> => {
      await this.#endAll(why);
      await this.#clear();
    };
    this.#starts.run(task, NEVER).catch((error: unknown) => this.#warn(error));
  }

  async #clear(): Promise<void> {
    const { dataDirectory } = this.#parts;
    if (!dataDirectory.status.value.mounted) return;
    await dataDirectory.exports.clear().catch((error: unknown) => this.#warn(error));
  }

  #warn(error: unknown): void {
    this.#parts.log.warn({ reason: messageOf(error) }, "exports could not be removed");
  }
}
