// Duty cycle of a recorded batch: the time in which spectrometers collect light over the time that passes. 2 channels x 2
// emulated spectrometers on the real clock, every file written to a disk, beside what piccolo3 needed for the same.
//   node dist/bench/duty-cycle.bench.js

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NEVER } from "../src/base/abort.ts";
import { MS, SystemClock } from "../src/base/clock.ts";
import { SILENT } from "../src/base/log.ts";
import type { BatchSettings } from "../src/acquisition/settings.ts";
import { DEFAULT_SERVER_CONFIG } from "../src/config/server-config.ts";
import type { Unit } from "../src/config/fields.ts";
import { Server } from "../src/server.ts";

/** Times of a sequence in ms, and the mean of a batch where it is known; on a quiet computer with 2 cores. */
const PICCOLO3: ReadonlyMap<number, { readonly median: number; readonly mean?: number }> = new Map([
  [0, { median: 206 }],
  [10, { median: 206 }],
  [100, { median: 308, mean: 331 }],
  [250, { median: 612, mean: 646 }],
  [1000, { median: 2008 }],
]);

const SEQUENCES = new Map([
  [0, 40],
  [10, 40],
  [100, 10],
  [250, 6],
  [1000, 4],
]);
const SINGLE_RECORDINGS = 15;

interface Case {
  readonly title: string;
  readonly units: readonly Unit[];
  /** Keys of each shutter in the instrument's configuration. */
  readonly shutter: (pin: number) => string;
  readonly order: BatchSettings["order"];
  /** piccolo3 was measured so, too. */
  readonly hasPeer: boolean;
  /** piccolo3's time for a whole recording of one sequence of 0 ms, dark and light, where it was measured. */
  readonly piccolo3OneMs?: number;
}

/** Ready 3 ms after an exposure of 1 us or more: the nearest to piccolo3's dummies, which take no time at all. */
const FAST = ["SR2A", "SR2B"].map((serial) => ({ model: "SR2", serial }));
/** A free-running and a buffered one, which have to be kept from handing out old light. */
const USUAL = [
  { model: "Flame-S", serial: "FLMS01859" },
  { model: "QE Pro", serial: "QEP00709" },
];
const still = (pin: number): string => `mechanism = level\npin = ${pin}\nsettle_ms = 0\n`;
const pulsed = (pin: number): string => `open_pin = ${pin}\nclose_pin = ${pin + 1}\n`;

const MOVES = "shutters with a pulse of 30 ms that settle in 20 ms";

const HEAD = ["integrating", "median", "mean", "ideal", "overhead", "duty cycle"];
const PEER_HEAD = ["piccolo3", "its mean", "its duty", "ratio"];

const CASES: readonly Case[] = [
  {
    title: "fast spectrometers, shutters that take no time: as piccolo3 was measured",
    units: FAST,
    shutter: still,
    order: "turns",
    hasPeer: true,
    piccolo3OneMs: 415,
  },
  {
    title: "the same, interleaved: three exposures a sequence",
    units: FAST,
    shutter: still,
    order: "interleaved",
    hasPeer: false,
  },
  {
    title: `fast spectrometers, ${MOVES}`,
    units: FAST,
    shutter: pulsed,
    order: "turns",
    hasPeer: false,
    piccolo3OneMs: 550,
  },
  {
    title: "Flame-S and QE Pro, shutters that take no time",
    units: USUAL,
    shutter: still,
    order: "turns",
    hasPeer: true,
  },
  { title: `Flame-S and QE Pro, ${MOVES}`, units: USUAL, shutter: pulsed, order: "turns", hasPeer: false },
];

const clock = new SystemClock();

console.log(`Times in ms. Compared: from one sequence of a batch to the next; a sequence is one exposure of both spectrometers for
each channel, its file is written meanwhile. Ideal: the exposures alone. Duty cycle: ideal over median. piccolo3: its dummies,
with shutters that take no time, on a quiet computer. A busy computer shows in our means first.`);
for (const one of CASES) await measureCase(one);

async function measureCase(one: Case): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "vscope-bench-"));
  const server = await start(one, folder);
  console.log(`\n${one.title}`);
  console.log(`${row(HEAD)}${one.hasPeer ? row(PEER_HEAD) : ""}`);
  for (const [integrationTimeMs, sequences] of SEQUENCES)
    await measure(server, one, { integrationTimeMs, sequences });
  if (one.piccolo3OneMs !== undefined) await measureOne(server, one.piccolo3OneMs);
  await server.close();
  await rm(folder, { recursive: true });
}

