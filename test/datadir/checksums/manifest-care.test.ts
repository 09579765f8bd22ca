// Every spectra file that can be read gets its line in a manifest at the next start.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { appendFile, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { SILENT } from "../../../src/base/log.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { verifyFolder } from "../../../src/datadir/checksums/local-verification.ts";
import { manifestText, readManifest } from "../../../src/datadir/checksums/manifest.ts";
import { spectraSet } from "../../spectra/sample.ts";
import { IGNORE, NEVER, openDirectory, temporaryFolder } from "../folder.ts";

/** A data directory with a run of two batches, closed; the path of the run. */
async function recorded(t: Parameters<typeof temporaryFolder>[0]): Promise<string> {
  const path = await temporaryFolder(t);
  const directory = await openDirectory(t, path);
  for (const sequences of [13, 2]) {
    const batch = await directory.startBatch("run");
    const writes = Array.from({ length: sequences }, (_, sequence) => batch.write(spectraSet({ sequence })));
    await Promise.all(writes);
    await batch.finish();
  }
  await directory.close();
  return join(path, "run");
}

async function started(t: Parameters<typeof temporaryFolder>[0], run: string, log = SILENT): Promise<void> {
  const directory = await openDirectory(t, join(run, ".."), { log });
  await directory.indexed();
  await directory.close();
}

/** The files that sha256sum finds right; throws when it finds one that is not. */
function checked(run: string): number {
  const { status, stdout } = spawnSync("sh", ["-c", "sha256sum --strict -c *.sha256"], {
    cwd: run,
    encoding: "utf8",
  });
  assert.equal(status, 0, stdout);
  return stdout.trim().split("\n").length;
}

test("sha256sum agrees with what was recorded; a start with nothing missing writes nothing", async (t) => {
  const run = await recorded(t);
  assert.equal(checked(run), 15);
  const before = await readFile(join(run, "b000000.sha256"), "utf8");
  await started(t, run);
  assert.equal(await readFile(join(run, "b000000.sha256"), "utf8"), before);
});

