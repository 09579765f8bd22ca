// A data directory brought home over a link of 500 ms round trip that loses datagrams, with cuts at any moment.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFile, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { deflateSync } from "node:zlib";
import { NEVER } from "../../src/base/abort.ts";
import { SECOND } from "../../src/base/clock.ts";
import { manifestText } from "../../src/datadir/checksums/manifest.ts";
import { tagOf } from "../../src/datadir/checksums/manifest-listing.ts";
import { sync, type SyncReport } from "../../src/sync/sync.ts";
import { FAR, FAR_AND_LOSSY } from "../coap/support/far-bench.ts";
import { seededRandom } from "../coap/support/virtual-network.ts";
import { FailingDisk } from "../datadir/disk/failing-disk.ts";
import { temporaryFolder } from "../datadir/folder.ts";
import { FarBox, hashesOf, writeBatch, writeDay } from "./far-box.ts";

const DAY = Array.from({ length: 96 }, (_, batch) => batch);

function bringHome(box: FarBox, home: string, signal: AbortSignal = NEVER): Promise<SyncReport> {
  return box.visit((client) => sync(client, home, {}, signal));
}

test("a day of 96 sequences at 500 ms and 5 % loss, and again", async (t) => {
  const folder = await temporaryFolder(t);
  const deflatedBytes = await writeDay(folder, "plot", DAY);
  const box = await FarBox.start(t, { folder, weather: FAR_AND_LOSSY });
  const home = await temporaryFolder(t);
  const startUs = box.clock.nowUs();
  const report = await bringHome(box, home);
  const seconds = (box.clock.nowUs() - startUs) / SECOND;
  t.diagnostic(
    `${deflatedBytes} bytes deflated, ${report.receivedBytes} received, ${box.sentBytes.down} sent, ${seconds.toFixed(0)} s`,
  );
  assert.deepEqual(report.problems, []);
  assert.equal(report.files, DAY.length);
  assert.deepEqual(await hashesOf(home), await hashesOf(folder));
  await promisify(execFile)("sh", ["-c", "sha256sum --quiet -c *.sha256"], { cwd: join(home, "plot") });
  assert.ok(seconds < 240, `${seconds} s`);

  box.network.weather = FAR;
  const sent = box.network.sent.length;
  assert.equal((await bringHome(box, home)).isUnchanged, true);
  const asked = box.network.sent.slice(sent).filter(({ to }) => to.startsWith("192.0.2.1 "));
  assert.equal(asked.length, 1);
});

for (const seed of [1, 2]) {
  test(`cut 20 times at random, with losses: ends equal (seed ${seed})`, async (t) => {
    const folder = await temporaryFolder(t);
    await writeDay(folder, "plot", DAY.slice(0, 16));
    const box = await FarBox.start(t, { folder, weather: FAR_AND_LOSSY, seed });
    const home = await temporaryFolder(t);
    await cutting(box, home, { times: 20, withinUs: 4 * SECOND, seed });
    assert.deepEqual((await bringHome(box, home)).problems, []);
    assert.deepEqual(await hashesOf(home), await hashesOf(folder));
    assert.deepEqual(await leftIn(home), []);
  });
}

test("cut 20 times at random: less than 64 kB come twice for a cut", async (t) => {
  const folder = await temporaryFolder(t);
  await writeDay(folder, "plot", DAY.slice(0, 16));
  const box = await FarBox.start(t, { folder });
  await bringHome(box, await temporaryFolder(t));
  const once = box.sentBytes.down;
  const home = await temporaryFolder(t);
  await cutting(box, home, { times: 20, withinUs: 2 * SECOND, seed: 7 });
  await bringHome(box, home);
  assert.deepEqual(await hashesOf(home), await hashesOf(folder));
  const twice = box.sentBytes.down - 2 * once;
  t.diagnostic(`${once} bytes without cuts, ${twice} more with 20`);
  assert.ok(twice < 20 * 64_000, `${twice} bytes`);
});

async function cutting(
  box: FarBox,
  home: string,
  { times, withinUs, seed }: { times: number; withinUs: number; seed: number },
): Promise<void> {
  const random = seededRandom(seed);
  for (let cut = 0; cut < times; cut++) {
    const stop = new AbortController();
    const cancel = box.clock.after(Math.round(random() * withinUs), () => stop.abort(new Error("cut")));
    await bringHome(box, home, stop.signal).catch((error: unknown) => {
      if (!stop.signal.aborted) throw error;
    });
    cancel();
  }
}

