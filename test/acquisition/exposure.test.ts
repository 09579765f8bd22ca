// Failures of an exposure as one error.

import assert from "node:assert/strict";
import { test } from "node:test";
import { failuresAsError } from "../../src/acquisition/exposure.ts";

const KEPT = "no spectrometer came back within 600 s, 3 spectra are kept";

test("a batch whose spectrometers are all switched off says so", () => {
  const { code, message } = failuresAsError([], KEPT);
  assert.equal(code, "DEVICE_NOT_CONNECTED");
  assert.equal(message, `${KEPT}; every spectrometer is switched off`);
});

test("the first failure gives the code, each text is told once", () => {
  const failure = { serial: "A", channel: "up", code: "DEVICE_TIMEOUT", message: "A: no answer" };
  const { code, message } = failuresAsError([failure, failure], KEPT);
  assert.equal(code, "DEVICE_TIMEOUT");
  assert.equal(message, `${KEPT}; A: no answer (up)`);
});
