// What counts as a refusal when settings come back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { VscopeError } from "../../src/base/errors.ts";
import { type Log, SILENT } from "../../src/base/log.ts";
import { tolerateRefusals } from "../../src/instruments/refusal.ts";

test("refusals of the server and of the device are told and left out; what the line did to a setting is not", async () => {
  const warnings: string[] = [];
  const log: Log = { ...SILENT, warn: (_, message) => void warnings.push(message) };
  const tolerate = tolerateRefusals(log, "SN0001");
  const answered = (errorNumber: number): VscopeError =>
    new VscopeError("DEVICE_PROTOCOL", "refused", { details: { errorNumber } });
  const refusals = [
    new VscopeError("VALUE_OUT_OF_RANGE", "99 is outside 0..15"),
    new VscopeError("RESOURCE_NOT_FOUND", "has no boxcar"),
    answered(2),
    answered(6),
  ];
  for (const refusal of refusals) await tolerate("boxcar", Promise.reject(refusal));
  assert.deepEqual(
    warnings,
    refusals.map(() => "SN0001: boxcar is refused, and not restored"),
  );
  const failures = [
    new VscopeError("DEVICE_TIMEOUT", "no answer"),
    new VscopeError("DEVICE_PROTOCOL", "half an answer"),
    answered(3),
  ];
  for (const failure of failures) await assert.rejects(tolerate("boxcar", Promise.reject(failure)), failure);
  assert.equal(warnings.length, refusals.length);
});
