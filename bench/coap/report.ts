// Medians of several rounds as tables, ratios to this server, and the targets.

import { type Figures, LARGE_GET, type Measure, SATURATED } from "./measures.ts";
import type { ServerName } from "./servers.ts";

/** What was measured: by measure, by server, one entry for each round. */
export type Results = Map<string, Map<ServerName, Figures[]>>;

interface Target {
  readonly measure: string;
  readonly server: ServerName;
  readonly atLeast: number;
}

/** What this server is to reach, in times the other's rate. */
const TARGETS: readonly Target[] = [
  { measure: SATURATED, server: "npm coap", atLeast: 5 },
  { measure: SATURATED, server: "aiocoap", atLeast: 15 },
  { measure: SATURATED, server: "libcoap", atLeast: 0.7 },
  { measure: LARGE_GET, server: "libcoap", atLeast: 0.6 },
];

const WIDTHS = [14, 12, 9, 9, 9, 8, 7, 6, 9, 9];
const HEADS = ["", "CPU us", "p50 ms", "p99 ms", "RSS MB", "server", "load", "lost", "rate x", "CPU x"];

export function printMeasure({ name, unit }: Measure, results: Results): void {
  const byServer = results.get(name) ?? new Map<ServerName, Figures[]>();
  const heads = [unit, ...HEADS.slice(1)].map((head, index) => head.padStart(WIDTHS[index] ?? 0));
  console.log(`\n${name}\n${" ".repeat(11)}${heads.join("")}`);
  const own = byServer.get("this") ?? [];
  for (const [server, rounds] of byServer) console.log(row(server, rounds, own));
}

function row(server: ServerName, rounds: readonly Figures[], own: readonly Figures[]): string {
  const [rate, cpuUs] = [median(rounds, "rate"), median(rounds, "cpuUs")];
  const isOther = server !== "this";
  const cells = [
    figure(rate, rate !== undefined && rate < 1000 ? 2 : 0),
    figure(cpuUs, 1),
    figure(median(rounds, "p50Ms"), 3),
    figure(median(rounds, "p99Ms"), 3),
    figure(median(rounds, "rssMb"), 0),
    figure(median(rounds, "serverShare"), 2),
    figure(median(rounds, "loadShare"), 2),
    figure(median(rounds, "failures"), 0),
    figure(isOther ? quotient(median(own, "rate"), rate) : undefined, 2),
    figure(isOther ? quotient(cpuUs, median(own, "cpuUs")) : undefined, 2),
  ];
  return `  ${server.padEnd(9)}${cells.map((cell, index) => cell.padStart(WIDTHS[index] ?? 0)).join("")}`;
}

// Below this share of a core something else on the machine has set the rate, and only CPU time tells the servers apart.
const SATURATED_SHARE = 0.85;

/** Prints for each target whether it is met; a server that was not measured leaves its targets open. */
export function printTargets(results: Results): void {
  console.log("\ntargets, in times the other's rate (median of the rounds)");
  for (const { measure, server, atLeast } of TARGETS) {
    const own = results.get(measure)?.get("this") ?? [];
    const other = results.get(measure)?.get(server) ?? [];
    const byRate = quotient(median(own, "rate"), median(other, "rate"));
    const byCpu = quotient(median(other, "cpuUs"), median(own, "cpuUs"));
    const shares = [own, other].map((rounds) => median(rounds, "serverShare") ?? 0);
    // With one client they share a core with the load, and each waits for the other.
    const isBusy = measure === SATURATED && Math.min(...shares) < SATURATED_SHARE;
    const decides = isBusy ? byCpu : byRate;
    const verdict = decides === undefined ? "not measured" : decides >= atLeast ? "met" : "NOT met";
    const why = isBusy ? " by CPU time, as the machine was busy with something else" : "";
    console.log(
      `  ${measure}: at least ${atLeast} x ${server}: ` +
        `${figure(byRate, 2)} by rate, ${figure(byCpu, 2)} by CPU time: ${verdict}${why}`,
    );
  }
}

function quotient(top: number | undefined, bottom: number | undefined): number | undefined {
  return top === undefined || bottom === undefined || bottom === 0 ? undefined : top / bottom;
}

function median(rounds: readonly Figures[], key: keyof Figures): number | undefined {
  const values = rounds.flatMap((round) => round[key] ?? []).toSorted((left, right) => left - right);
  const [low, high] = [values[(values.length - 1) >> 1], values[values.length >> 1]];
  return low === undefined || high === undefined ? undefined : (low + high) / 2;
}

function figure(value: number | undefined, decimals: number): string {
  return value === undefined ? "-" : value.toFixed(decimals);
}
