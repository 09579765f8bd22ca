import assert from "node:assert/strict";
import { test } from "node:test";
import { editsBetween, nearestName } from "../../src/config/nearest-name.ts";

test("edits are insertions, deletions, replacements and swaps", () => {
  assert.equal(editsBetween("port", "port"), 0);
  assert.equal(editsBetween("prot", "port"), 1);
  assert.equal(editsBetween("pot", "port"), 1);
  assert.equal(editsBetween("poort", "port"), 1);
  assert.equal(editsBetween("part", "port"), 1);
  assert.equal(editsBetween("kitten", "sitting"), 3);
  assert.equal(editsBetween("", "abc"), 3);
});

test("the nearest known name, or none when nothing is near", () => {
  const known = ["address", "port", "enabled"];
  assert.equal(nearestName("prot", known), "port");
  assert.equal(nearestName("Adress", known), "address");
  assert.equal(nearestName("colour", known), undefined);
  assert.equal(nearestName("b", ["a"]), undefined);
});
