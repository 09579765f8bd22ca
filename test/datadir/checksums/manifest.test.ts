import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  isInBadRow,
  isManifest,
  manifestComment,
  manifestName,
  manifestOf,
  manifestText,
  readManifest,
} from "../../../src/datadir/checksums/manifest.ts";
import { temporaryFolder } from "../folder.ts";

const sha256 = (text: string): Uint8Array => createHash("sha256").update(text).digest();

test("sha256sum checks a manifest, with names of every kind and comments", async (t) => {
  const folder = await temporaryFolder(t);
  const names = ["b000003_s000000_dark.pico", "of my own.pico", "back\\slash.pico", "ä*.pico"];
  for (const name of names) await writeFile(join(folder, name), name);
  const lines = names.map((name) => ({ name, sha256: sha256(name) }));
  await writeFile(join(folder, "a.sha256"), manifestComment("added today") + manifestText(lines));
  const check = (): ReturnType<typeof spawnSync> =>
    spawnSync("sha256sum", ["--strict", "-c", "a.sha256"], { cwd: folder, encoding: "utf8" });
  assert.equal(check().status, 0, String(check().stdout));
  await writeFile(join(folder, "of my own.pico"), "changed");
  assert.equal(check().status, 1);
});

test("what is written is read again; a torn line says nothing", () => {
  const lines = ["b000003_s000000_dark.pico", "back\\slash.pico", " *a.pico"].map((name) => ({
    name,
    sha256: sha256(name),
  }));
  const text = manifestText(lines) + manifestComment("added");
  const read = readManifest(text);
  assert.deepEqual(
    read.lines.map(({ name, sha256: sum }) => [name, Buffer.from(sum).toString("hex")]),
    lines.map(({ name, sha256: sum }) => [name, Buffer.from(sum).toString("hex")]),
  );
  assert.equal(read.isTorn, false);
  const last = manifestText(lines.slice(2)).length;
  const whole = manifestText(lines);
  for (let lost = 1; lost < last; lost++) {
    const torn = readManifest(whole.slice(0, -lost));
    assert.deepEqual([torn.lines.length, torn.isTorn], [2, true]);
  }
  assert.deepEqual(readManifest(whole.slice(0, -last)).isTorn, false);
  assert.deepEqual(readManifest(`${whole}\0\0\0`).isTorn, true);
  assert.deepEqual(readManifest(""), { lines: [], badRows: [], holes: [], isTorn: false });
});

test("lines with \\r\\n and in capital letters are lines; any other row is kept, and a file that it names is known", () => {
  const names = ["a.pico", "back\\slash.pico"];
  const text = manifestText(names.map((name) => ({ name, sha256: sha256(name) })));
  const foreign = text.replace(/[0-9a-f]{64}/g, (hex) => hex.toUpperCase()).replaceAll("\n", "\r\n");
  assert.deepEqual(readManifest(`# by hand\r\n\r\n${foreign}`), readManifest(text));
  const altered = readManifest(text.replaceAll("  ", " -"));
  assert.deepEqual([altered.lines, altered.badRows.length, altered.isTorn], [[], 2, false]);
  assert.deepEqual(
    [...names, "b.pico"].map((name) => isInBadRow(altered, name)),
    [true, true, false],
  );
});

test("each file belongs to one manifest", () => {
  assert.equal(manifestName(3), "b000003.sha256");
  assert.equal(manifestOf("b000003_s000012_light.pico"), "b000003.sha256");
  assert.equal(manifestOf("by-hand.pico"), "other.sha256");
  assert.ok(isManifest("b000003.sha256") && isManifest("other.sha256"));
  assert.ok(!isManifest("b3.sha256") && !isManifest("b000003.sha256.part"));
});
