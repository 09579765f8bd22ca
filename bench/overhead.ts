// The time of a recorded sequence over the ideal: 2 channels x 2 emulated spectrometers, real clock.
// Ideal: for each channel, shutter pulse and settle to open, integration, readout, pulse to close; nothing else. What
// has closed comes to rest while the next shutter moves.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NEVER } from "../src/base/abort.ts";
import { MS, SystemClock } from "../src/base/clock.ts";
import { SILENT } from "../src/base/log.ts";
import { MODELS } from "../src/drivers/oceanoptics/models.ts";
import { Server } from "../src/server.ts";
import { emulatedConfig } from "./emulated-config.ts";

const SEQUENCES = new Map([
  [10, 40],
  [100, 20],
  [1000, 4],
]);

const clock = new SystemClock();
const folder = await mkdtemp(join(tmpdir(), "vscope-bench-"));
const config = emulatedConfig(folder);
const server = await Server.start({ config, clock, log: SILENT, version: "bench" }, NEVER);
console.log("integration   ideal     median    90 %      over the ideal   limit (5 % + 5 ms)");
for (const [integrationTimeMs, sequences] of SEQUENCES) await measure(integrationTimeMs, sequences);
await server.close();
await rm(folder, { recursive: true });

async function measure(integrationTimeMs: number, sequences: number): Promise<void> {
  const { rack, recorder } = server.model;
  for (const instrument of rack.spectrometers.value) {
    for (const channel of recorder.channels) instrument.setIntegrationTimeUs(channel, integrationTimeMs * MS);
  }
  const starts: number[] = [];
  const unsubscribe = recorder.status.subscribe(({ phase, channel }) => {
    if (phase === "light" && channel === recorder.channels[0]) starts.push(clock.nowUs());
  });
  const operation = recorder.record({ run: "bench", sequences });
  await operation.finished;
  unsubscribe();
  const { state, error } = operation.status.value;
  if (state !== "done") throw new Error(`${state}: ${error?.message ?? ""}`);
  const durationsMs = starts
    .slice(1)
    .map((start, index) => (start - (starts[index] ?? 0)) / MS)
    .sort((a, b) => a - b);
  const at = (share: number): number =>
    durationsMs[Math.floor(share * (durationsMs.length - 1))] ?? Number.NaN;
  const ideal = idealMs(integrationTimeMs);
  const over = at(0.5) - ideal;
  const cells = [`${integrationTimeMs} ms`, ideal.toFixed(1), at(0.5).toFixed(1), at(0.9).toFixed(1)];
  const percent = ((100 * over) / ideal).toFixed(1);
  const limit = (0.05 * ideal + 5).toFixed(1);
  console.log(
    `${cells.map((cell) => cell.padEnd(10)).join("")}    ${over.toFixed(1)} ms = ${percent} %`.padEnd(64) +
      `${limit} ms`,
  );
}

function idealMs(integrationTimeMs: number): number {
  const { rack, shutters } = server.model;
  const models = new Set(rack.spectrometers.value.map(({ identity }) => identity.model));
  const readoutMs = Math.max(
    ...MODELS.filter(({ name }) => models.has(name)).map(({ readoutUs }) => readoutUs / MS),
  );
  return shutters.list().reduce((sum, { config: { mechanism, settleMs } }) => {
    const pulseMs = mechanism.kind === "latching" ? mechanism.pulseMs : 0;
    return sum + 2 * pulseMs + settleMs + integrationTimeMs + readoutMs;
  }, 0);
}
