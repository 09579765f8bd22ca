// The rate of a recording of 10 ms exposures, 2 channels x 2 emulated spectrometers, onto a card whose flushes take 200 ms
// and share as a journal does: those that wait for the same flush wait once. Over the rate onto this computer's disk.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NEVER } from "../src/base/abort.ts";
import { MS, SECOND, SystemClock } from "../src/base/clock.ts";
import { SILENT } from "../src/base/log.ts";
import { DEFAULT_SERVER_CONFIG } from "../src/config/server-config.ts";
import { type Disk, type DiskFile, SYSTEM_DISK } from "../src/datadir/disk.ts";
import { Server } from "../src/server.ts";

const SEQUENCES = 150;
const FLUSH_MS = 200;
const INTEGRATION_MS = 10;

const clock = new SystemClock();

class SlowCard {
  readonly #hastens: boolean;
  readonly #dirty = new Set<string>();
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  flushes = 0;

  /** `hastens`: a medium of its own, where one call flushes everything. */
  constructor({ hastens }: { readonly hastens: boolean }) {
    this.#hastens = hastens;
  }

  readonly disk: Disk = {
    ...SYSTEM_DISK,
    create: async (path) => this.#file(path, await SYSTEM_DISK.create(path)),
    extend: async (path) => this.#file(path, await SYSTEM_DISK.extend(path)),
    rename: async (from, to) => {
      this.#dirty.add("names");
      await SYSTEM_DISK.rename(from, to);
    },
    syncFolder: () => this.#sync("names"),
    hastenSyncs: async () => {
      if (!this.#hastens) return;
      const written = [...this.#dirty];
      await this.#flush();
      for (const path of written) this.#dirty.delete(path);
    },
    // A kind that needs no second flush.
    fileSystemType: async () => 0xef53,
  };

  #file(path: string, file: DiskFile): DiskFile {
    return {
      write: (bytes) => {
        this.#dirty.add(path);
        return file.write(bytes);
      },
      sync: () => this.#sync(path),
      close: () => file.close(),
    };
  }

  async #sync(path: string): Promise<void> {
    if (!this.#dirty.delete(path)) return;
    await this.#flush();
  }

  // What comes while a flush is under way waits for the next one, together.
  #flush(): Promise<void> {
    if (this.#running === undefined) return this.#begin();
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.#begin();
    });
    return this.#next;
  }

  #begin(): Promise<void> {
    this.flushes += 1;
    this.#running = clock.delay(FLUSH_MS * MS, NEVER).then(() => {
      this.#running = undefined;
    });
    return this.#running;
  }
}

interface Measured {
  readonly sequencesPerS: number;
  readonly mostMb: number;
}

const card = new SlowCard({ hastens: true });
const shared = new SlowCard({ hastens: false });
console.log("disk                                sequences/s   of the fast   flushes   memory");
const fast = await measure(SYSTEM_DISK);
show("this computer's", fast, "");
show(`${FLUSH_MS} ms a flush, own medium`, await measure(card.disk), `${card.flushes}`);
show(`${FLUSH_MS} ms a flush, system's medium`, await measure(shared.disk), `${shared.flushes}`);

async function measure(disk: Disk): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), "vscope-bench-"));
  const { coap, datadir, hardware, security } = DEFAULT_SERVER_CONFIG;
  const config = {
    ...DEFAULT_SERVER_CONFIG,
    coap: { ...coap, enabled: false },
    security: { ...security, state: join(folder, ".state") },
    datadir: { ...datadir, datadir: folder },
    hardware: { ...hardware, usb: "emulated", gpio: "emulated" },
  } as const;
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
