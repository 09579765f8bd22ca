// What a verification finds in a data directory that was damaged, by the function and by the command; and what it repairs.

import assert from "node:assert/strict";
import {
  appendFile,
  copyFile,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  utimes,
  writeFile,
} from "node:fs/promises";
import { basename, join } from "node:path";
import { test, type TestContext } from "node:test";
import Database from "better-sqlite3";
import { isVscopeError } from "../../../src/base/errors.ts";
import { SILENT } from "../../../src/base/log.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { CATALOGUE_FILE, Catalogue } from "../../../src/datadir/catalogue/catalogue.ts";
import { SYSTEM_DISK } from "../../../src/datadir/disk/disk.ts";
import { verifyFolder } from "../../../src/datadir/checksums/local-verification.ts";
import { RunFolders } from "../../../src/datadir/run-folders.ts";
import { isSpectraFile } from "../../../src/datadir/spectra-file-name.ts";
import {
  type VerificationScope,
  verify as verifyShelf,
} from "../../../src/datadir/checksums/verification.ts";
import type {
  FindingKind,
  VerificationReport,
} from "../../../src/datadir/checksums/verification-findings.ts";
import { vscope } from "../../interfaces/cli/spawn-vscope.ts";
import { spectraSet } from "../../spectra/sample.ts";
import { IGNORE, NEVER, openDirectory, temporaryFolder } from "../folder.ts";

const RUN = "plot10";
const MANIFEST = "b000000.sha256";
const DARK = "b000000_s000000_dark.pico";
const LIGHTS = [0, 1, 2].map((sequence) => `b000000_s00000${sequence}_light.pico`);
const [FIRST = "", MIDDLE = "", LAST = ""] = LIGHTS;
const ADDED = "b000007_s000000_light.pico";

/** A data directory with a batch of one dark and three lights that nothing is wrong with. */
async function recorded(t: TestContext, runs: readonly string[] = [RUN]): Promise<string> {
  const path = await temporaryFolder(t);
  const directory = await openDirectory(t, path);
  for (const run of runs) {
    const batch = await directory.startBatch(run);
    await batch.write(spectraSet({ kind: "dark" }));
    for (let sequence = 0; sequence < LIGHTS.length; sequence++) await batch.write(spectraSet({ sequence }));
    await batch.finish();
  }
  await directory.close();
  return path;
}

function verify(path: string, scope: VerificationScope = {}, repairs = false): Promise<VerificationReport> {
  const clock = new VirtualClock();
  return verifyFolder(path, { clock, repairs, ...scope }, { onProgress: IGNORE, signal: NEVER });
}

function found({ findings }: VerificationReport): readonly string[] {
  return findings.map(({ kind, file }) => `${kind} ${file}`).sort();
}

function sql(path: string, statement: string): void {
  const database = new Database(join(path, CATALOGUE_FILE));
  assert.ok(database.prepare(statement).run().changes > 0);
  database.close();
}

async function allBytes(path: string): Promise<Map<string, string>> {
  const names = (await readdir(join(path, RUN))).filter((name) => name.endsWith(".pico"));
  const read = async (name: string): Promise<[string, string]> => [
    name,
    await readFile(join(path, RUN, name), "latin1"),
  ];
  return new Map(await Promise.all(names.map(read)));
}

interface Damage {
  readonly what: string;
  readonly kinds: Readonly<Partial<Record<FindingKind, readonly string[]>>>;
  readonly isRepairable: boolean;
  readonly make: (path: string) => Promise<void> | void;
}

const DAMAGES: readonly Damage[] = [
  {
    what: "a flipped bit",
    kinds: { changed: [MIDDLE] },
    isRepairable: false,
    make: async (path) => {
      const file = join(path, RUN, MIDDLE);
      const bytes = await readFile(file);
      const at = bytes.indexOf("20000");
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      await writeFile(file, bytes);
    },
  },
  {
    what: "a missing file",
    kinds: { missing: [LAST] },
    isRepairable: false,
    make: (path) => rm(join(path, RUN, LAST)),
  },
  {
    what: "an extra file",
    kinds: { "no-line": [ADDED], "no-row": [ADDED] },
    isRepairable: true,
    make: (path) => copyFile(join(path, RUN, FIRST), join(path, RUN, ADDED)),
  },
  {
    what: "a torn line",
    kinds: { "torn-line": [MANIFEST], "no-line": [LAST] },
    isRepairable: true,
    make: async (path) => {
      const file = join(path, RUN, MANIFEST);
      const text = await readFile(file, "latin1");
      await writeFile(file, text.slice(0, -20));
    },
  },
  {
    what: "an altered line",
    kinds: { "bad-line": [MANIFEST], "no-line": [MIDDLE] },
    isRepairable: false,
    make: async (path) => {
      const file = join(path, RUN, MANIFEST);
      const text = await readFile(file, "utf8");
      await writeFile(file, text.replace(`  ${MIDDLE}`, ` -${MIDDLE}`));
    },
  },
  {
    what: "a stale row: of another hash",
    kinds: { "stale-row": [FIRST] },
    isRepairable: true,
    make: (path) => sql(path, `UPDATE files SET sha256 = zeroblob(32) WHERE name = '${FIRST}'`),
  },
  {
    what: "a stale row: of another number of spectra",
    kinds: { "stale-row": [FIRST] },
    isRepairable: true,
    make: (path) => sql(path, `UPDATE files SET spectra = 7 WHERE name = '${FIRST}'`),
  },
];

