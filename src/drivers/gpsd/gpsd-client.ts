// A connection to gpsd that is made again whenever it ends or falls silent. It tells every fix, and judges none.

import { orAborted, withDeadline } from "../../base/abort.ts";
import { type Clock, SECOND } from "../../base/clock.ts";
import { messageOf, VscopeError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { GpsdAddress, GpsdNetwork } from "./port.ts";
import { type GpsdFix, parseReport } from "./report.ts";

export interface GpsdClientOptions {
  readonly network: GpsdNetwork;
  readonly address: GpsdAddress;
  readonly clock: Clock;
  readonly log: Log;
  readonly onFix: (fix: GpsdFix) => void;
}

const WATCH = Buffer.from('?WATCH={"enable":true,"json":true};\n');
const CONNECT_US = 10 * SECOND;
// A receiver reports once a second, also without a fix; without a receiver nothing comes, and asking again costs little.
const SILENCE_US = 60 * SECOND;
const AGAIN_AFTER_US = [1, 2, 5, 10, 30].map((seconds) => seconds * SECOND);
// A line with all satellites has 3 KiB.
const LONGEST_LINE_BYTES = 64 << 10;

export class GpsdClient {
  readonly #options: GpsdClientOptions;
  readonly #closing = new AbortController();
  readonly #name: string;
  #attempts = 0;
  #running: Promise<void> = Promise.resolve();

  constructor(options: GpsdClientOptions) {
    this.#options = options;
    this.#name = `gpsd ${options.address.host}:${options.address.port}`;
  }

  start(): void {
    this.#running = this.#run(this.#closing.signal);
  }

  async close(): Promise<void> {
    this.#closing.abort(new VscopeError("OPERATION_CANCELLED", `${this.#name}: closed`));
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#session(signal);
      } catch (error) {
        if (signal.aborted) return;
        const reason = messageOf(error);
        // It may be away for a season; the log has the first refusal of each time.
        if (this.#attempts === 0) log.warn({ reason }, `${this.#name}: no connection, it is tried again`);
        else log.debug({ reason }, `${this.#name}: no connection`);
      }
      const us = AGAIN_AFTER_US[Math.min(this.#attempts, AGAIN_AFTER_US.length - 1)] ?? SECOND;
      this.#attempts += 1;
      await clock.delay(us, signal).catch(() => {});
    }
  }

  /** One connection, to its end. Rejects with the reason of that. */
  async #session(signal: AbortSignal): Promise<never> {
    const { network, address, clock } = this.#options;
    let end = (_reason: VscopeError): void => {};
    const ended = new Promise<never>((_, reject) => (end = reject));
    // The end can come before anybody waits for it.
    ended.catch(() => {});
    let cancelSilence = (): void => {};
    const heard = (): void => {
      cancelSilence();
      cancelSilence = clock.after(SILENCE_US, () => end(this.#failed(`silent for ${SILENCE_US / SECOND} s`)));
    };
    const listener = { received: this.#reader(heard, end), ended: end };
    const late = (): Error => this.#failed(`no answer within ${CONNECT_US / SECOND} s`);
    const stream = await withDeadline({ clock, us: CONNECT_US, late }, signal, (limited) =>
      network.connect(address, listener, limited),
    );
    try {
      heard();
      await orAborted(Promise.race([stream.write(WATCH), ended]), signal);
      return await orAborted(ended, signal);
    } finally {
      cancelSilence();
      stream.destroy();
    }
  }

  #reader(heard: () => void, end: (reason: VscopeError) => void): (bytes: Uint8Array) => void {
    let rest = Buffer.alloc(0);
    return (bytes) => {
      heard();
      rest = Buffer.concat([rest, bytes]);
      for (let cut = rest.indexOf("\n"); cut >= 0; cut = rest.indexOf("\n")) {
        this.#line(rest.subarray(0, cut).toString("utf8"));
        rest = rest.subarray(cut + 1);
      }
      if (rest.length > LONGEST_LINE_BYTES) end(this.#failed("a line without an end; is that gpsd?"));
    };
  }

  #line(text: string): void {
    const { log, onFix } = this.#options;
    const report = parseReport(text);
    if (report?.kind === "version") {
      this.#attempts = 0;
      log.info({ release: report.release }, `${this.#name}: connected`);
    }
    if (report?.kind === "position" && report.fix !== undefined) onFix(report.fix);
  }

  #failed(fact: string): VscopeError {
    return new VscopeError("DEVICE_NOT_CONNECTED", `${this.#name}: ${fact}`);
  }
}