async function start({ units, shutter }: Case, folder: string): Promise<Server> {
  const { coap, datadir, hardware, security } = DEFAULT_SERVER_CONFIG;
  const { config: file } = DEFAULT_SERVER_CONFIG;
  const sections = ["downwelling", "upwelling"].map(
    (channel, index) => `[[${channel}]]\ndirection = ${channel}\n${shutter(10 + 2 * index)}`,
  );
  await writeFile(join(folder, file), `[channels]\n${sections.join("")}`);
  const emulator = { ...hardware.emulator, spectrometers: units };
  const config = {
    ...DEFAULT_SERVER_CONFIG,
    coap: { ...coap, enabled: false },
    security: { ...security, state: join(folder, ".state") },
    datadir: { ...datadir, datadir: folder },
    hardware: { ...hardware, usb: "emulated", gpio: "emulated", emulator },
  } as const;
  return Server.start({ config, clock, log: SILENT, version: "bench" }, NEVER);
}

async function measure(
  server: Server,
  { order, hasPeer }: Case,
  { integrationTimeMs, sequences }: { readonly integrationTimeMs: number; readonly sequences: number },
): Promise<void> {
  const { recorder } = server.model;
  const longestUs = setAll(server, integrationTimeMs * MS);
  const starts: number[] = [];
  let shown: number | undefined;
  const unsubscribe = recorder.status.subscribe(({ phase, sequence }) => {
    if (phase !== "light" || sequence === shown) return;
    shown = sequence;
    starts.push(clock.nowUs());
  });
  await record(server, { order, sequences });
  unsubscribe();
  const times = starts.slice(1).map((startUs, index) => (startUs - (starts[index] ?? 0)) / MS);
  const exposures = recorder.channels.length + (order === "interleaved" ? 1 : 0);
  const idealMs = (exposures * longestUs) / MS;
  const sequenceMs = median(times);
  const meanMs = times.reduce((sum, ms) => sum + ms, 0) / times.length;
  const own = [text(sequenceMs), text(meanMs), text(idealMs), text(sequenceMs - idealMs)];
  const peer = hasPeer ? PICCOLO3.get(integrationTimeMs) : undefined;
  const cells = [String(integrationTimeMs), ...own, duty(idealMs, sequenceMs)];
  console.log(
    `${row(cells)}${peer === undefined ? "" : row(peerCells(peer, { integrationTimeMs, sequenceMs }))}`,
  );
}

function peerCells(
  peer: { readonly median: number; readonly mean?: number },
  { integrationTimeMs, sequenceMs }: { readonly integrationTimeMs: number; readonly sequenceMs: number },
): string[] {
  const ratio = (peer.median / sequenceMs).toFixed(2);
  return [text(peer.median), peer.mean?.toFixed(1) ?? "", duty(2 * integrationTimeMs, peer.median), ratio];
}

/** From the request to the last file on the disk. */
async function measureOne(server: Server, piccolo3Ms: number): Promise<void> {
  setAll(server, 0);
  const times: number[] = [];
  for (let recording = 0; recording < SINGLE_RECORDINGS; recording++) {
    const startUs = clock.nowUs();
    await record(server, { order: "turns", sequences: 1 });
    times.push((clock.nowUs() - startUs) / MS);
  }
  const ms = median(times);
  const peer = `piccolo3 ${piccolo3Ms} ms, ratio ${(piccolo3Ms / ms).toFixed(1)}`;
  console.log(
    `one sequence of 0 ms and its dark, from the request to the last file: ${text(ms)} ms, ${peer}`,
  );
}

async function record(server: Server, settings: Pick<BatchSettings, "order" | "sequences">): Promise<void> {
  const operation = server.model.recorder.record({ run: "bench", ...settings });
  await operation.finished;
  const { state, error } = operation.status.value;
  if (state !== "done") throw new Error(`${state}: ${error?.message ?? ""}`);
}

/** The shortest possible where `us` is shorter; returns the longest that was set. */
function setAll({ model: { rack, recorder } }: Server, us: number): number {
  const set = rack.spectrometers.value.map((spectrometer) => {
    const ownUs = Math.max(us, spectrometer.identity.integrationTimeUs.min);
    for (const channel of recorder.channels) spectrometer.setIntegrationTimeUs(channel, ownUs);
    return ownUs;
  });
  return Math.max(...set);
}

function text(ms: number): string {
  return ms.toFixed(1);
}

function duty(idealMs: number, ms: number): string {
  return `${((100 * idealMs) / ms).toFixed(1)} %`;
}

function row(cells: readonly string[]): string {
  return cells.map((cell) => cell.padStart(12)).join("");
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? Number.NaN;
}
