// A whole server with a data directory, far away: 500 ms round trip and a link that may lose datagrams, on a virtual clock.

import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { deflateSync } from "node:zlib";
import type { VirtualClock } from "../../src/base/virtual-clock.ts";
import { definedOnly } from "../../src/base/defined-only.ts";
import { SILENT } from "../../src/base/log.ts";
import { VscopeClient } from "../../src/client/vscope-client.ts";
import { CoapClient } from "../../src/coap/client/client.ts";
import { type CoapHandler, CoapServer } from "../../src/coap/server.ts";
import { type ManifestLine, manifestName, manifestText } from "../../src/datadir/checksums/manifest.ts";
import type { Disk } from "../../src/datadir/disk/disk.ts";
import { spectraFileName } from "../../src/datadir/spectra-file-name.ts";
import { coapHandler } from "../../src/interfaces/coap/handler.ts";
import { Router } from "../../src/resources/router.ts";
import { TREE } from "../../src/resources/tree.ts";
import { FAR } from "../coap/support/far-bench.ts";
import { seededRandom, VirtualNetwork, type Weather } from "../coap/support/virtual-network.ts";
import { temporaryFolder } from "../datadir/folder.ts";
import { TestInstrument } from "../support/instrument.ts";

const SERVER = { address: "192.0.2.1", port: 5683 };
const STEP_US = 50_000;

export interface FarBoxOptions {
  readonly weather?: Weather;
  readonly seed?: number;
  /** Its data directory; an empty one when absent. */
  readonly folder?: string;
  readonly disk?: Disk;
  /** Answers instead of the server's tree. */
  readonly handler?: CoapHandler;
}

export class FarBox {
  readonly clock: VirtualClock;
  readonly network: VirtualNetwork;
  /** Its data directory. */
  readonly folder: string;
  /** Requests that its handler is at work on: it deflates in another thread, for which no virtual clock waits. */
  #busy = 0;
  #port = 40_000;

  private constructor(clock: VirtualClock, network: VirtualNetwork, folder: string) {
    this.clock = clock;
    this.network = network;
    this.folder = folder;
  }

  static async start(
    t: TestContext,
    { weather = FAR, seed = 1, folder, disk, handler }: FarBoxOptions = {},
  ): Promise<FarBox> {
    const path = folder ?? (await temporaryFolder(t));
    // Before what the instrument registers: then no timer may be left.
    let close = async (): Promise<void> => {};
    t.after(() => close());
    const { clock, model } = await TestInstrument.start(t, { folder: path, ...definedOnly({ disk }) });
    const network = new VirtualNetwork(clock, { weather, seed });
    const box = new FarBox(clock, network, path);
    const handle = handler ?? coapHandler(new Router(model, TREE), { clock, log: SILENT, check: () => {} });
    const server = await CoapServer.listen({
      ...SERVER,
      clock,
      amplification: "none",
      socket: network.socket(SERVER.address, SERVER.port),
      handler: async (request) => {
        box.#busy += 1;
        try {
          return await handle(request);
        } finally {
          box.#busy -= 1;
        }
      },
    });
    close = () => clock.run(server.close());
    return box;
  }

  /** Runs a task with a client of its own. */
  async visit<T>(task: (client: VscopeClient) => Promise<T>): Promise<T> {
    const { clock, network } = this;
    const socket = network.socket("192.0.2.9", this.#port++);
    const coap = await CoapClient.open({ host: SERVER.address, clock, socket });
    const client = VscopeClient.over(coap, "coap://192.0.2.1", { clock });
    try {
      return await this.run(task(client));
    } finally {
      await client.close();
    }
  }

  async run<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const mark = (): void => void (isSettled = true);
    promise.then(mark, mark);
    while (!isSettled) {
      await this.clock.advance(STEP_US);
      while (this.#busy > 0) await new Promise((resolve) => setImmediate(resolve));
    }
    return promise;
  }

  /** Bytes of all datagrams so far, those that got lost included. */
  get sentBytes(): { readonly down: number; readonly up: number } {
    let [down, up] = [0, 0];
    for (const { to, bytes } of this.network.sent) {
      if (to.startsWith(SERVER.address)) up += bytes.length;
      else down += bytes.length;
    }
    return { down, up };
  }
}

/** Writes batches of one file each, as a job every quarter of an hour leaves them; each deflates to about 21 kB. */
export async function writeDay(folder: string, run: string, batches: readonly number[]): Promise<number> {
  let deflatedBytes = 0;
  for (const batch of batches) {
    const text = spectraLike(batch + 1);
    deflatedBytes += deflateSync(text).length;
    await writeBatch(folder, run, { batch, texts: [text] });
  }
  return deflatedBytes;
}

/** Writes a batch, over what there is of it. */
export async function writeBatch(
  folder: string,
  run: string,
  { batch, texts }: { readonly batch: number; readonly texts: readonly string[] },
): Promise<void> {
  await mkdir(join(folder, run), { recursive: true });
  const lines: ManifestLine[] = [];
  for (const [sequence, text] of texts.entries()) {
    const name = spectraFileName({ batch, sequence, kind: "light" });
    await writeFile(join(folder, run, name), text);
    lines.push({ name, sha256: createHash("sha256").update(text).digest() });
  }
  await writeFile(join(folder, run, manifestName(batch)), manifestText(lines));
}

// Not a spectra file, but of the size of one with four spectra of 2048 pixels.
function spectraLike(seed: number): string {
  const random = seededRandom(seed);
  const counts = Array.from({ length: 4 * 2048 }, (_, pixel) =>
    (20_000 + 10_000 * Math.sin(pixel / 200) + 50 * random()).toFixed(0),
  );
  return JSON.stringify({ Spectra: counts.map(Number) }, undefined, 1);
}

/** Every visible file of every run, with its hash. */
export async function hashesOf(folder: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name.startsWith(".")) continue;
    for (const name of await readdir(join(folder, entry.name))) {
      if (name.startsWith(".")) continue;
      const bytes = await readFile(join(folder, entry.name, name));
      found.set(`${entry.name}/${name}`, createHash("sha256").update(bytes).digest("hex"));
    }
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}
