// The power goes at a random moment of a recording onto a stick, again and again: after each start of the computer every
// spectrum that the catalogue had shown is there and whole, the catalogue agrees with the files, and recording goes on.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { z } from "zod";
import { MS, SystemClock } from "../../../src/base/clock.ts";
import type { VscopeClient } from "../../../src/client/vscope-client.ts";
import { isManifest, readManifest } from "../../../src/datadir/checksums/manifest.ts";
import { isSpectraFile } from "../../../src/datadir/spectra-file-name.ts";
import { Random } from "../../../src/emulator/random.ts";
import { parsePico } from "../../../src/spectra/pico-reader.ts";
import { type GuestServer, until } from "./guest-server.ts";
import { Rig } from "./rig.ts";
import { type FileSystem, makeStick, PREPARE_STICK } from "./stick.ts";
import { cutPower } from "./write-cache.ts";

const LATEST_CUT_MS = 1500;
const PIXELS = 2048;
const PATIENCE_MS = 120_000;
/** As quick as they can, so that several sequences wait for the stick and go onto it together. */
const INTEGRATION_TIME_US = 10_000;
const SPECTROMETERS = [
  { model: "Flame-S", serial: "FLMS01859" },
  { model: "Flame-S", serial: "FLMS01860" },
  { model: "Flame-S", serial: "FLMS01861" },
] as const;
const CHANNEL = "upwelling";
const CONFIG = `[datadir]
mount = True
device = LABEL=VSCOPE
mntpnt = /media/stick
reserve_mb = 4
[hardware]
gpio = none
`;
const listShape = z.object({ total: z.number(), spectra: z.array(z.object({ id: z.string() })) });

const statusShape = z.looseObject({ filesToIndex: z.number() });

const folder = mkdtempSync(join(tmpdir(), "vscope-power-"));
after(() => rmSync(folder, { recursive: true }));

/** Each takes half a minute. */
const CUTS = Number(process.env.VSCOPE_CUTS ?? 4);

/** Defines the test on a stick with this file system. */
export function testPowerCuts(fileSystem: FileSystem): void {
  test(`${CUTS} power cuts while recording onto ${fileSystem}`, async (context) => {
    const seed = Number(process.env.VSCOPE_SEED ?? Date.now() % 1_000_000);
    context.diagnostic(`VSCOPE_SEED=${seed}`);
    const scenario = new PowerCuts(fileSystem, new Random(seed));
    context.after(() => scenario.end());
    for (let cut = 0; cut < CUTS; cut++) context.diagnostic(await scenario.recordAndCut(cut));
    context.diagnostic(await scenario.verifyAll());
  });
}

class PowerCuts {
  readonly #image: string;
  readonly #live: string;
  readonly #log: string;
  readonly #fileSystem: FileSystem;
  readonly #random: Random;
  /** Ids of the spectra that the catalogue had shown before a cut. */
  readonly #acknowledged = new Set<string>();
  /** What the catalogue has shown since the start, each with the bytes that the log of writes had by then. */
  #shown: { readonly id: string; readonly logBytes: number }[] = [];
  #rig: Rig | undefined;

