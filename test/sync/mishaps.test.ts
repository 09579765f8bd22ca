// What goes wrong around a sync: another one at work, a full disk, a server that restarts, a run that is removed meanwhile.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { NEVER } from "../../src/base/abort.ts";
import { VscopeClient } from "../../src/client/vscope-client.ts";
import { sync, type SyncReport } from "../../src/sync/sync.ts";
import { temporaryFolder } from "../datadir/folder.ts";
import { CoapInstrument } from "../support/coap-instrument.ts";
import { FarBox, hashesOf, writeDay } from "./far-box.ts";

const BATCHES = Array.from({ length: 24 }, (_, batch) => batch);

test("two at once onto the same folder: one of them is refused and the other brings all", async (t) => {
  const folder = await temporaryFolder(t);
  await writeDay(folder, "plot", BATCHES.slice(0, 4));
  const box = await FarBox.start(t, { folder });
  const home = await temporaryFolder(t);
  const both = await box.visit((client) =>
    Promise.allSettled([1, 2].map(() => sync(client, home, {}, NEVER))),
  );
  const refused = both.filter((one) => one.status === "rejected");
  assert.deepEqual(
    refused.map(({ reason }) => reason.code),
    ["SERVER_CONFLICT"],
  );
  assert.deepEqual(await hashesOf(home), await hashesOf(folder));
});

const PROGRAM = fileURLToPath(new URL("../../src/interfaces/cli/vscope.js", import.meta.url));
/** A small disk of its own, which grows after the first sync. */
const ON_A_SMALL_DISK = `
mount -t tmpfs -o size=600k tmpfs "$1" || exit 99
"$2" "$3" sync "$4" "$1/season"; echo "first $?"
mount -o remount,size=64m "$1"
"$2" "$3" sync "$4" "$1/season"; echo "second $?"
cd "$1/season/plot" && sha256sum --quiet -c *.sha256 && ls | grep -c "pico$"
`;

test("a disk that is full ends the sync with the reason, and with more space it goes on", async (t) => {
  const box = await CoapInstrument.start();
  t.after(() => box.close());
  await writeDay(box.folder, "plot", BATCHES);
  const args = [await temporaryFolder(t), process.execPath, PROGRAM, `coap://127.0.0.1:${box.port}`];
  const { status, stdout, stderr } = await script(ON_A_SMALL_DISK, args);
  if (status === 99 || stderr.includes("unshare")) return t.skip(`no disk of its own here: ${stderr}`);
  assert.match(stderr, /no space is left on the medium \(ENOSPC\)/);
  assert.deepEqual(stdout.match(/first \d+|second \d+|^\d+$/gm), ["first 1", "second 0", "24"]);
});

async function script(text: string, args: readonly string[]) {
  const child = spawn("unshare", ["-rm", "sh", "-c", text, "sh", ...args], { stdio: "pipe" });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (bytes: Buffer) => (stdout += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (stderr += bytes.toString()));
  const status = await new Promise<number | null>((resolve) => {
    child.on("error", (error) => {
      stderr += error.message;
      resolve(99);
    });
    child.on("close", resolve);
  });
  return { status, stdout, stderr };
}

for (const scheme of ["coap", "coap+tcp"])
  test(`a server that restarts in the middle is asked again (${scheme})`, { timeout: 120_000 }, async (t) => {
    const folder = await temporaryFolder(t);
    await writeDay(folder, "plot", BATCHES);
    let box = await CoapInstrument.start({ folder });
    t.after(() => box.close());
    const port = scheme === "coap" ? box.port : box.server.ports.tcp;
    assert.ok(port !== undefined);
    const home = await temporaryFolder(t);
    const client = await VscopeClient.connect(`${scheme}://127.0.0.1:${port}`);
    t.after(() => client.close());
    let restarted: Promise<void> | undefined;
    const onProgress = (done: number): void => {
      if (done === 5) restarted ??= restart();
    };
    const restart = async (): Promise<void> => {
      await box.close();
      box = await CoapInstrument.start({ folder, coap: { port } });
    };
    const report = await sync(client, home, { onProgress }, NEVER);
    assert.ok(restarted !== undefined);
    await restarted;
    assert.deepEqual([report.files, report.problems], [BATCHES.length, []]);
    assert.deepEqual(await hashesOf(home), await hashesOf(folder));
  });

test("a run that is removed in the middle is told, and the others come", async (t) => {
  const folder = await temporaryFolder(t);
  await writeDay(folder, "plot", BATCHES.slice(0, 8));
  await writeDay(folder, "tower", [0, 1]);
  const tower = await hashesOf(folder);
  const box = await FarBox.start(t, { folder });
  const home = await temporaryFolder(t);
  let removed: Promise<void> | undefined;
  const onProgress = (done: number): void => {
    if (done === 4) removed ??= rm(join(folder, "plot"), { recursive: true });
  };
  const bring = (): Promise<SyncReport> => box.visit((client) => sync(client, home, { onProgress }, NEVER));
  const { problems } = await bring();
  await removed;
  assert.ok(problems.length > 0);
  for (const problem of problems)
    assert.match(problem, /^plot\/b00000\d_s000000_light\.pico: is not on the server as its manifest says$/);
  const here = await hashesOf(home);
  for (const [name, hash] of here) assert.equal(hash, tower.get(name));
  assert.ok([...here.keys()].includes("tower/b000001.sha256"));
  // What has come of it stays, and nobody misses it there.
  assert.deepEqual((await bring()).problems, []);
  assert.deepEqual(await hashesOf(home), here);
});
