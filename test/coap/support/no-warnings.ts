// Node warns of what grows where it should not, such as listeners of one signal. In tests that let much happen that is a failure.

import assert from "node:assert/strict";
import { afterEach, before } from "node:test";

/** Fails each test of the file during which Node has warned. */
export function assertNoWarnings(): void {
  const warnings: string[] = [];
  before(() => {
    process.on("warning", ({ name, message }) => warnings.push(`${name}: ${message}`));
  });
  afterEach(async () => {
    // Warnings are told in a turn of their own.
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(warnings.splice(0), []);
  });
}
