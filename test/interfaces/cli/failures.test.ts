// Failures of a recording as people read them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { withFailuresGrouped } from "../../../src/interfaces/cli/failures.ts";

test("equal failures are one row with their number, and those not listed are counted", () => {
  const up = { serial: "FLMS01859", channel: "upwelling", message: "no answer" };
  const down = { ...up, channel: "downwelling" };
  const failures = [up, down, up, down, up, down, up, down];
  assert.deepEqual(withFailuresGrouped({ run: "plot10", failed: 19, failures }), {
    result: {
      run: "plot10",
      failed: 19,
      failures: [
        { times: 4, ...up },
        { times: 4, ...down },
      ],
    },
    more: "and 11 more failures before these\n",
  });
  const few = { failed: 1, failures: [up] };
  assert.equal(withFailuresGrouped(few).more, "");
  const none = { failed: 0, failures: [] };
  assert.equal(withFailuresGrouped(none).result, none);
});
