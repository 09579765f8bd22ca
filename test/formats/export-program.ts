// A program for the tests: writes many spectra of 2048 pixels in a worker thread, and prints the largest memory that it took.
// Arguments: format, folder, spectra.

import { isMainThread, Worker, workerData } from "node:worker_threads";
import { folderSink } from "../../src/formats/folder-sink.ts";
import { isFormatName } from "../../src/formats/format.ts";
import { FORMATS } from "../../src/formats/formats.ts";
import { head, rows } from "./product.ts";

const PIXELS = 2048;

async function writeMany([format = "", folder = "", count = ""]: readonly string[]): Promise<void> {
  if (!isFormatName(format)) throw new Error(`${format} is no format`);
  const writer = await FORMATS[format].open(head({}, PIXELS), folderSink(folder));
  const some = rows(64, 1, { run: "plot10", pixels: PIXELS });
  for (let written = 0; written < Number(count); written++) {
    const row = some[written % some.length];
    if (row !== undefined) writer.write({ ...row, id: `plot10/b000003_s${written}_light.pico/0` });
  }
  writer.end();
}

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url), {
    workerData: process.argv.slice(2),
    resourceLimits: { maxOldGenerationSizeMb: 128 },
  });
  worker.on("error", (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  });
  worker.on("exit", () => process.stdout.write(String(process.resourceUsage().maxRSS)));
} else {
  const values: unknown = workerData;
  await writeMany(Array.isArray(values) ? values.map(String) : []);
}
