// Token buckets: the rate, bursts, who shares one, and a bounded table.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SECOND } from "../../../src/base/clock.ts";
import { Bucket, RateLimits } from "../../../src/coap/engine/rate-limit.ts";

test("a burst of what one second gives; then one refusal a second, and silence", () => {
  const bucket = new Bucket(10, 0);
  const verdicts = (count: number, nowUs: number): readonly string[] =>
    Array.from({ length: count }, () => bucket.take(nowUs));
  assert.deepEqual(new Set(verdicts(10, 0)), new Set(["allowed"]));
  assert.deepEqual(verdicts(3, 0), ["refused", "silent", "silent"]);
  assert.deepEqual(verdicts(2, SECOND / 10), ["allowed", "silent"]);
  assert.deepEqual(verdicts(12, 1.1 * SECOND), [
    ...Array.from({ length: 10 }, () => "allowed"),
    "refused",
    "silent",
  ]);
});

test("a bucket does not fill above one second's worth", () => {
  const bucket = new Bucket(2, 0);
  const verdicts = [1, 2, 3].map(() => bucket.take(3600 * SECOND));
  assert.deepEqual(verdicts, ["allowed", "allowed", "refused"]);
});

test("the ports of a computer share a bucket; this computer has none, nor has anybody without a limit", () => {
  const limits = new RateLimits(5);
  assert.equal(limits.of("192.0.2.1", 0), limits.of("::ffff:192.0.2.1", 0));
  assert.equal(limits.of("2001:db8::1", 0), limits.of("2001:db8::2", 0));
  assert.notEqual(limits.of("192.0.2.1", 0), limits.of("192.0.2.2", 0));
  assert.equal(limits.of("127.0.0.1", 0), undefined);
  assert.equal(new RateLimits(0).of("192.0.2.1", 0), undefined);
});

test("forged addresses do not fill the memory", () => {
  const limits = new RateLimits(5);
  for (let index = 0; index < 10_000; index++) limits.of(`198.18.${index >> 8}.${index & 255}`, 0);
  assert.equal(limits.size, 4096);
});
