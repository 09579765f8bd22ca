// A season later only the files are left: each tells whether a person, a job, the trigger or a restart began it.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Origin } from "../../src/acquisition/origin.ts";
import { TestInstrument } from "../support/instrument.ts";

const ORIGINS: readonly (readonly [Origin, string])[] = [
  [{ by: "client" }, "client"],
  [{ by: "schedule", id: "3" }, "schedule 3"],
  [{ by: "trigger" }, "trigger"],
  [{ by: "resumption", id: "plot10/4", reason: "power-cut" }, "resumption plot10/4"],
];

test("every spectrum of a recording names what began it", async (context) => {
  const instrument = await TestInstrument.start(context);
  const { recorder } = instrument.model;
  for (const [index, [origin, text]] of ORIGINS.entries()) {
    const { state } = await instrument.finish(recorder.record({ run: "origins" }, origin));
    assert.equal(state, "done");
    for (const kind of ["dark", "light"]) {
      const { spectra } = await instrument.read("origins", `b00000${index}_s000000_${kind}.pico`);
      assert.deepEqual([...new Set(spectra.map((spectrum) => spectrum.origin))], [text]);
    }
  }
});
