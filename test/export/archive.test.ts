// vscope archive: the zip file has the whole run, whatever is wrong with it is found, and what fails leaves nothing.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { appendFile, copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { ZipFile } from "yazl";
import { isVscopeError } from "../../src/base/errors.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { runTagOf } from "../../src/datadir/checksums/manifest-listing.ts";
import { checkArchive } from "../../src/export/archive-check.ts";
import { zipContent, zipMembers } from "../../src/export/zip-reader.ts";
import { runVscope } from "../../src/interfaces/cli/program.ts";
import { IGNORE, NEVER, openDirectory, temporaryFolder } from "../datadir/folder.ts";
import { FakeTerminal } from "../interfaces/cli/fake-terminal.ts";
import { spectraSet } from "../spectra/sample.ts";

const VSCOPE = fileURLToPath(new URL("../../src/interfaces/cli/vscope.js", import.meta.url));
const RUN = "Wiese öst";
const FILE = "b000000_s000000_light.pico";
const WATCH = { onProgress: IGNORE, signal: NEVER };

/** A data directory with two batches of one run, and the tag of that. */
async function recorded(t: TestContext): Promise<{ path: string; tag: string }> {
  const path = await temporaryFolder(t);
  const directory = await openDirectory(t, path);
  for (let number = 0; number < 2; number++) {
    const batch = await directory.startBatch(RUN);
    for (let sequence = 0; sequence < 2; sequence++) await batch.write(spectraSet({ sequence }));
    await batch.finish();
  }
  await directory.notes.addEvent(RUN, { event: "recorded" });
  const tag = runTagOf(await directory.manifests.batches(RUN));
  await directory.close();
  return { path, tag };
}

async function archive(t: TestContext, path: string, output?: string) {
  const folder = await temporaryFolder(t);
  const file = output ?? join(folder, "new", "run.zip");
  const terminal = new FakeTerminal();
  const args = ["archive", RUN, "--data-dir", path, "-o", file, "--json"];
  const code = await runVscope(args, { terminal, clock: new VirtualClock(), signal: NEVER });
  return { code, file, terminal, left: await readdir(folder) };
}

test("an archive has every file of the run, and the tag that the server tells", async (t) => {
  const { path, tag } = await recorded(t);
  const { code, file, terminal } = await archive(t, path);
  assert.equal(code, 0, terminal.errors);
  const told = JSON.parse(terminal.output);
  assert.deepEqual([told.run, told.tag, told.files, told.spectraFiles], [RUN, tag, 7, 4]);
  assert.equal(told.zipBytes, (await readFile(file)).length);
  const found = new Map<string, Buffer>();
  for (const member of await zipMembers(file)) {
    const parts: Buffer[] = [];
    for await (const part of zipContent(file, member)) parts.push(part);
    found.set(member.name, Buffer.concat(parts));
  }
  const names = (await readdir(join(path, RUN))).filter((name) => !name.startsWith("."));
  assert.deepEqual([...found.keys()].sort(), names.map((name) => `${RUN}/${name}`).sort());
  for (const name of names)
    assert.deepEqual(found.get(`${RUN}/${name}`), await readFile(join(path, RUN, name)));
});

test("whatever byte of an archive is changed is found, or changes nothing of the run", async (t) => {
  const { path, tag } = await recorded(t);
  const { file } = await archive(t, path);
  const bytes = await readFile(file);
  const whole = await checkArchive(file, RUN, WATCH);
  let found = 0;
  for (let at = 0; at < bytes.length; at += 41) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 0x10;
    await writeFile(file, changed);
    try {
      assert.deepEqual(await checkArchive(file, RUN, WATCH), whole, `byte ${at}`);
    } catch (error) {
      assert.ok(isVscopeError(error, "DATADIR_IO", "VALUE_INVALID"), `byte ${at}: ${String(error)}`);
      found += 1;
    }
  }
  assert.equal(whole.tag, tag);
  assert.ok(found > 20, `${found}`);
  for (const length of [0, 21, bytes.length >> 1, bytes.length - 1]) {
    await writeFile(file, bytes.subarray(0, length));
    await assert.rejects(checkArchive(file, RUN, WATCH), /not a whole zip file/);
  }
});

const FAULTS: readonly (readonly [string, RegExp, (folder: string) => Promise<void>])[] = [
  ["a changed file", /another SHA-256/, (folder) => appendFile(join(folder, FILE), " ")],
  ["a file that is gone", /lacks b000000_s000000_light/, (folder) => rm(join(folder, FILE))],
  [
    "a file without a line",
    /no line in a manifest/,
    (folder) => copyFile(join(folder, FILE), join(folder, "b000007_s000000_light.pico")),
  ],
];

for (const [what, message, damage] of FAULTS) {
  test(`a run with ${what} gets no archive`, async (t) => {
    const { path } = await recorded(t);
    await damage(join(path, RUN));
    const { code, terminal, left } = await archive(t, path);
    assert.equal(code, 1);
    assert.match(terminal.errors, message);
    assert.deepEqual(left, []);
  });
}

test("an archive that is there is not replaced, and one of another run is told from this", async (t) => {
  const { path } = await recorded(t);
  const { file } = await archive(t, path);
  const before = await readFile(file);
  const { code, terminal } = await archive(t, path, file);
  assert.notEqual(code, 0);
  assert.match(terminal.errors, /nothing is overwritten/);
  assert.deepEqual(await readFile(file), before);
  await assert.rejects(checkArchive(file, "other", WATCH), /not the run "other"/);
});

test("a disk that takes no more leaves nothing", async (t) => {
  const { path } = await recorded(t);
  const output = join(await temporaryFolder(t), "out");
  await mkdir(output);
  // A limit on the size of files stands in for the end of a disk: write(2) fails after some blocks.
  const command = `trap '' XFSZ; ulimit -f 2; exec "$@"`;
  const args = [process.execPath, VSCOPE, "archive", RUN, "--data-dir", path, "-o", join(output, "run.zip")];
  const ended = await new Promise<{ code: unknown; errors: string }>((resolve) => {
    execFile("bash", ["-c", command, "bash", ...args], (error, _out, errors) =>
      resolve({ code: error?.code ?? 0, errors }),
    );
  });
  assert.equal(ended.code, 1, ended.errors);
  assert.match(ended.errors, /EFBIG/);
  assert.deepEqual(await readdir(output), []);
});

test("an archive with the long figures of zip64 is read as any", async (t) => {
  const path = join(await temporaryFolder(t), "long.zip");
  const zip = new ZipFile();
  const content = Buffer.alloc(100_000, "spectra");
  zip.addBuffer(content, "run/a", { forceZip64Format: true });
  zip.addBuffer(content, "run/b", { compress: false, forceZip64Format: true });
  zip.end({ forceZip64Format: true, comment: "" });
  const parts: Buffer[] = [];
  for await (const part of zip.outputStream) parts.push(Buffer.from(part));
  await writeFile(path, Buffer.concat(parts));
  const members = await zipMembers(path);
  assert.deepEqual(
    members.map(({ name, bytes }) => [name, bytes]),
    [
      ["run/a", 100_000],
      ["run/b", 100_000],
    ],
  );
  for (const member of members) {
    const read: Buffer[] = [];
    for await (const part of zipContent(path, member)) read.push(part);
    assert.ok(Buffer.concat(read).equals(content));
  }
});
