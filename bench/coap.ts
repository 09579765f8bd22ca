// This CoAP server beside npm `coap`, aiocoap and libcoap's coap-server, in one run: requests per second, CPU per request,
// large bodies, observers, delays. In each round all servers are up and each measure goes from one to the next, so that a
// noisy minute hits all; medians over the rounds. Prints only.
//   node dist/bench/coap.js [seconds per measure] [rounds] [part of a measure's name]

import { compileLoad } from "./coap/load.ts";
import { MEASURES, PLACEMENT } from "./coap/measures.ts";
import { printMeasure, printTargets, type Results } from "./coap/report.ts";
import { CANDIDATES, type Running, startServer } from "./coap/servers.ts";

const seconds = Number(process.argv[2] ?? 2);
const rounds = Number(process.argv[3] ?? 3);
const wanted = process.argv[4] ?? "";

async function startAll(): Promise<readonly Running[]> {
  const running: Running[] = [];
  for (const candidate of CANDIDATES) {
    const started = await startServer(candidate);
    if (typeof started === "string") console.log(`${candidate.name} is left out: ${started}`);
    else running.push(started);
  }
  return running;
}

async function runRound(results: Results): Promise<void> {
  const running = await startAll();
  try {
    for (const measure of measures) {
      const byServer = results.get(measure.name) ?? new Map();
      results.set(measure.name, byServer);
      for (const server of running) {
        const figures = await measure.run(server, seconds);
        byServer.set(server.name, [...(byServer.get(server.name) ?? []), figures]);
      }
    }
  } finally {
    for (const server of running) await server.stop();
  }
}

const measures = MEASURES.filter(({ name }) => name.includes(wanted));
const reason = compileLoad();
if (reason === undefined) {
  console.log(`${rounds} rounds of ${seconds} s; ${PLACEMENT}`);
  console.log("server, load: shares of a core that they got; rate x, CPU x: how much better this server is");
  const results: Results = new Map();
  for (let round = 0; round < rounds; round++) await runRound(results);
  for (const measure of measures) printMeasure(measure, results);
  printTargets(results);
} else console.log(`bench/coap is left out: ${reason}`);
