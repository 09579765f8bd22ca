import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { devicesDocument } from "../../../src/drivers/oceanoptics/devices-document.ts";

test("docs/devices.md is what the model table prints", async () => {
  assert.equal(await readFile("docs/devices.md", "utf8"), devicesDocument());
});