/** Parts of files that nobody will go on with. */
async function leftIn(home: string): Promise<readonly string[]> {
  const names = await readdir(join(home, ".sync", "plot")).catch(() => []);
  return names;
}

test("what has come since is all that is fetched: new batches, a batch that has grown, events", async (t) => {
  const folder = await temporaryFolder(t);
  await writeDay(folder, "plot", [0]);
  const long = { batch: 1, texts: Array.from({ length: 40 }, (_, index) => `{"n":${index}}`) };
  await writeBatch(folder, "plot", { ...long, texts: long.texts.slice(0, 35) });
  await writeDay(folder, "tower", [5]);
  const box = await FarBox.start(t, { folder });
  const home = await temporaryFolder(t);
  assert.equal((await bringHome(box, home)).files, 37);
  assert.deepEqual(await hashesOf(home), await hashesOf(folder));
  await writeDay(folder, "plot", [2]);
  await writeBatch(folder, "plot", long);
  await writeFile(join(folder, "plot", "events.jsonl"), '{"utc":"2026-06-21T12:00:00Z","event":"note"}\n');
  const before = box.sentBytes.down;
  const report = await bringHome(box, home);
  assert.deepEqual([report.files, report.problems], [6, []]);
  assert.ok(box.sentBytes.down - before < 30_000);
  assert.deepEqual(await hashesOf(home), await hashesOf(folder));
  // An older batch that is mended later is seen by the tag of the run.
  await appendFile(join(folder, "plot", "b000000.sha256"), "# added\n");
  assert.equal((await bringHome(box, home)).isUnchanged, false);
  assert.deepEqual(await hashesOf(home), await hashesOf(folder));
});

test("a file that differs from its manifest is told, and the others come", async (t) => {
  const folder = await temporaryFolder(t);
  await writeDay(folder, "plot", [0, 1, 2]);
  await writeFile(join(folder, "plot", "b000001_s000000_light.pico"), "damaged");
  const box = await FarBox.start(t, { folder });
  const home = await temporaryFolder(t);
  const report = await bringHome(box, home);
  assert.equal(report.files, 2);
  assert.deepEqual(report.problems, [
    "plot/b000001_s000000_light.pico: is not on the server as its manifest says",
  ]);
  assert.deepEqual((await readdir(join(home, "plot"))).sort(), [
    "b000000.sha256",
    "b000000_s000000_light.pico",
    "b000002.sha256",
    "b000002_s000000_light.pico",
  ]);
  // Mended there, it comes the next time.
  await writeDay(folder, "plot", [1]);
  assert.deepEqual((await bringHome(box, home)).problems, []);
  assert.deepEqual(await hashesOf(home), await hashesOf(folder));
});

test("a file that is here with another content is left as it is, and told", async (t) => {
  const folder = await temporaryFolder(t);
  await writeDay(folder, "plot", [0]);
  const box = await FarBox.start(t, { folder });
  const home = await temporaryFolder(t);
  const own = join(home, "plot", "b000000_s000000_light.pico");
  await mkdir(join(home, "plot"));
  await writeFile(own, "mine");
  const { problems } = await bringHome(box, home);
  assert.deepEqual(problems, [
    "plot/b000000_s000000_light.pico: another file of this name is here, left as it is",
  ]);
  assert.equal(await readFile(own, "utf8"), "mine");
  await rm(own);
  assert.deepEqual((await bringHome(box, home)).problems, []);
  assert.deepEqual(await hashesOf(home), await hashesOf(folder));
});

test("only the runs that are named, and one that is not there is told", async (t) => {
  const folder = await temporaryFolder(t);
  await writeDay(folder, "plot", [0]);
  await writeDay(folder, "tower", [0]);
  const box = await FarBox.start(t, { folder });
  const home = await temporaryFolder(t);
  const report = await box.visit((client) => sync(client, home, { runs: ["tower", "mast"] }, NEVER));
  assert.deepEqual(
    [report.files, report.problems],
    [1, ["mast: the server has no such run, it has plot, tower"]],
  );
  assert.equal((await bringHome(box, home)).files, 1);
  assert.deepEqual(await hashesOf(home), await hashesOf(folder));
});

