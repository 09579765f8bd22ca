// kill -9 of a sync at any moment, then once more: nothing half-written has a final name, what was complete is not fetched
// again, and in the end all is as on the server. VSCOPE_ROUNDS=500 in the long suite.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { MS, SystemClock } from "../../src/base/clock.ts";
import { NEVER } from "../../src/base/abort.ts";
import { readManifest } from "../../src/datadir/checksums/manifest.ts";
import { temporaryFolder } from "../datadir/folder.ts";
import { vscope } from "../interfaces/cli/spawn-vscope.ts";
import { CoapInstrument } from "../support/coap-instrument.ts";
import { Dice } from "../support/dice.ts";
import { SEED } from "../support/seed.ts";
import { hashesOf, writeBatch, writeDay } from "../sync/far-box.ts";

const PROGRAM = fileURLToPath(new URL("../../src/interfaces/cli/vscope.js", import.meta.url));
const ROUNDS = Number(process.env["VSCOPE_ROUNDS"] ?? 20);
/** Kills until the copy is begun anew. */
const KILLS_A_COPY = 5;
const LATEST_MS = 1200;

const clock = new SystemClock();

test(`after each of ${ROUNDS} kills of a sync there are whole files only, and the next one fetches the others`, {
  timeout: 60_000 + ROUNDS * 20_000,
}, async (t) => {
  t.diagnostic(`VSCOPE_SEED=${SEED}`);
  const dice = new Dice(SEED, "kill sync");
  const box = await CoapInstrument.start();
  t.after(() => box.close());
  await writeDay(
    box.folder,
    "plot",
    Array.from({ length: 120 }, (_, batch) => batch),
  );
  const texts = Array.from({ length: 60 }, (_, index) =>
    JSON.stringify({ n: index, text: "x".repeat(3000) }),
  );
  for (const batch of [0, 1]) await writeBatch(box.folder, "tower", { batch, texts });
  const all = await hashesOf(box.folder);
  const ways = [`coap://127.0.0.1:${box.port}`, `coap+tcp://127.0.0.1:${box.server.ports.tcp}`];
  const home = join(await temporaryFolder(t), "season");
  let [killed, complete] = [0, 0];
  for (let round = 0; round < ROUNDS; round++) {
    const afterMs = dice.whole(0, LATEST_MS);
    if (await killedAfter([dice.pick(ways), home], { home, afterMs })) killed += 1;
    complete = await checked(home, all, `round ${round}`);
    if (round % KILLS_A_COPY !== KILLS_A_COPY - 1 && round !== ROUNDS - 1) continue;
    const { code, out, errors } = await vscope(["sync", dice.pick(ways), home, "--json"]);
    assert.equal(code, 0, errors);
    assert.equal(
      JSON.parse(out).files,
      spectraIn(all) - complete,
      `round ${round}: what was complete came again`,
    );
    assert.deepEqual(await hashesOf(home), all, `round ${round}`);
    await rm(home, { recursive: true });
  }
  t.diagnostic(`${killed} of ${ROUNDS} were killed at work`);
  assert.ok(killed > ROUNDS / 2, `${killed}`);
});

const spectraIn = (hashes: ReadonlyMap<string, string>): number =>
  [...hashes.keys()].filter((name) => name.endsWith(".pico")).length;

/** All that has a name is whole, and a manifest lists nothing that is not there. Returns the number of spectra files. */
async function checked(home: string, all: ReadonlyMap<string, string>, when: string): Promise<number> {
  const here = await hashesOf(home).catch(() => new Map<string, string>());
  for (const [name, hash] of here) {
    if (name.endsWith(".part")) continue;
    assert.equal(hash, all.get(name), `${when}: ${name}`);
    if (!name.endsWith(".sha256")) continue;
    const { lines } = readManifest(await readFile(join(home, name), "utf8"));
    const run = name.split("/")[0] ?? "";
    for (const line of lines)
      assert.ok(here.has(`${run}/${line.name}`), `${when}: ${name} lists ${line.name}`);
  }
  return spectraIn(here);
}

/** Kills a sync some time after it has begun to write; false when it had ended by then. */
async function killedAfter(
  args: readonly string[],
  { home, afterMs }: { readonly home: string; readonly afterMs: number },
): Promise<boolean> {
  const child = spawn(process.execPath, [PROGRAM, "sync", ...args], { stdio: "ignore" });
  const exited = once(child, "exit");
  while (child.exitCode === null && !(await isThere(join(home, ".sync")))) await clock.delay(MS, NEVER);
  await clock.delay(afterMs * MS, NEVER);
  child.kill("SIGKILL");
  await exited;
  return child.signalCode === "SIGKILL";
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
