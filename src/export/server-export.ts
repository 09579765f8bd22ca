// One export of a server: its status can be observed, it can be cancelled, its files are kept for an hour.

import { Cell, type ReadableCell } from "../base/cell.ts";
import { asVscopeError, isVscopeError, VscopeError } from "../base/errors.ts";
import type { ExportReport, OnProgress } from "./pipeline.ts";
import type { ExportRequest } from "./request.ts";

export type ExportState = "running" | "done" | "failed" | "cancelled";

export interface ExportStatus extends ExportReport {
  readonly id: string;
  readonly request: ExportRequest;
  readonly state: ExportState;
  /** Of what `doing` says, such as `spectra`. */
  readonly done: number;
  readonly of: number;
  readonly doing: string;
  readonly startedUtc: string;
  readonly error?: { readonly code: string; readonly message: string };
  /** When it is removed. */
  readonly expiresUtc?: string;
}

export type ExportJob = (onProgress: OnProgress, signal: AbortSignal) => Promise<ExportReport>;

const NOTHING: ExportReport = { products: [], files: [], leftOut: [], broken: [] };

export class ServerExport {
  readonly #status: Cell<ExportStatus>;
  readonly #abort = new AbortController();
  /** Resolves when it has ended, however; never rejects. */
  readonly finished: Promise<void>;

  constructor(facts: Pick<ExportStatus, "id" | "request" | "startedUtc">, job: ExportJob) {
    this.#status = new Cell<ExportStatus>({
      ...facts,
      state: "running",
      done: 0,
      of: 0,
      doing: "begins",
      ...NOTHING,
    });
    this.finished = this.#run(job);
  }

  get id(): string {
    return this.#status.value.id;
  }

  get status(): ReadableCell<ExportStatus> {
    return this.#status;
  }

  /** `finished` tells when it has ended, with nothing left. One that has ended stays as it is. */
  cancel(why: string): void {
    this.fail(new VscopeError("OPERATION_CANCELLED", `export ${this.id}: cancelled, ${why}`));
  }

  /** Ends it with this error. */
  fail(error: VscopeError): void {
    this.#abort.abort(error);
  }

  willExpire(expiresUtc: string): void {
    this.#set({ expiresUtc });
  }

  async #run(job: ExportJob): Promise<void> {
    try {
      // The caller gets the export before its job begins.
      await Promise.resolve();
      const { signal } = this.#abort;
      const report = await job((done, of, doing) => this.#set({ done, of, doing }), signal);
      this.#set({ ...report, state: "done" });
    } catch (error) {
      const { code, message } = asVscopeError(error);
      const state = isVscopeError(error, "OPERATION_CANCELLED") ? "cancelled" : "failed";
      this.#set({ state, error: { code, message } });
    }
  }

  #set(change: Partial<ExportStatus>): void {
    this.#status.set({ ...this.#status.value, ...change });
  }
}
