// kill -9 at any moment of a recording: what was acknowledged is whole and found, and nothing is there twice.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parsePico } from "../../src/spectra/pico-reader.ts";
import { allSpectra, openDirectory, readText, temporaryFolder } from "../datadir/folder.ts";

const RECORDER = fileURLToPath(new URL("./recorder.js", import.meta.url));
const ROUNDS = 20;

test(`after each of ${ROUNDS} kills every acknowledged file is whole and in the catalogue`, {
  timeout: 300_000,
}, async (t) => {
  const path = await temporaryFolder(t);
  const acknowledged = new Set<string>();
  const batches: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const lines = await recordAndKill(path, { lines: 1 + ((round * 7) % 11), turns: (round * 211) % 1500 });
    for (const line of lines) {
      const [what, value = ""] = line.split(" ");
      if (what === "file") assert.ok(!acknowledged.has(value), `${value} was acknowledged twice`);
      if (what === "file") acknowledged.add(value);
      else batches.push(Number(value));
    }
    const directory = await openDirectory(t, path);
    const { files } = await directory.shelf.run("run", { limit: 100_000 });
    const names = files.map(({ file }) => file);
    for (const file of acknowledged) assert.ok(names.includes(file), `round ${round}: ${file} is lost`);
    for (const file of names) {
      const content = parsePico(await readText(directory, "run", file), file);
      assert.deepEqual(
        content.spectra.map(({ counts }) => counts.length),
        [2048, 2048, 2048, 2048],
      );
    }
    const indexed = (await allSpectra(directory)).map(({ id }) => id).sort();
    assert.deepEqual(
      indexed,
      names.flatMap((file) => [0, 1, 2, 3].map((position) => `run/${file}/${position}`)).sort(),
    );
    await directory.close();
  }
  assert.equal(new Set(batches).size, batches.length, "a batch number was given twice");
  assert.ok(acknowledged.size > ROUNDS, `${acknowledged.size} files`);
  // At most the part of the file that was being written; the next server replaces it.
  const parts = (await readdir(join(path, "run"))).filter((name) => name.endsWith(".part"));
  assert.ok(parts.length <= ROUNDS, parts.join());
});

/** Runs a recorder until it has printed some lines, lets the event loop turn a little, and kills it. */
async function recordAndKill(
  path: string,
  { lines, turns }: { lines: number; turns: number },
): Promise<string[]> {
  const child = spawn(process.execPath, [RECORDER, path], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "close");
  const seen: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    seen.push(line);
    if (seen.length !== lines) continue;
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
    kill(child);
  }
  await exited;
  assert.equal(child.signalCode, "SIGKILL");
  return seen;
}

function kill(child: ChildProcess): void {
  assert.ok(child.kill("SIGKILL"));
}
