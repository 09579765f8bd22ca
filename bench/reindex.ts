// How fast a catalogue is filled from the files, and how long the server's loop is held up meanwhile: 2000 files of four
// spectra of 2048 pixels. Prints only.
//   node dist/bench/reindex.js

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { NEVER } from "../src/base/abort.ts";
import { SECOND, SystemClock } from "../src/base/clock.ts";
import { SILENT } from "../src/base/log.ts";
import { DataDirectory } from "../src/datadir/data-directory.ts";
import { spectraFileName } from "../src/datadir/spectra-file-name.ts";
import { picoFileOf } from "../src/spectra/pico.ts";
import { picoText } from "../src/spectra/pico-text.ts";
import { instrument, spectraSet, spectrum, START_UTC_US } from "../test/spectra/sample.ts";

const FILES = 2000;
const PIXELS = 2048;
const IGNORE = (): void => undefined;

const clock = new SystemClock();
const folder = await mkdtemp(join(tmpdir(), "vscope-bench-"));
try {
  const megabytes = (await record()) / 1e6;
  console.log(`${FILES} files of 4 x ${PIXELS} pixels, ${megabytes.toFixed(0)} MB`);
  console.log("                              files/s   MB/s   loop held up p99, most [ms]");
  const { directory, print } = await opened(megabytes);
  await print("reindex, files as catalogued", () => directory.reindex(IGNORE, NEVER));
  await print("reindex --all", () => directory.reindex(IGNORE, NEVER, { isAll: true }));
  await print("verify", async () => {
    directory.verification.start({ repairs: false });
    await directory.verification.ended();
  });
  await directory.close();
  console.log(`memory: ${(process.memoryUsage.rss() / 1e6).toFixed(0)} MB resident`);
} finally {
  await rm(folder, { recursive: true });
}

async function opened(megabytes: number) {
  const print = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const start = clock.nowUs();
    await work();
    const seconds = (clock.nowUs() - start) / SECOND;
    delay.disable();
    const rates = `${(FILES / seconds).toFixed(0).padStart(8)}${(megabytes / seconds).toFixed(1).padStart(8)}`;
    const held = `${milliseconds(delay.percentile(99))}${milliseconds(delay.max)}`;
    console.log(`${what.padEnd(30)}${rates}${held}`);
  };
  let directory: DataDirectory | undefined;
  await print("first filling", async () => {
    directory = await DataDirectory.open({ path: folder, clock, log: SILENT });
    await directory.indexed();
  });
  if (directory === undefined) throw new Error("the data directory does not open");
  return { directory, print };
}

async function record(): Promise<number> {
  await mkdir(join(folder, "run"));
  const facts = instrument({ pixels: PIXELS, opticalPixelRange: [20, PIXELS] });
  let bytes = 0;
  for (let sequence = 0; sequence < FILES; sequence++) {
    const spectra = ["a", "b", "c", "d"].map((channel, turn) =>
      spectrum({
        instrument: facts,
        channel,
        counts: Uint32Array.from(
          { length: PIXELS },
          (_, pixel) => 1500 + ((pixel * 7919 + sequence * turn) % 50_000),
        ),
        exposureStartUtcUs: START_UTC_US + sequence * SECOND,
      }),
    );
    const text = picoText(
      picoFileOf(spectraSet({ sequence, spectra }), { run: "run", batch: 0, writer: "bench" }),
    );
    await writeFile(join(folder, "run", spectraFileName({ batch: 0, sequence, kind: "light" })), text);
    bytes += Buffer.byteLength(text);
  }
  return bytes;
}

function milliseconds(nanoseconds: number): string {
  return (nanoseconds / 1e6).toFixed(1).padStart(9);
}
