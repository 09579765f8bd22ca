// The load of the computer's cores, from counters that only grow. A look takes nothing from other lookers.

import { cpus } from "node:os";
import { SECOND } from "../base/clock.ts";

/** Time of all cores together since the start of the computer. */
export interface CpuTimes {
  readonly busyMs: number;
  readonly totalMs: number;
}

interface Sample extends CpuTimes {
  readonly atUs: number;
}

/** The system counts in ticks of 10 ms: the load of a much shorter time would be 0 or 100 %. */
const WINDOW_US = 2 * SECOND;
const STEP_US = SECOND / 2;

export class CpuLoad {
  readonly #read: () => CpuTimes;
  /** Oldest first, a step apart; only the first is older than the window. */
  readonly #samples: Sample[];

  constructor(nowUs: number, read: () => CpuTimes = readCpuTimes) {
    this.#read = read;
    this.#samples = [{ atUs: nowUs, ...read() }];
  }

  /** Percent over the last two seconds, or since the last look when that is longer ago; since the start at first. */
  percent(nowUs: number): number {
    const samples = this.#samples;
    const now = { atUs: nowUs, ...this.#read() };
    while (nowUs - (samples[1]?.atUs ?? nowUs) >= WINDOW_US) samples.shift();
    const [since = now] = samples;
    if (nowUs - (samples.at(-1)?.atUs ?? 0) >= STEP_US) samples.push(now);
    const totalMs = now.totalMs - since.totalMs;
    if (totalMs <= 0) return 0;
    return Math.round((1000 * (now.busyMs - since.busyMs)) / totalMs) / 10;
  }
}

function readCpuTimes(): CpuTimes {
  let busyMs = 0;
  let totalMs = 0;
  for (const { times } of cpus()) {
    const all = times.user + times.nice + times.sys + times.idle + times.irq;
    totalMs += all;
    busyMs += all - times.idle;
  }
  return { busyMs, totalMs };
}
