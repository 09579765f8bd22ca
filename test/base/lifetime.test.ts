import assert from "node:assert/strict";
import { test } from "node:test";
import { Lifetime } from "../../src/base/lifetime.ts";

test("things are closed once, in reverse order, though one of them fails", async () => {
  const lifetime = new Lifetime();
  const closed: string[] = [];
  lifetime.defer("data directory", () => void closed.push("data directory"));
  lifetime.defer("shutter", () => {
    closed.push("shutter");
    throw new Error("the line is gone");
  });
  lifetime.defer("server", async () => {
    await Promise.resolve();
    closed.push("server");
  });
  await assert.rejects(lifetime.close(), /shutter did not close/);
  await assert.rejects(lifetime.close(), /shutter did not close/);
  assert.deepEqual(closed, ["server", "shutter", "data directory"]);
});
