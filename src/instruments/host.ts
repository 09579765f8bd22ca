// The computer the server runs on: name, load, memory, time.

import { freemem, hostname, loadavg, totalmem, uptime } from "node:os";
import { withDeadline } from "../base/abort.ts";
import { type Clock, isoUtc, MS, SECOND } from "../base/clock.ts";
import { VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Programs } from "../drivers/clock/port.ts";
import { PROGRAMS } from "../drivers/clock/programs.ts";
import { setClock } from "../drivers/clock/set-clock.ts";
import { isClockSynchronised } from "./clock-sync.ts";
import { CpuLoad } from "./cpu-load.ts";

const SET_WITHIN_US = 10 * SECOND;

export interface HostOptions {
  readonly clock: Clock;
  readonly version: string;
  /** Whether a client may set the clock of this computer. Never with emulated instruments. */
  readonly maySetClock: boolean;
  readonly log: Log;
  /** Whether somebody else keeps the clock; asks the kernel when absent. */
  readonly isSynchronised?: () => Promise<boolean>;
  /** Those that set the clock; the computer's own when absent. */
  readonly programs?: Programs;
}

export class Host {
  readonly version: string;
  readonly #clock: Clock;
  readonly #options: HostOptions;
  readonly #startedUs: number;
  readonly #cpu: CpuLoad;

  constructor(options: HostOptions) {
    const { clock, version } = options;
    this.#options = options;
    this.#clock = clock;
    this.version = version;
    this.#startedUs = clock.nowUs();
    this.#cpu = new CpuLoad(this.#startedUs);
  }

  get name(): string {
    return hostname();
  }

  get utcUs(): number {
    return this.#clock.utcUs();
  }

  /** UTC as ISO 8601 with microseconds and `+00:00`, the form piccolo3's clients parse. */
  get utc(): string {
    return isoUtc(this.#clock.utcUs()).replace("Z", "+00:00");
  }

  /** Load of all cores together in percent, over the last two seconds, or since the last look when that is longer ago. */
  get cpuPercent(): number {
    return this.#cpu.percent(this.#clock.nowUs());
  }

  get memory(): { totalBytes: number; freeBytes: number; usedPercent: number; serverBytes: number } {
    const [totalBytes, freeBytes] = [totalmem(), freemem()];
    const usedPercent = Math.round((1000 * (totalBytes - freeBytes)) / totalBytes) / 10;
    return { totalBytes, freeBytes, usedPercent, serverBytes: process.memoryUsage.rss() };
  }

  get uptime(): { serverS: number; hostS: number; load: number[] } {
    const serverS = Math.floor((this.#clock.nowUs() - this.#startedUs) / SECOND);
    return { serverS, hostS: Math.floor(uptime()), load: loadavg() };
  }

  /**
   * Sets the clock of the computer; one that is synchronised only by `force`. Throws STATE_CONFLICT when that is not
   * allowed, DEVICE_PERMISSION when the system refuses, DEVICE_TIMEOUT when it does not answer.
   */
  async setUtc(iso: string, signal: AbortSignal, force = false): Promise<void> {
    const { maySetClock, isSynchronised = isClockSynchronised, log, programs = PROGRAMS } = this.#options;
    if (!maySetClock)
      throw new VscopeError("STATE_CONFLICT", "clock: a server with emulated instruments does not set it");
    const wasSynchronised = await isSynchronised();
    if (wasSynchronised && !force) {
      const hint = "PUT /sysinfo/clock/forced sets it all the same";
      throw new VscopeError("STATE_CONFLICT", `clock: it is synchronised, ${hint}`);
    }
    const late = (): Error =>
      new VscopeError("DEVICE_TIMEOUT", `clock: not set after ${SET_WITHIN_US / SECOND} s`);
    const fromUs = this.#clock.utcUs();
    await withDeadline({ clock: this.#clock, us: SET_WITHIN_US, late }, signal, (limited) =>
      setClock(programs, iso, limited),
    );
    const jumpS = (Date.parse(iso) * MS - fromUs) / SECOND;
    log.warn(
      { fromUtc: isoUtc(fromUs), toUtc: iso, jumpS, wasSynchronised },
      "the clock was set by a client",
    );
  }
}