  constructor(fileSystem: FileSystem, random: Random) {
    this.#fileSystem = fileSystem;
    this.#random = random;
    this.#image = join(folder, `${fileSystem}.img`);
    this.#live = join(folder, `${fileSystem}-live.img`);
    this.#log = join(folder, `${fileSystem}.log`);
    makeStick(this.#image, fileSystem);
  }

  /** Starts the computer, looks at what the last cut has left, records, and cuts the power. Returns what happened. */
  async recordAndCut(cut: number): Promise<string> {
    const { rig, server } = await this.#start();
    await this.#verify(rig, server);
    const run = `cut${cut}`;
    for (const { serial } of SPECTROMETERS) {
      await server.client.put(["spectrometers", serial, "integration-time", CHANNEL], INTEGRATION_TIME_US);
    }
    await server.client.record({ run, sequences: 10_000 });
    const watching = new AbortController();
    const watched = this.#watch(server.client, run, watching.signal);
    await until("the first spectrum", async () => (this.#shown.length > 0 ? true : undefined));
    await new SystemClock().delay(this.#random.uniform() * LATEST_CUT_MS * MS, watching.signal);
    watching.abort();
    await watched;
    await this.end();
    return `cut ${cut}: ${await this.#cut()}`;
  }

  // Writes come in short bursts with long pauses: a moment chosen among the writes, not in time, lies between two of
  // them that belong together.
  async #cut(): Promise<string> {
    const [first = assert.fail()] = this.#shown;
    const { size } = statSync(this.#log);
    const bytes = Math.round(first.logBytes + this.#random.uniform() * (size - first.logBytes));
    const chance = (): number => this.#random.uniform();
    const { flushed, cached } = await cutPower(this.#image, { log: this.#log, bytes }, chance);
    const safe = this.#shown.filter(({ logBytes }) => logBytes <= bytes);
    for (const { id } of safe) this.#acknowledged.add(id);
    this.#shown = [];
    return `${safe.length} spectra safe, ${flushed.length} writes flushed, ${cached.length} in the stick's cache`;
  }

  async verifyAll(): Promise<string> {
    const { rig, server } = await this.#start();
    await this.#verify(rig, server);
    await this.end();
    return `${this.#acknowledged.size} spectra acknowledged, 0 lost`;
  }

  async end(): Promise<void> {
    await this.#rig?.end();
    this.#rig = undefined;
  }

  // A row of the catalogue is written when its file is safe.
  async #watch(client: VscopeClient, run: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const ids = await catalogued(client, run, signal).catch(() => []);
      const { size: logBytes } = statSync(this.#log);
      const known = new Set(this.#shown.map(({ id }) => id));
      for (const id of ids) if (!known.has(id)) this.#shown.push({ id, logBytes });
    }
  }

  /** Throws unless everything acknowledged is there and whole, and the catalogue agrees with the files. */
  async #verify({ guest, machine }: Rig, { client }: GuestServer): Promise<void> {
    await guest.run("mkdir /run/rig/found && cp -r /media/stick/vscope_data/cut* /run/rig/found/ || true");
    const found = join(machine.share, "found");
    const inFiles = readdirSync(found).flatMap((run) => spectraIn(found, run));
    const missing = [...this.#acknowledged].filter((id) => !inFiles.includes(id));
    assert.deepEqual(missing, [], "acknowledged and lost");
    const inManifests = new Set(readdirSync(found).flatMap((run) => filesInManifests(found, run)));
    const unlisted = [...this.#acknowledged].filter((id) => !inManifests.has(dirname(id)));
    assert.deepEqual(unlisted, [], "acknowledged and without a line in a manifest");
    await until("the catalogue to be complete", async () => {
      const { filesToIndex } = await client.getAs("/datadir", statusShape);
      return filesToIndex === 0 ? true : undefined;
    });
    const inCatalogue = await catalogued(client, undefined, AbortSignal.timeout(PATIENCE_MS));
    assert.deepEqual(inCatalogue.sort(), inFiles.sort(), "the catalogue differs from the files");
  }

  async #start(): Promise<{ readonly rig: Rig; readonly server: GuestServer }> {
    copyFileSync(this.#image, this.#live);
    writeFileSync(this.#log, "");
    const rig = await Rig.boot(`power-cut-${this.#fileSystem}`, {
      spectrometers: SPECTROMETERS,
      stick: { image: this.#live, log: this.#log },
    });
    this.#rig = rig;
    await rig.insertStick();
    if (this.#acknowledged.size === 0) await rig.guest.run(PREPARE_STICK);
    return { rig, server: await rig.serve({ config: CONFIG }) };
  }
}

/** Ids of the spectra in the files of a run. Throws when one is not whole. */
function spectraIn(folder: string, run: string): string[] {
  const files = readdirSync(join(folder, run)).filter(isSpectraFile);
  return files.flatMap((file) => {
    const { spectra } = parsePico(readFileSync(join(folder, run, file), "utf8"), `${run}/${file}`);
    for (const { counts } of spectra) assert.equal(counts.length, PIXELS, file);
    return spectra.map((_, position) => `${run}/${file}/${position}`);
  });
}

/** `run/file` of each line in the manifests of a run. Throws when a file is missing or has another sum. */
function filesInManifests(folder: string, run: string): string[] {
  const names = readdirSync(join(folder, run)).filter(isManifest);
  return names.flatMap((manifest) => {
    const { lines } = readManifest(readFileSync(join(folder, run, manifest), "utf8"));
    return lines.map(({ name, sha256 }) => {
      const sum = createHash("sha256")
        .update(readFileSync(join(folder, run, name)))
        .digest();
      assert.ok(sum.equals(sha256), `${run}/${name} does not fit its line`);
      return `${run}/${name}`;
    });
  });
}

/** Ids of the spectra in the catalogue, of one run or of all. */
async function catalogued(
  client: VscopeClient,
  run: string | undefined,
  signal: AbortSignal,
): Promise<string[]> {
  const ids: string[] = [];
  for (;;) {
    const query = `limit=500&offset=${ids.length}${run === undefined ? "" : `&run=${run}`}`;
    const { total, spectra } = await client.getAs(`/datadir/spectra?${query}`, listShape, signal);
    ids.push(...spectra.map(({ id }) => id));
    if (spectra.length === 0 || ids.length >= total) return ids;
  }
}
