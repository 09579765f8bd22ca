// Listing a run of 10,000 spectra files over CoAP on loopback: the native resource, slice by slice, and piccolo3's. piccolo3
// itself takes 136 ms for 295,000 B in 289 blocks (the figure of its interface reference).
//   node dist/bench/listing.bench.js

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NEVER } from "../src/base/abort.ts";
import { SystemClock } from "../src/base/clock.ts";
import { SILENT } from "../src/base/log.ts";
import { VscopeClient } from "../src/client/vscope-client.ts";
import { DEFAULT_SERVER_CONFIG } from "../src/config/server-config.ts";
import { picoFileOf } from "../src/spectra/pico.ts";
import { picoText } from "../src/spectra/pico-text.ts";
import { Server } from "../src/server.ts";
import { spectraSet } from "../test/spectra/sample.ts";

const FILES = 10_000;
const ROUNDS = 15;
const RUN = "plot10";

const clock = new SystemClock();
const folder = await mkdtemp(join(tmpdir(), "vscope-bench-"));
await mkdir(join(folder, RUN));
const text = picoText(picoFileOf(spectraSet(), { run: RUN, batch: 0, writer: "bench" }));
for (let number = 0; number < FILES; number++)
  await writeFile(join(folder, RUN, `b000000_s${String(number).padStart(6, "0")}_light.pico`), text);

const { coap, datadir, hardware, security } = DEFAULT_SERVER_CONFIG;
const config = {
  ...DEFAULT_SERVER_CONFIG,
  coap: { ...coap, address: ["127.0.0.1"], port: 0, multicast: false },
  security: { ...security, state: join(folder, ".state") },
  datadir: { ...datadir, datadir: folder },
  hardware: { ...hardware, usb: "emulated", gpio: "emulated" },
} as const;
const server = await Server.start({ config, clock, log: SILENT, version: "bench" }, NEVER);
await server.model.dataDirectory.indexed();
const client = await VscopeClient.connect(`coap://127.0.0.1:${server.port}`);
console.log("".padEnd(34), "median ms      max ms       bytes");
await measure("native, 20 slices of 500", async () => JSON.stringify(await client.run(RUN)).length);
await measure("native, a slice of 100", () => bytesOf(`/datadir/runs/${RUN}?limit=100`));
await measure("native, a search of 50", () => bytesOf(`/datadir/search?run=${RUN}`));
await measure("piccolo3's spectra_list", () => bytesOf(`/data_dir/runs/${RUN}/spectra_list`));
await client.close();
await server.close();
await rm(folder, { recursive: true });

async function bytesOf(path: string): Promise<number> {
  return (await client.getBytes(path)).length;
}

async function measure(name: string, ask: () => Promise<number>): Promise<void> {
  const times: number[] = [];
  let bytes = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const start = clock.nowUs();
    bytes = await ask();
    times.push((clock.nowUs() - start) / 1000);
  }
  times.sort((a, b) => a - b);
  const [median = 0, most = 0] = [times[ROUNDS >> 1], times.at(-1)];
  console.log(
    name.padEnd(34),
    ...[median.toFixed(1), most.toFixed(1), bytes].map((one) => String(one).padStart(11)),
  );
}