for (const { what, kinds, isRepairable, make } of DAMAGES) {
  const expected = Object.entries(kinds)
    .flatMap(([kind, files]) => files.map((file) => `${kind} ${file}`))
    .sort();

  test(`${what} is found, and repaired if that needs no spectra file`, async (t) => {
    const path = await recorded(t);
    await make(path);
    const before = await allBytes(path);
    const report = await verify(path);
    assert.deepEqual(found(report), expected);
    assert.equal(report.faults, expected.length);
    assert.deepEqual(found(await verify(path)), expected, "looking changes nothing");
    const repaired = await verify(path, {}, true);
    assert.equal(repaired.repaired, isRepairable ? expected.length : 0);
    assert.deepEqual(found(await verify(path)), isRepairable ? [] : expected);
    assert.deepEqual(await allBytes(path), before);
  });

  test(`${what} is found by the command, which ends with 1`, async (t) => {
    const path = await recorded(t);
    await make(path);
    const json = await vscope(["verify", path, "--json"]);
    assert.equal(json.code, 1);
    const report: VerificationReport = JSON.parse(json.out);
    assert.deepEqual(found(report), expected);
    const table = await vscope(["verify", path, "--repair"]);
    assert.equal(table.code, isRepairable ? 0 : 1);
    for (const line of expected) {
      const [kind = "", file = ""] = line.split(" ");
      assert.match(
        table.out,
        new RegExp(`^${kind}${isRepairable ? ", repaired" : ""} +plot10 +${file} `, "m"),
      );
    }
  });
}

test("what was recorded is verified without a word, and the lock is free again", async (t) => {
  const path = await recorded(t, [RUN, "plot11"]);
  const { bytes, ...report } = await verify(path);
  assert.ok(bytes > 4000);
  assert.deepEqual(report, {
    files: 8,
    batches: 2,
    isCatalogueCompared: true,
    faults: 0,
    repaired: 0,
    counts: {},
    findings: [],
  });
  const { code, out } = await vscope(["verify", path]);
  assert.equal(code, 0);
  assert.match(out, /^8 files, [\d.]+ kB, in 2 batches: all as recorded\n$/);
  await openDirectory(t, path);
  await assert.rejects(verify(path), (error) => isVscopeError(error, "SERVER_CONFLICT"));
});

test("one run is verified, or what was written since a time", async (t) => {
  const path = await recorded(t, [RUN, "plot11"]);
  for (const run of [RUN, "plot11"]) await rm(join(path, run, MIDDLE));
  assert.deepEqual(
    (await verify(path, { run: "plot11" })).findings.map(({ run }) => run),
    ["plot11"],
  );
  await assert.rejects(verify(path, { run: "plot12" }), (error) =>
    isVscopeError(error, "RESOURCE_NOT_FOUND"),
  );
  const old = new Date("2025-06-21T12:00:00Z");
  for (const name of await readdir(join(path, RUN))) await utimes(join(path, RUN, name), old, old);
  const sinceUtcUs = Date.parse("2026-01-01T00:00:00Z") * 1000;
  const report = await verify(path, { sinceUtcUs });
  assert.deepEqual(
    report.findings.map(({ run }) => run),
    ["plot11"],
  );
  assert.equal(report.files, 3);
  const { out } = await vscope(["verify", path, "--since", "2026-01-01", "--json"]);
  assert.equal(JSON.parse(out).files, 3);
  const wrong = await vscope(["verify", path, "--since", "noon"]);
  assert.equal(wrong.code, 2);
});

test("what a crash left and a gap in a batch are told and are no faults", async (t) => {
  const path = await recorded(t);
  const folder = join(path, RUN);
  const old = new Date("2025-06-21T12:00:00Z");
  await writeFile(join(folder, "b000000_s000003_light.pico.part"), "{");
  await utimes(join(folder, "b000000_s000003_light.pico.part"), old, old);
  await writeFile(join(folder, "b000000_s000004_light.pico.empty"), "");
  await rename(join(folder, MIDDLE), join(path, "elsewhere"));
  const manifest = await readFile(join(folder, MANIFEST), "utf8");
  const lines = manifest.split("\n").filter((line) => !line.endsWith(MIDDLE));
  await writeFile(join(folder, MANIFEST), lines.join("\n"));
  sql(path, `DELETE FROM measurements WHERE file = (SELECT id FROM files WHERE name = '${MIDDLE}')`);
  sql(path, `DELETE FROM files WHERE name = '${MIDDLE}'`);
  const report = await verify(path);
  assert.deepEqual(found(report), [
    "empty b000000_s000004_light.pico.empty",
    `gap ${MANIFEST}`,
    "unfinished b000000_s000003_light.pico.part",
  ]);
  assert.equal(report.faults, 0);
  assert.equal((await vscope(["verify", path])).code, 0);
});