test("what was taken away here comes again", async (t) => {
  const folder = await temporaryFolder(t);
  await writeDay(folder, "plot", [0, 1]);
  await writeDay(folder, "tower", [0]);
  const box = await FarBox.start(t, { folder });
  const home = await temporaryFolder(t);
  await bringHome(box, home);
  const gone = ["plot/b000001_s000000_light.pico", "plot/b000000.sha256", "tower"];
  for (const [index, name] of gone.entries()) {
    await rm(join(home, name), { recursive: true });
    const { isUnchanged, files } = await bringHome(box, home);
    assert.deepEqual([isUnchanged, files], [false, index === 1 ? 0 : 1], name);
    assert.deepEqual(await hashesOf(home), await hashesOf(folder));
  }
  assert.equal((await bringHome(box, home)).isUnchanged, true);
});

test("a manifest that is here and is no beginning of the server's is replaced by that", async (t) => {
  const folder = await temporaryFolder(t);
  const texts = Array.from({ length: 40 }, (_, index) => `{"n":${index}}`);
  await writeBatch(folder, "plot", { batch: 0, texts: texts.slice(0, 35) });
  const box = await FarBox.start(t, { folder });
  const home = await temporaryFolder(t);
  await bringHome(box, home);
  // Another first line, and the last kilobyte as it was: only that is compared on the way.
  const path = join(home, "plot", "b000000.sha256");
  const text = await readFile(path, "utf8");
  await writeFile(path, `# mine\n${text.slice("# mine\n".length)}`);
  await writeBatch(folder, "plot", { batch: 0, texts });
  assert.deepEqual((await bringHome(box, home)).problems, []);
  assert.deepEqual(await hashesOf(home), await hashesOf(folder));
  // A longer one than the server's.
  await appendFile(path, text);
  assert.deepEqual((await bringHome(box, home)).problems, []);
  assert.deepEqual(await hashesOf(home), await hashesOf(folder));
});

test("a file that the server lacks keeps no others from being listed, and these are not read again", async (t) => {
  const folder = await temporaryFolder(t);
  const texts = Array.from({ length: 40 }, (_, index) => `{"n":${index}}`);
  await writeBatch(folder, "plot", { batch: 0, texts });
  const lost = join(folder, "plot", "b000000_s000007_light.pico");
  await rm(lost);
  const box = await FarBox.start(t, { folder });
  const home = await temporaryFolder(t);
  const problems = ["plot/b000000_s000007_light.pico: is not on the server as its manifest says"];
  const first = await bringHome(box, home);
  assert.deepEqual([first.files, first.problems], [39, problems]);
  assert.equal((await readFile(join(home, "plot", "b000000.sha256"), "utf8")).split("\n").length, 40);
  // If it were read, it would be found to differ.
  const unread = join(home, "plot", "b000000_s000003_light.pico");
  const content = await readFile(unread);
  await writeFile(unread, "not read");
  const again = await bringHome(box, home);
  assert.deepEqual([again.files, again.problems], [0, problems]);
  await writeFile(unread, content);
  await writeFile(lost, texts[7] ?? "");
  const last = await bringHome(box, home);
  assert.deepEqual([last.files, last.problems], [1, []]);
  assert.deepEqual(await hashesOf(home), await hashesOf(folder));
});

test("what the server cannot read is told, all else comes, and it comes when it can be read", async (t) => {
  const folder = await temporaryFolder(t);
  for (const run of ["air", "mast", "plot", "tower"]) await writeDay(folder, run, [0, 1]);
  const failing = new FailingDisk();
  failing.break(join(folder, "air"), ["list"]);
  failing.break(join(folder, "mast", "b000000.sha256"), ["read", "readRange"]);
  failing.break(join(folder, "plot", "b000000_s000000_light.pico"), ["read", "readRange"]);
  const box = await FarBox.start(t, { folder, disk: failing.disk });
  const home = await temporaryFolder(t);
  const { files, problems } = await bringHome(box, home);
  assert.equal(files, 4);
  assert.deepEqual(
    problems.map((problem) => problem.split(":")[0]),
    ["air", "mast/b000000.sha256", "plot/b000000_s000000_light.pico"],
  );
  failing.mend();
  const next = await bringHome(box, home);
  assert.deepEqual([next.files, next.problems], [4, []]);
  assert.deepEqual(await hashesOf(home), await hashesOf(folder));
});