test("lines that a crash, an older version or a user left out are added, torn ones made again", async (t) => {
  const run = await recorded(t);
  await rm(join(run, "b000000.sha256"));
  const second = join(run, "b000001.sha256");
  const { length } = await readFile(second);
  await truncate(second, length - 1);
  const content = await readFile(join(run, "b000001_s000000_light.pico"));
  await writeFile(join(run, "by hand.pico"), content);
  await writeFile(join(run, "half copied.pico"), content.subarray(0, 100));
  await started(t, run);
  assert.equal(checked(run), 16);
  assert.match(await readFile(join(run, "b000000.sha256"), "utf8"), /^# added 20\d\d-/);
  const other = readManifest(await readFile(join(run, "other.sha256"), "utf8"));
  assert.deepEqual(
    other.lines.map(({ name }) => name),
    ["by hand.pico"],
  );
  await writeFile(join(run, "half copied.pico"), content);
  await started(t, run);
  assert.equal(checked(run), 17);
});

test("a name of two lines gets no line, and the others theirs", async (t) => {
  const run = await recorded(t);
  const content = await readFile(join(run, "b000001_s000000_light.pico"));
  for (const name of ["by\nhand.pico", "by\rhand.pico", "by hand.pico"])
    await writeFile(join(run, name), content);
  await started(t, run);
  assert.equal(checked(run), 16);
});

test("a line stays when its file is gone or changed: to tell is the business of a check", async (t) => {
  const run = await recorded(t);
  const name = "b000001_s000000_light.pico";
  await writeFile(join(run, name), "changed");
  await rm(join(run, "b000001_s000001_light.pico"));
  const before = await readFile(join(run, "b000001.sha256"), "utf8");
  await started(t, run);
  assert.equal(await readFile(join(run, "b000001.sha256"), "utf8"), before);
  assert.equal(manifestText(readManifest(before).lines), before);
});

test("a start changes nothing of a manifest that was altered, and vouches for no file that it names", async (t) => {
  const run = await recorded(t);
  const manifest = join(run, "b000000.sha256");
  const whole = await readFile(manifest, "utf8");
  const at = whole.indexOf("b000000_s000007") - 60;
  const altered = `# by hand\n${whole.slice(0, at)}x${whole.slice(at + 1)}`;
  const foreign = altered.replaceAll("\n", "\r\n");
  await appendFile(join(run, "b000000_s000007_light.pico"), " ");
  for (const text of [altered, foreign, `${foreign}0123`, `${altered}\0\0\0`]) {
    await writeFile(manifest, text);
    const warnings: string[] = [];
    await started(t, run, { ...SILENT, warn: (_, message) => warnings.push(message) });
    assert.equal(await readFile(manifest, "utf8"), text.slice(0, text.lastIndexOf("\n") + 1));
    assert.match(warnings.join(), /rows that cannot be read/);
  }
});

/** Zeros from the middle of the second line to the middle of the sixth; the end of that one stays. */
async function zeroed(manifest: string): Promise<void> {
  const bytes = await readFile(manifest);
  const length = bytes.indexOf("\n") + 1;
  await writeFile(manifest, bytes.fill(0, length + 10, 5 * length + 20));
}

async function verified(run: string, repairs = false) {
  const options = { clock: new VirtualClock(), repairs };
  const { findings } = await verifyFolder(join(run, ".."), options, { onProgress: IGNORE, signal: NEVER });
  return findings.map(({ kind, isRepaired }) => (isRepaired ? `${kind}, repaired` : kind));
}

test("zeros that a power cut has left in a manifest are made good where the catalogue proves all files", async (t) => {
  const run = await recorded(t);
  const manifest = join(run, "b000000.sha256");
  const whole = (await readFile(manifest, "utf8")).split("\n");
  const repairs: readonly (() => Promise<unknown>)[] = [
    () => started(t, run),
    async () => {
      const lacking = Array.from({ length: 5 }, () => "no-line");
      assert.deepEqual(await verified(run), ["zeros", ...lacking]);
      const mended = ["zeros", ...lacking].map((kind) => `${kind}, repaired`);
      assert.deepEqual(await verified(run, true), mended);
    },
  ];
  for (const repair of repairs) {
    await writeFile(manifest, whole.join("\n"));
    await zeroed(manifest);
    await repair();
    const text = await readFile(manifest, "utf8");
    assert.match(text, /^# zeros in the place of lines, replaced 20/m);
    assert.deepEqual(
      text
        .split("\n")
        .filter((line) => !line.startsWith("#"))
        .sort(),
      whole.toSorted(),
      "each line is the one that was there",
    );
    assert.equal(checked(run), 15);
    assert.deepEqual(await verified(run), []);
  }
});

test("zeros stay where a file was changed: the catalogue, or what is left of its line, knows it otherwise", async (t) => {
  // The line of sequence 5 has lost its beginning, the catalogue is not there any more.
  for (const [sequence, isCatalogued, hidden] of [
    [3, true, "changed"],
    [5, false, "no-line"],
  ] as const) {
    const run = await recorded(t);
    const manifest = join(run, "b000000.sha256");
    await zeroed(manifest);
    const name = `b000000_s00000${sequence}_light.pico`;
    await appendFile(join(run, name), " ");
    if (!isCatalogued) await rm(join(run, "..", "catalogue.sqlite"));
    const warnings: string[] = [];
    await started(t, run, { ...SILENT, warn: (_, message) => warnings.push(message) });
    assert.match(warnings.join("\n"), /zeros in the place of lines.*does not prove/);
    const { lines, holes } = readManifest(await readFile(manifest, "utf8"));
    assert.equal(holes.length, 1);
    assert.equal(lines.length, 12);
    assert.ok(!lines.some((line) => line.name === name));
    for (const repairs of [false, true]) {
      const kinds = await verified(run, repairs);
      assert.deepEqual(new Set(kinds), new Set(["zeros", "no-line", hidden]));
    }
  }
});

test("a changed file whose line is lost gets none: the catalogue knows it otherwise, and verify tells it", async (t) => {
  const run = await recorded(t);
  const manifest = join(run, "b000001.sha256");
  const changed = join(run, "b000001_s000001_light.pico");
  await rm(manifest);
  await writeFile(changed, "\n", { flag: "a" });
  const warned: object[] = [];
  const log = { ...SILENT, warn: (fields: object) => void warned.push(fields) };
  const directory = await openDirectory(t, join(run, ".."), { log });
  await directory.indexed();
  const { lines } = readManifest(await readFile(manifest, "utf8"));
  assert.deepEqual(
    lines.map(({ name }) => name),
    ["b000001_s000000_light.pico"],
  );
  assert.deepEqual(warned, [{ run: "run", file: "b000001_s000001_light.pico" }]);
  await directory.close();
  for (const repairs of [false, true]) {
    const options = { clock: new VirtualClock(), repairs };
    const watch = { onProgress: IGNORE, signal: NEVER };
    const { findings } = await verifyFolder(join(run, ".."), options, watch);
    const kinds = findings.map(({ kind }) => kind);
    assert.deepEqual(kinds, ["no-line", "changed"]);
  }
});

test("a batch goes on behind a line that was torn while it was recorded", async (t) => {
  const path = await temporaryFolder(t);
  const directory = await openDirectory(t, path);
  const batch = await directory.startBatch("run");
  await batch.write(spectraSet({ sequence: 0 }));
  await writeFile(join(path, "run", "b000000.sha256"), "0123", { flag: "a" });
  await batch.write(spectraSet({ sequence: 1 }));
  await batch.finish();
  assert.equal(checked(join(path, "run")), 2);
  assert.ok((await readdir(join(path, "run"))).every((name) => !name.endsWith(".part")));
});
