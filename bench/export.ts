// An export of many sequences beside exposures of 10 ms: how long it takes, what it costs them, and how much memory the whole
// server takes. Each format in a process of its own.
//   node dist/bench/export.js [sequences [format...]]

import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { NEVER } from "../src/base/abort.ts";
import { MS, SECOND, SystemClock } from "../src/base/clock.ts";
import { SILENT } from "../src/base/log.ts";
import { type ExportFormat, EXPORT_FORMATS } from "../src/export/request.ts";
import { Server } from "../src/server.ts";
import { emulatedConfig } from "./emulated-config.ts";

const [sequences = "10000", ...wanted] = process.argv.slice(2);
const RUN = "exported";
const TEMPLATES = 10;
const clock = new SystemClock();

if (process.env["VSCOPE_BENCH_FOLDER"] === undefined) await all();
else await one(process.env["VSCOPE_BENCH_FOLDER"], wanted[0] ?? "");

async function all(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "vscope-bench-"));
  console.log(
    `${sequences} sequences of 2 spectrometers, 2 channels; s; MB; sequences a minute of 10 ms exposures`,
  );
  await make(folder);
  const formats = wanted.length > 0 ? wanted : ["none", "netcdf", "csv", "zip"];
  for (const format of formats)
    spawnSync(process.execPath, [fileURLToPath(import.meta.url), sequences, format], {
      stdio: "inherit",
      env: { ...process.env, VSCOPE_BENCH_FOLDER: folder },
    });
  await rm(folder, { recursive: true });
}

/** A long run: some recorded sequences, copied under the names and with the times of later ones. */
async function make(folder: string): Promise<void> {
  const server = await start(folder);
  await record(server, RUN, TEMPLATES);
  await server.close();
  const names = (await readdir(join(folder, RUN))).filter((name) => name.endsWith("_light.pico"));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, RUN, name), "utf8")));
  for (let sequence = TEMPLATES; sequence < Number(sequences); sequence++) {
    const name = `b000000_s${String(sequence).padStart(6, "0")}_light.pico`;
    await writeFile(join(folder, RUN, name), texts[sequence % texts.length] ?? "");
  }
}

async function one(folder: string, format: string): Promise<void> {
  const server = await start(folder);
  await server.model.dataDirectory.indexed();
  const made = await exportOf(server, format);
  const startUs = clock.nowUs();
  let recorded = 0;
  let isOver = made === undefined;
  void made?.finished.then(() => (isOver = true));
  let latestUs = 0;
  do {
    const beganUs = clock.nowUs();
    await record(server, "now", 20);
    latestUs = Math.max(latestUs, clock.nowUs() - beganUs);
    recorded += 20;
  } while (!isOver || clock.nowUs() - startUs < 20 * SECOND);
  const seconds = (clock.nowUs() - startUs) / SECOND;
  const status = made?.status.value;
  const megabytes = process.resourceUsage().maxRSS / 1000;
  const found = (await server.model.dataDirectory.shelf.names("now")).filter((name) =>
    name.includes("_light"),
  );
  console.log(
    `${format.padEnd(10)} ${status?.state ?? ""} ${status?.error?.message ?? ""} ${seconds.toFixed(1)} s, ${megabytes.toFixed(0)} MB, ` +
      `${((60 * recorded) / seconds).toFixed(0)} a minute, ${recorded} recorded, ${found.length} on the disk, slowest batch of 20 ${(latestUs / SECOND).toFixed(2)} s`,
  );
  await rm(join(folder, "now"), { recursive: true });
  await server.close();
}

async function exportOf({ model: { exports } }: Server, format: string) {
  const known = EXPORT_FORMATS.find((name) => name === format);
  return known && exports.start({ run: RUN, format: known, level: levelOf(known) });
}

function levelOf(format: ExportFormat) {
  return format === "pico" || format === "zip" ? "counts" : "corrected";
}

async function start(folder: string): Promise<Server> {
  const config = emulatedConfig(folder);
  const server = await Server.start({ config, clock, log: SILENT, version: "bench" }, NEVER);
  const { rack, recorder } = server.model;
  for (const spectrometer of rack.spectrometers.value)
    for (const channel of recorder.channels) spectrometer.setIntegrationTimeUs(channel, 10 * MS);
  return server;
}

async function record(server: Server, run: string, count: number): Promise<void> {
  const operation = server.model.recorder.record({ run, sequences: count, autointegrate: 0 });
  await operation.finished;
  const { state, error } = operation.status.value;
  if (state !== "done") throw new Error(`${state}: ${error?.message ?? ""}`);
}
