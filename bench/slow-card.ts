// The rate of a recording of 10 ms exposures, 2 channels x 2 emulated spectrometers, onto a card whose flushes take 200 ms
// and share as a journal does: those that wait for the same flush wait once. Over the rate onto this computer's disk.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NEVER } from "../src/base/abort.ts";
import { MS, SECOND, SystemClock } from "../src/base/clock.ts";
import { SILENT } from "../src/base/log.ts";
import { type Disk, SYSTEM_DISK } from "../src/datadir/disk/disk.ts";
import { Server } from "../src/server.ts";
import { FLUSH_MS, SlowCard } from "../test/support/slow-card.ts";
import { emulatedConfig } from "./emulated-config.ts";

const SEQUENCES = 150;
const INTEGRATION_MS = 10;

const clock = new SystemClock();
interface Measured {
  readonly sequencesPerS: number;
  readonly mostMb: number;
}

const card = new SlowCard(() => clock, { hastens: true });
const shared = new SlowCard(() => clock, { hastens: false });
console.log("disk                                sequences/s   of the fast   flushes   memory");
const fast = await measure(SYSTEM_DISK);
show("this computer's", fast, "");
show(`${FLUSH_MS} ms a flush, own medium`, await measure(card.disk), `${card.flushes}`);
show(`${FLUSH_MS} ms a flush, system's medium`, await measure(shared.disk), `${shared.flushes}`);

async function measure(disk: Disk): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), "vscope-bench-"));
  const config = emulatedConfig(folder);
  const server = await Server.start({ config, clock, log: SILENT, version: "bench", disk }, NEVER);
  const measured = await record(server);
  await server.close();
  await rm(folder, { recursive: true });
  return measured;
}

async function record({ model: { rack, recorder } }: Server): Promise<Measured> {
  for (const instrument of rack.spectrometers.value) {
    for (const channel of recorder.channels) instrument.setIntegrationTimeUs(channel, INTEGRATION_MS * MS);
  }
  const starts: number[] = [];
  let mostBytes = 0;
  const unsubscribe = recorder.status.subscribe(({ phase, channel }) => {
    if (phase !== "light" || channel !== recorder.channels[0]) return;
    starts.push(clock.nowUs());
    mostBytes = Math.max(mostBytes, process.memoryUsage.rss());
  });
  const operation = recorder.record({ run: "bench", sequences: SEQUENCES });
  await operation.finished;
  unsubscribe();
  const { state, error } = operation.status.value;
  if (state !== "done") throw new Error(`${state}: ${error?.message ?? ""}`);
  const tookUs = (starts.at(-1) ?? 0) - (starts[0] ?? 0);
  return { sequencesPerS: ((starts.length - 1) * SECOND) / tookUs, mostMb: mostBytes / 1e6 };
}

function show(name: string, { sequencesPerS, mostMb }: Measured, flushes: string): void {
  const share = `${((100 * sequencesPerS) / fast.sequencesPerS).toFixed(1)} %`;
  const cells = [sequencesPerS.toFixed(1).padStart(11), share.padStart(13), flushes.padStart(9)];
  console.log(`${name.padEnd(35)} ${cells.join(" ")} ${mostMb.toFixed(0).padStart(6)} MB`);
}