test("events come alone, too, and those that were added here are kept beside", async (t) => {
  const folder = await temporaryFolder(t);
  await writeDay(folder, "plot", [0]);
  const box = await FarBox.start(t, { folder });
  const home = await temporaryFolder(t);
  await bringHome(box, home);
  const [there, here] = [join(folder, "plot", "events.jsonl"), join(home, "plot", "events.jsonl")];
  for (const event of ["clouds", "wind"]) {
    await appendFile(there, `{"event":"${event}"}\n`);
    assert.equal((await bringHome(box, home)).isUnchanged, false);
    assert.deepEqual(await hashesOf(home), await hashesOf(folder));
  }
  await appendFile(here, '{"event":"mine"}\n');
  const mine = await readFile(here, "utf8");
  const { problems } = await bringHome(box, home);
  assert.match(
    problems.join(),
    /^plot\/events\.jsonl: was another one here, kept as events-[0-9a-f]{16}\.jsonl$/,
  );
  assert.equal(await readFile(here, "utf8"), await readFile(there, "utf8"));
  const beside = (await readdir(join(home, "plot"))).filter((name) => name.startsWith("events-"));
  assert.equal(await readFile(join(home, "plot", beside[0] ?? ""), "utf8"), mine);
  assert.deepEqual((await bringHome(box, home)).problems, []);
});

test("a list that does not go on ends the sync", async (t) => {
  const page = { runs: [["plot", 0, 1, "0123456789abcdef", 0]], more: true };
  const box = await FarBox.start(t, {
    handler: () =>
      Promise.resolve({ code: "2.05", contentFormat: 50, payload: Buffer.from(JSON.stringify(page)) }),
  });
  const home = await temporaryFolder(t);
  await assert.rejects(bringHome(box, home), { code: "DEVICE_PROTOCOL", message: /does not go on/ });
});

test("a name that leads elsewhere on some computers is left out", async (t) => {
  const folder = await temporaryFolder(t);
  await writeDay(folder, "plot", [0]);
  await writeDay(folder, "a\\b", [0]);
  const box = await FarBox.start(t, { folder });
  const home = await temporaryFolder(t);
  const { files, problems } = await bringHome(box, home);
  assert.deepEqual([files, problems], [1, ["a\\b: is no name of a run on every computer, left out"]]);
});

test("a file that inflates beyond all measure does not come", async (t) => {
  const zeros = Buffer.alloc(65 * 1024 * 1024);
  const name = "b000000_s000000_light.pico";
  const text = manifestText([{ name, sha256: createHash("sha256").update(zeros).digest() }]);
  const lists = { "datadir/manifests": { runs: [["plot", 0, 1, "00", 0]], more: false } };
  const batches = { tag: "00", batches: [[0, 1, tagOf(text), text, 0]], more: false };
  const answers = new Map<string, object>(Object.entries({ ...lists, "datadir/manifests/plot": batches }));
  const payload = deflateSync(zeros);
  const box = await FarBox.start(t, {
    handler: ({ path }) => {
      const answer = answers.get(path.join("/"));
      if (answer === undefined) return { code: "2.05", contentFormat: 11_050, payload };
      return { code: "2.05", contentFormat: 50, payload: Buffer.from(JSON.stringify(answer)) };
    },
  });
  const { files, problems } = await bringHome(box, await temporaryFolder(t));
  assert.deepEqual([files, problems], [0, [`plot/${name}: is not on the server as its manifest says`]]);
});

test("a run that was removed at the server, and its name used again, does not mix with the one here", async (t) => {
  const folder = await temporaryFolder(t);
  const old = Array.from({ length: 3 }, (_, index) => `{"old":${index}}`);
  for (const batch of [0, 1]) await writeBatch(folder, "plot", { batch, texts: old });
  await writeFile(join(folder, "plot", "events.jsonl"), '{"event":"old"}\n');
  const box = await FarBox.start(t, { folder });
  const home = await temporaryFolder(t);
  await bringHome(box, home);
  const before = await hashesOf(home);
  await rm(join(folder, "plot"), { recursive: true });
  await writeBatch(folder, "plot", {
    batch: 0,
    texts: ['{"new":0}', ...old.slice(2), '{"new":2}', '{"new":3}'],
  });
  await writeFile(join(folder, "plot", "events.jsonl"), '{"event":"new"}\n');
  const { files, problems } = await bringHome(box, home);
  assert.deepEqual(problems, [
    "plot: the server has another run of this name by now, rename the folder here, then sync again; nothing of it was fetched",
  ]);
  assert.equal(files, 0);
  assert.deepEqual(await hashesOf(home), before);
  await rename(join(home, "plot"), join(home, "plot-old"));
  assert.deepEqual((await bringHome(box, home)).problems, []);
  const after = await hashesOf(home);
  for (const [name, hash] of await hashesOf(folder)) assert.equal(after.get(name), hash);
  for (const [name, hash] of before) assert.equal(after.get(name.replace("plot/", "plot-old/")), hash);
});
