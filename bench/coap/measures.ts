// What is measured of each server, and the figures made of it.

import { type LoadResult, runLoad } from "./load.ts";
import { type Running, taskset, usageOf } from "./servers.ts";

export interface Figures {
  /** Requests, MB or notifications per second; undefined where only the delay counts. */
  readonly rate?: number;
  /** CPU time of the server per request, block or notification. */
  readonly cpuUs?: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly rssMb: number;
  /** Shares of a core that the server and the load generator got. Near 1 it is what sets the rate. */
  readonly serverShare?: number;
  readonly loadShare: number;
  readonly failures: number;
}

export interface Measure {
  readonly name: string;
  readonly unit: string;
  readonly run: (server: Running, seconds: number) => Promise<Figures>;
}

export const OBSERVERS = 200;
const RATE_HZ = 10;
const UPLOAD_BYTES = 256 * 1024;
const PAUSE_US = 5000;

// One request at a time: on one core, because waking the other, idle one would be most of what is measured.
const SHARED = 0;
const OTHER = 1;

type Rate = (result: LoadResult) => number;

const answersPerSecond: Rate = ({ answered, seconds }) => answered / seconds;
const megabytesPerSecond: Rate = ({ bytes, seconds }) => bytes / 1e6 / seconds;

interface Closed {
  readonly name: string;
  readonly mode: "get" | "block2" | "block1" | "observe";
  readonly clients: number;
  readonly path: string;
  readonly extra?: number;
}

function closed({ name, ...options }: Closed): Measure {
  const isTransfer = options.mode === "block1" || options.mode === "block2";
  const rate = isTransfer ? megabytesPerSecond : answersPerSecond;
  const run = async ({ port, pid }: Running, seconds: number): Promise<Figures> => {
    const before = usageOf(pid);
    const core = options.clients === 1 ? SHARED : OTHER;
    const spins = core === OTHER && taskset !== undefined && options.mode !== "observe";
    const result = await runLoad({ ...options, port, seconds, core, spins });
    const after = usageOf(pid);
    return {
      ...figures(result, after.rssMb),
      rate: rate(result),
      cpuUs: (after.cpuUs - before.cpuUs) / Math.max(1, result.answered),
      serverShare: (after.cpuUs - before.cpuUs) / 1e6 / result.seconds,
    };
  };
  const unit = isTransfer ? "MB/s" : options.mode === "observe" ? "delivered/s" : "requests/s";
  return { name, unit, run };
}

function figures(result: LoadResult, rssMb: number): Figures {
  return {
    p50Ms: result.p50Us / 1000,
    p99Ms: result.p99Us / 1000,
    rssMb,
    loadShare: result.cpuUs / 1e6 / result.seconds,
    failures: result.failures + result.repeats,
  };
}

function delay(name: string, downloads: number): Measure {
  const run = async ({ port, pid }: Running, seconds: number): Promise<Figures> => {
    const common = { port, seconds, core: OTHER };
    const background =
      downloads === 0 ? undefined : runLoad({ ...common, mode: "block2", clients: downloads, path: "large" });
    const result = await runLoad({ ...common, mode: "get", clients: 1, path: "small", extra: PAUSE_US });
    await background;
    return figures(result, usageOf(pid).rssMb);
  };
  return { name, unit: "", run };
}

export const SATURATED = "GET of a small status, 32 in flight";
export const LARGE_GET = "Block2 GET of 2 MiB, one";

export const MEASURES: readonly Measure[] = [
  closed({ name: "GET of a small status, 1 in flight", mode: "get", clients: 1, path: "small" }),
  closed({ name: SATURATED, mode: "get", clients: 32, path: "small" }),
  closed({ name: LARGE_GET, mode: "block2", clients: 1, path: "large" }),
  closed({ name: "Block2 GET of 2 MiB, 8 at once", mode: "block2", clients: 8, path: "large" }),
  closed({
    name: "Block1 PUT of 256 KiB, one",
    mode: "block1",
    clients: 1,
    path: "put",
    extra: UPLOAD_BYTES,
  }),
  closed({
    name: `${OBSERVERS} observers, ${RATE_HZ} Hz`,
    mode: "observe",
    clients: OBSERVERS,
    path: "watched",
    extra: RATE_HZ,
  }),
  delay("delay of a status GET, nothing else", 0),
  delay("delay of a status GET, during 4 downloads of 2 MiB", 4),
];

export const PLACEMENT =
  taskset === undefined
    ? "no taskset or one core: the system places server and load"
    : "server on core 0; load on core 1, with one client on core 0 too";
