// Echo values: for one endpoint, for two minutes, from this process.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SECOND } from "../../../src/base/clock.ts";
import { EchoValues } from "../../../src/coap/udp/echo.ts";

const PEER = "192.0.2.1:40000";

test("a value is valid for its endpoint, for two minutes", () => {
  const echo = new EchoValues();
  const value = echo.make(PEER, 10 * SECOND);
  assert.ok(value.length >= 1 && value.length <= 40);
  assert.ok(echo.isValid(value, PEER, 10 * SECOND));
  assert.ok(echo.isValid(value, PEER, 130 * SECOND));
  assert.ok(!echo.isValid(value, PEER, 131 * SECOND));
  assert.ok(!echo.isValid(value, PEER, 9 * SECOND));
  assert.ok(!echo.isValid(value, "192.0.2.1:40001", 10 * SECOND));
});

test("a changed value, one of another length, and one of another process are not", () => {
  const echo = new EchoValues();
  const value = echo.make(PEER, 0);
  for (let index = 0; index < value.length; index++) {
    const changed = Buffer.from(value);
    changed[index] = (changed[index] ?? 0) ^ 1;
    assert.ok(!echo.isValid(changed, PEER, SECOND));
  }
  assert.ok(!echo.isValid(value.subarray(1), PEER, 0));
  assert.ok(!echo.isValid(Buffer.alloc(0), PEER, 0));
  assert.ok(!new EchoValues().isValid(value, PEER, 0));
});
