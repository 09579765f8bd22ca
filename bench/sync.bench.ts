// A day of data brought home: over UDP and TCP on loopback, beside a plain copy with its SHA-256, which is what the disk and
// the hash alone take; and over UDP at a round trip of 500 ms and 5 % loss, on a virtual clock, beside the least that the
// blocks and round trips of Q-Block (RFC 9177) allow.
//   node dist/bench/sync.bench.js

import { createHash } from "node:crypto";
import { mkdir, mkdtemp, open, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NEVER } from "../src/base/abort.ts";
import { SECOND, SystemClock } from "../src/base/clock.ts";
import { SILENT } from "../src/base/log.ts";
import { VirtualClock } from "../src/base/virtual-clock.ts";
import { VscopeClient } from "../src/client/vscope-client.ts";
import { CoapClient } from "../src/coap/client/client.ts";
import { CoapServer } from "../src/coap/server.ts";
import { coapHandler } from "../src/interfaces/coap/handler.ts";
import { Router } from "../src/resources/router.ts";
import { TREE } from "../src/resources/tree.ts";
import { Server } from "../src/server.ts";
import { sync } from "../src/sync/sync.ts";
import { FAR_AND_LOSSY } from "../test/coap/support/far-bench.ts";
import { VirtualNetwork } from "../test/coap/support/virtual-network.ts";
import { writeDay } from "../test/sync/far-box.ts";
import { emulatedConfig } from "./emulated-config.ts";

const BATCHES = Array.from({ length: 96 }, (_, batch) => batch);
const ROUNDS = 3;
/** Of Q-Block: bytes of a block, and blocks that come at once. */
const BLOCK_BYTES = 1024;
const SET = 10;
const ROUND_TRIP_S = 0.5;
/** Transfers at once, at most. */
const LANES = 4;
const STEP_US = 50_000;

const clock = new SystemClock();
const folder = await mkdtemp(join(tmpdir(), "vscope-bench-"));
const deflatedBytes = await writeDay(folder, "plot", BATCHES);
await nearby();
await farAway();
await rm(folder, { recursive: true });

async function nearby(): Promise<void> {
  const emulated = emulatedConfig(folder);
  const coap = { ...emulated.coap, enabled: true, address: ["127.0.0.1"], port: 0 };
  const server = await Server.start(
    { config: { ...emulated, coap }, clock, log: SILENT, version: "bench" },
    NEVER,
  );
  await server.model.dataDirectory.indexed();
  console.log("a day, loopback".padEnd(30), " files/s       MB/s   of the copy");
  const copy = await fastest(copyWithHashes);
  show("copy, fsync, SHA-256", copy, copy);
  for (const [name, url] of [
    ["UDP", `coap://127.0.0.1:${server.port}`],
    ["TCP", `coap+tcp://127.0.0.1:${server.ports.tcp}`],
  ] as const)
    show(name, await fastest((home) => syncFrom(url, home)), copy);
  await server.close();
}

interface Measured {
  readonly seconds: number;
  readonly bytes: number;
}

async function fastest(task: (home: string) => Promise<number>): Promise<Measured> {
  let best: Measured = { seconds: Number.POSITIVE_INFINITY, bytes: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const home = await mkdtemp(join(tmpdir(), "vscope-bench-home-"));
    const startUs = clock.nowUs();
    const bytes = await task(home);
    const seconds = (clock.nowUs() - startUs) / SECOND;
    if (seconds < best.seconds) best = { seconds, bytes };
    await rm(home, { recursive: true });
  }
  return best;
}

async function copyWithHashes(home: string): Promise<number> {
  let all = 0;
  await mkdir(join(home, "plot"));
  for (const name of await readdir(join(folder, "plot"))) {
    if (!name.endsWith(".pico")) continue;
    const bytes = await readFile(join(folder, "plot", name));
    createHash("sha256").update(bytes).digest();
    const file = await open(join(home, "plot", name), "wx");
    await file.write(bytes);
    await file.sync();
    await file.close();
    all += bytes.length;
  }
  return all;
}

async function syncFrom(url: string, home: string): Promise<number> {
  const client = await VscopeClient.connect(url);
  const { fileBytes, problems } = await sync(client, home, {}, NEVER);
  await client.close();
  if (problems.length > 0) throw new Error(problems[0]);
  return fileBytes;
}

function show(name: string, { seconds, bytes }: Measured, { seconds: least }: Measured): void {
  const cells = [BATCHES.length / seconds, bytes / 1e6 / seconds].map((one) => one.toFixed(1).padStart(10));
  console.log(name.padEnd(28), ...cells, `${(100 * (least / seconds)).toFixed(0)} %`.padStart(13));
}

async function farAway(): Promise<void> {
  const virtual = new VirtualClock();
  const config = emulatedConfig(folder);
  const server = await virtual.run(
    Server.start({ config, clock: virtual, log: SILENT, version: "bench" }, NEVER),
  );
  const network = new VirtualNetwork(virtual, { weather: FAR_AND_LOSSY, seed: 1 });
  const at = { address: "192.0.2.1", port: 5683 };
  const handle = coapHandler(new Router(server.model, TREE), {
    clock: virtual,
    log: SILENT,
    check: () => {},
  });
  // It deflates in another thread, for which no virtual clock waits.
  let busy = 0;
  const coap = await CoapServer.listen({
    ...at,
    clock: virtual,
    amplification: "none",
    socket: network.socket(at.address, at.port),
    handler: async (request) => {
      busy += 1;
      try {
        return await handle(request);
      } finally {
        busy -= 1;
      }
    },
  });
  const socket = network.socket("192.0.2.9", 40_000);
  const client = VscopeClient.over(
    await CoapClient.open({ host: at.address, clock: virtual, socket }),
    "coap://box",
    {
      clock: virtual,
    },
  );
  const home = await mkdtemp(join(tmpdir(), "vscope-bench-home-"));
  const startUs = virtual.nowUs();
  let hasEnded = false;
  const task = sync(client, home, {}, NEVER).finally(() => (hasEnded = true));
  while (!hasEnded) {
    await virtual.advance(STEP_US);
    while (busy > 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const { problems } = await task;
  if (problems.length > 0) throw new Error(problems[0]);
  const seconds = (virtual.nowUs() - startUs) / SECOND;
  const down = network.sent.filter(({ to }) => !to.startsWith(at.address));
  const up = network.sent.length - down.length;
  tellFar(seconds, { down: down.length, up });
  await client.close();
  await virtual.run(coap.close());
  await virtual.run(server.close());
  await rm(home, { recursive: true });
}

// Each file takes its sets of blocks, one after the other, a round trip each; so many files go at once.
function tellFar(seconds: number, { down, up }: { readonly down: number; readonly up: number }): void {
  const ofFile = deflatedBytes / BATCHES.length;
  const sets = Math.ceil(ofFile / BLOCK_BYTES / SET);
  const leastS = (BATCHES.length * sets * ROUND_TRIP_S) / LANES;
  const leastDown = Math.ceil(deflatedBytes / BLOCK_BYTES);
  console.log("\na day, 500 ms and 5 % loss".padEnd(31), "  took      least   ratio");
  const rows: readonly (readonly [string, number, number])[] = [
    ["seconds", seconds, leastS],
    ["datagrams down", down, leastDown],
    ["datagrams up", up, BATCHES.length * sets],
  ];
  for (const [name, took, least] of rows)
    console.log(
      name.padEnd(28),
      took.toFixed(0).padStart(8),
      least.toFixed(0).padStart(10),
      (took / least).toFixed(2).padStart(7),
    );
}
