// The computer the server runs on: name, load, memory, time.

import { execFile } from "node:child_process";
import { cpus, freemem, hostname, loadavg, totalmem, uptime } from "node:os";
import { promisify } from "node:util";
import { type Clock, isoUtc, SECOND } from "../base/clock.ts";
import { messageOf, VscopeError } from "../base/errors.ts";

const run = promisify(execFile);

export interface HostOptions {
  readonly clock: Clock;
  readonly version: string;
  /** Whether a client may set the clock of this computer. Never with emulated instruments. */
  readonly maySetClock: boolean;
}

interface CpuSample {
  readonly atUs: number;
  readonly busyMs: number;
  readonly totalMs: number;
}

export class Host {
  readonly version: string;
  readonly #clock: Clock;
  readonly #maySetClock: boolean;
  readonly #startedUs: number;
  #sample: CpuSample;
  #cpuPercent = 0;

  constructor({ clock, version, maySetClock }: HostOptions) {
    this.#clock = clock;
    this.version = version;
    this.#maySetClock = maySetClock;
    this.#startedUs = clock.nowUs();
    this.#sample = sampleCpu(this.#startedUs);
  }

  get name(): string {
    return hostname();
  }

  /** UTC as ISO 8601 with microseconds and `+00:00`, the form piccolo3's clients parse. */
  get utc(): string {
    return isoUtc(this.#clock.utcUs()).replace("Z", "+00:00");
  }

  /** Load of all cores together in percent, over the time since the last look (at least one second). */
  get cpuPercent(): number {
    const now = this.#clock.nowUs();
    if (now - this.#sample.atUs >= SECOND) {
      const sample = sampleCpu(now);
      const totalMs = sample.totalMs - this.#sample.totalMs;
      if (totalMs > 0) this.#cpuPercent = (100 * (sample.busyMs - this.#sample.busyMs)) / totalMs;
      this.#sample = sample;
    }
    return Math.round(this.#cpuPercent * 10) / 10;
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

  /** Sets the clock of the computer. Throws STATE_CONFLICT when that is not allowed, DEVICE_PERMISSION when the system refuses. */
  async setUtc(iso: string): Promise<void> {
    if (!this.#maySetClock)
      throw new VscopeError("STATE_CONFLICT", "clock: a server with emulated instruments does not set it");
    try {
      await run("date", ["--utc", "--set", iso]);
    } catch (error) {
      throw new VscopeError("DEVICE_PERMISSION", `clock: the system refused, ${messageOf(error).trim()}`, {
        cause: error,
      });
    }
  }
}

function sampleCpu(atUs: number): CpuSample {
  let busyMs = 0;
  let totalMs = 0;
  for (const { times } of cpus()) {
    const all = times.user + times.nice + times.sys + times.idle + times.irq;
    totalMs += all;
    busyMs += all - times.idle;
  }
  return { atUs, busyMs, totalMs };
}
