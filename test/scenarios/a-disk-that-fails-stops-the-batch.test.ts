import assert from "node:assert/strict";
import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { z } from "zod";
import { parsePico } from "../../src/spectra/pico-reader.ts";
import { TestInstrument } from "../support/instrument.ts";

const resultShape = z.object({
  files: z.number(),
  spectra: z.number(),
  flags: z.record(z.string(), z.number()),
});

test("a run folder that can no longer be written to ends the batch with its error; shutters are closed", async (context) => {
  const instrument = await TestInstrument.start(context);
  const { clock, model, folder } = instrument;
  const operation = model.recorder.record({ run: "broken", sequences: 50, delayS: 1 });
  await clock.run(until(model.recorder.status, ({ sequence }) => sequence === 3, NEVER));
  const before = await instrument.files("broken");
  await rename(join(folder, "broken"), join(folder, "taken away"));
  await writeFile(join(folder, "broken"), "a file where a folder was");
  const status = await instrument.finish(operation);
  assert.equal(status.state, "failed");
  assert.match(status.error?.message ?? "", /broken/);
  assert.ok(before.length >= 1);
  const { progress } = status;
  assert.ok(progress.done < progress.of - 40, `the batch went on: ${progress.done} of ${progress.of}`);
  for (const { state } of model.shutters.list()) assert.equal(state.value, "closed");
  // What was on its way when the folder went is not counted as recorded.
  const away = join(folder, "taken away");
  const names = (await readdir(away)).filter((name) => name.endsWith(".pico"));
  const onDisk = await Promise.all(names.map((name) => readFile(join(away, name), "utf8")));
  const spectra = onDisk.map((text) => parsePico(text, "x").spectra.length).reduce((sum, n) => sum + n, 0);
  const result = resultShape.parse(status.result);
  assert.deepEqual([result.files, result.spectra], [names.length, spectra]);
  assert.equal(result.flags["simulated"], spectra);
  await rm(join(folder, "broken"));
  assert.equal((await instrument.record({ run: "next" })).state, "done");
});