test("a row without its file is found where no line tells of the file, and dropped", async (t) => {
  const path = await recorded(t);
  await rm(join(path, RUN), { recursive: true });
  const gone = [DARK, ...LIGHTS].map((file) => `row-without-file ${file}`);
  assert.deepEqual(found(await verify(path)), gone);
  assert.equal((await verify(path, {}, true)).repaired, 4);
  assert.deepEqual(found(await verify(path)), []);
});

test("without a catalogue the files are verified by their manifests alone, and none is made", async (t) => {
  const path = await recorded(t);
  for (const name of await readdir(path)) if (name.startsWith(CATALOGUE_FILE)) await rm(join(path, name));
  await rm(join(path, RUN, LAST));
  const report = await verify(path);
  assert.deepEqual(found(report), [`missing ${LAST}`]);
  assert.equal(report.isCatalogueCompared, false);
  assert.ok(!(await readdir(path)).includes(CATALOGUE_FILE));
});

test("a line that leads out of the run is told, and nothing there is read", async (t) => {
  const path = await recorded(t);
  await writeFile(join(path, "outside.pico"), "{}");
  await appendFile(join(path, RUN, MANIFEST), `${"0".repeat(64)}  ../outside.pico\n`);
  const report = await verify(path);
  assert.deepEqual(found(report), [`bad-line ${MANIFEST}`]);
  assert.match(report.findings[0]?.fact ?? "", /^rows that cannot be read: 1, such as "0{64}\.\.\."$/);
  assert.equal(report.files, 4);
});

test("a catalogue that is no witness is left as it is, and so is a good one", async (t) => {
  const path = await recorded(t);
  const file = join(path, CATALOGUE_FILE);
  const whole = await readFile(file);
  const older = Buffer.from(whole);
  // user_version, https://www.sqlite.org/fileformat.html
  older.writeUInt32BE(2, 60);
  const damaged = Buffer.from(whole).fill(0xff, 4096);
  for (const [bytes, isWitness] of [
    [older, false],
    [damaged, false],
    [whole, true],
  ] as const) {
    await writeFile(file, bytes);
    const before = await readdir(path);
    const report = await verify(path);
    assert.deepEqual([found(report), report.isCatalogueCompared], [[], isWitness]);
    assert.deepEqual(await readdir(path), before);
    assert.ok((await readFile(file)).equals(bytes));
  }
});

test("a file that was changed before it had a line gets none: the catalogue tells its hash", async (t) => {
  const path = await recorded(t);
  await rm(join(path, RUN, MANIFEST));
  await appendFile(join(path, RUN, LAST), " ");
  const report = await verify(path, {}, true);
  assert.equal(report.counts.changed, 1);
  assert.equal(report.repaired, 3);
  const manifest = await readFile(join(path, RUN, MANIFEST), "utf8");
  assert.ok(!manifest.includes(LAST));
});

test("a file that holds no spectra is told whatever its line says, and files with names of their own have a manifest, too", async (t) => {
  const path = await temporaryFolder(t);
  await mkdir(join(path, RUN));
  await writeFile(join(path, RUN, "calibration.pico"), "{}");
  const report = await verify(path);
  assert.deepEqual(found(report), ["no-line calibration.pico", "unreadable calibration.pico"]);
  await verify(path, {}, true);
  assert.deepEqual(found(await verify(path)), ["no-line calibration.pico", "unreadable calibration.pico"]);
  const source = await recorded(t);
  await copyFile(join(source, RUN, FIRST), join(path, RUN, "copy.pico"));
  await rm(join(path, RUN, "calibration.pico"));
  await verify(path, {}, true);
  assert.match(
    await readFile(join(path, RUN, "other.sha256"), "utf8"),
    /^# added .*\n[0-9a-f]{64} {2}copy\.pico\n$/,
  );
  assert.deepEqual(found(await verify(path)), []);
});

test("while a recording waits, a verification looks only at what is suspicious", async (t) => {
  const path = await recorded(t);
  await rm(join(path, RUN, MIDDLE));
  const inTurn: string[] = [];
  let isInTurn = false;
  const stat = (asked: string) => {
    if (isInTurn && isSpectraFile(basename(asked))) inTurn.push(basename(asked));
    return SYSTEM_DISK.stat(asked);
  };
  const disk = { ...SYSTEM_DISK, stat };
  const clock = new VirtualClock();
  const catalogue = await Catalogue.open(join(path, CATALOGUE_FILE), { clock, log: SILENT });
  t.after(() => catalogue.close());
  const alone = async <T>(job: () => Promise<T>): Promise<T> => {
    isInTurn = true;
    try {
      return await job();
    } finally {
      isInTurn = false;
    }
  };
  const parts = { disk, folders: new RunFolders(disk, path, { clock, log: SILENT }), catalogue, alone };
  const report = await verifyShelf(parts, {}, { onProgress: IGNORE, signal: NEVER });
  assert.ok(found(report).includes(`missing ${MIDDLE}`));
  assert.deepEqual(inTurn, [MIDDLE]);
});
