// Formats in a worker thread of a process of their own: memory, ends by kill -9, failures of the disk in the middle.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { FORMAT_NAMES, type FormatName } from "../../src/formats/format.ts";
import { run } from "../coap/support/outside-clients.ts";
import { folderOf } from "./readers.ts";

const PROGRAM = fileURLToPath(new URL("./export-program.js", import.meta.url));
const LIMIT = { timeout: 300_000 };
const MOST_KB = 200 * 1000;
/** 20,000 where a run is one file. Of the others each spectrum is a file, so that nothing can pile up but names. */
const SPECTRA: Readonly<Record<FormatName, number>> = {
  netcdf: 20_000,
  envi: 20_000,
  csv: 20_000,
  oceanview: 500,
  jcamp: 500,
};

for (const format of FORMAT_NAMES) {
  const count = SPECTRA[format];
  test(`${format}: ${count} spectra of 2048 pixels take less than 200 MB`, LIMIT, async (t) => {
    const folder = folderOf(t);
    const { status, stdout, stderr } = await run(process.execPath, [PROGRAM, format, folder, String(count)]);
    assert.equal(status, 0, stderr);
    const mostKb = Number(stdout.toString());
    const bytes = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    t.diagnostic(`${(mostKb / 1000).toFixed(0)} MB of memory, ${(bytes / 1e6).toFixed(1)} MB of files`);
    assert.ok(mostKb < MOST_KB, `${mostKb} kB`);
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.endsWith(".part")),
      [],
    );
  });
}

for (const format of ["netcdf", "csv", "envi"] as const) {
  test(`${format}: kill -9 in the middle leaves nothing that looks whole`, LIMIT, async (t) => {
    const folder = folderOf(t);
    const child = spawn(process.execPath, [PROGRAM, format, folder, "1000000"], { stdio: "ignore" });
    t.after(() => child.kill("SIGKILL"));
    await untilGrown(child, folder);
    child.kill("SIGKILL");
    await once(child, "exit");
    const left = readdirSync(folder).filter((name) => !name.endsWith(".provenance.json"));
    assert.equal(left.length, 1);
    assert.match(left[0] ?? "", /^plot10_FLMT01859_upwelling_counts\.(nc|csv|sli)\.part$/);
  });
}

async function untilGrown(child: ChildProcess, folder: string): Promise<void> {
  const size = (): number =>
    readdirSync(folder)
      .filter((name) => /\.(nc|csv|sli)\.part$/.test(name))
      .reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  while (size() < 1_000_000) {
    assert.equal(child.exitCode, null, "the program has ended by itself");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

for (const format of ["netcdf", "csv", "envi"] as const) {
  test(
    `${format}: a disk that refuses to go on is told, and the file does not get its name`,
    LIMIT,
    async (t) => {
      const folder = folderOf(t);
      // A limit of 2 MB on files; the signal that would end the program is ignored.
      const limited = `trap '' XFSZ; ulimit -f 2000; exec "$@"`;
      const command = [process.execPath, PROGRAM, format, folder, "5000"];
      const { status, stderr } = await run("bash", ["-c", limited, "bash", ...command]);
      assert.equal(status, 1);
      assert.match(stderr, /file too large/i);
      assert.deepEqual(
        readdirSync(folder).filter((name) => !/\.(part|provenance\.json)$/.test(name)),
        [],
      );
    },
  );
}
