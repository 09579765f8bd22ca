// Sequence numbers: none is ever given twice, whatever crashes and whoever else reserves.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { isVscopeError } from "../../../src/base/errors.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { RESERVED, SenderSequence } from "../../../src/coap/oscore/sender-sequence.ts";
import { SequenceFile } from "../../../src/coap/oscore/sequence-file.ts";
import { MemoryStore } from "./oscore-pair.ts";

const root = mkdtempSync(join(tmpdir(), "vscope-sequence-"));
after(() => rmSync(root, { recursive: true }));

let folders = 0;
function newPath(): string {
  const folder = join(root, String(folders++));
  mkdirSync(folder);
  return join(folder, "key");
}

test("a reservation is on disk before its first number is used, and the next one before it is needed", async () => {
  const store = new MemoryStore();
  const sequence = await SenderSequence.open(store);
  assert.equal(store.next, RESERVED);
  for (let number = 0; number < 3 * RESERVED; number++) {
    assert.equal(sequence.take(), number);
    assert.ok(number < store.next);
    if (number % 100 === 0) await new Promise(setImmediate);
  }
  assert.ok(store.reservations <= 4, `${store.reservations} reservations`);
});

test("while the disk is slow there is no number rather than an unsafe one", async () => {
  const store = new MemoryStore();
  const sequence = await SenderSequence.open(store);
  let finish = (): void => {};
  const slow = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const reserve = store.reserve.bind(store);
  store.reserve = () => slow.then(() => reserve());
  for (let number = 0; number < RESERVED; number++) assert.equal(sequence.take(), number);
  assert.equal(sequence.take(), undefined);
  const waiting = sequence.taken("key");
  finish();
  assert.equal(await waiting, RESERVED);
  assert.equal(sequence.take(), RESERVED + 1);
});

test("a disk that fails is tried again; meanwhile what was reserved is used", async () => {
  const store = new MemoryStore();
  const sequence = await SenderSequence.open(store);
  store.failure = new Error("read-only file system");
  for (let number = 0; number < RESERVED; number++) {
    assert.equal(sequence.take(), number);
    if (number % 100 === 0) await new Promise(setImmediate);
  }
  await assert.rejects(sequence.taken("key"), /read-only/);
  store.failure = undefined;
  assert.equal(await sequence.taken("key"), RESERVED);
});

test("after a crash at any time no number repeats", async () => {
  const lives = fc.array(fc.integer({ min: 0, max: 2 * RESERVED }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(lives, async (counts) => {
      const store = new MemoryStore();
      const used = new Set<number>();
      for (const count of counts) {
        // A crash between reservation and use is a life of 0.
        const sequence = await SenderSequence.open(store);
        for (let taken = 0; taken < count; taken++) {
          const number = await sequence.taken("key");
          assert.ok(!used.has(number), `${number} was used twice`);
          used.add(number);
        }
      }
    }),
    { numRuns: 20 },
  );
});

test("the last number is 2^40 - 1, and then the key is used up", async () => {
  const last = 2 ** 40 - 1;
  const sequence = await SenderSequence.open(new MemoryStore(last - 1));
  assert.equal(sequence.take(), last - 1);
  assert.equal(sequence.isExhausted, false);
  assert.equal(sequence.take(), last);
  assert.equal(sequence.isExhausted, true);
  assert.equal(sequence.take(), undefined);
  await assert.rejects(sequence.taken("laptop"), (error) => isVscopeError(error, "CONFIG_INVALID"));
});

test("skip goes beyond what another process has reserved", async () => {
  const store = new MemoryStore();
  const [one, two] = [await SenderSequence.open(store), await SenderSequence.open(store)];
  assert.equal(two.take(), RESERVED);
  await one.skip();
  assert.equal(one.take(), 2 * RESERVED);
});

/** Before the numbers of the clock begin. */
const EARLY = new VirtualClock(0);

function file(path: string, clock = EARLY): SequenceFile {
  return new SequenceFile(path, clock);
}

test("a sequence file reserves on from where any process has stopped, and minds no other files", async () => {
  const path = newPath();
  const others = ["key.", "key.txt", "other.9999999"];
  for (const name of others) writeFileSync(join(path, "..", name), "");
  for (const first of [0, RESERVED, 2 * RESERVED]) assert.equal(await file(path).reserve(), first);
  const names = readdirSync(join(path, ".."));
  assert.deepEqual(names.toSorted(), [...others, `key.${3 * RESERVED}`].toSorted());
});

test("a sequence file that is lost or restored gives no number again, by the clock", async () => {
  const path = newPath();
  const clock = new VirtualClock(Date.UTC(2026, 5, 1) * 1000);
  const first = await file(path, clock).reserve();
  const [backup] = readdirSync(join(path, ".."));
  for (let taken = 0; taken < 500; taken++) await file(path, clock).reserve();
  const last = await file(path, clock).reserve();
  assert.ok(first > 2 ** 32 && last === first + 501 * RESERVED);
  await clock.advance(3_600_000_000);
  for (const name of readdirSync(join(path, ".."))) rmSync(join(path, "..", name));
  assert.ok((await file(path, clock).reserve()) > last);
  for (const name of readdirSync(join(path, ".."))) rmSync(join(path, "..", name));
  writeFileSync(join(path, "..", backup ?? ""), "");
  assert.ok((await file(path, clock).reserve()) > last);
  // A clock that goes back, or far ahead, takes no numbers away.
  const before = await file(path, clock).reserve();
  assert.equal(await file(path).reserve(), before + RESERVED);
  const ahead = await file(path, new VirtualClock(Date.UTC(2300) * 1000)).reserve();
  assert.ok(ahead <= 2 ** 39);
});

test("many processes reserve from one sequence file at once: no two get the same numbers", async () => {
  const path = newPath();
  const firsts = await Promise.all(Array.from({ length: 24 }, () => file(path).reserve()));
  assert.deepEqual(
    firsts.toSorted((left, right) => left - right),
    Array.from({ length: 24 }, (_, index) => index * RESERVED),
  );
  assert.deepEqual(readdirSync(join(path, "..")), [`key.${24 * RESERVED}`]);
});

test("a process that is killed leaves no number to be taken again", { timeout: 60_000 }, async () => {
  const path = newPath();
  const program = fileURLToPath(new URL("number-taker.js", import.meta.url));
  const taken: number[] = [];
  for (const wanted of [1, 3000, 20_000, 9000]) {
    const child = spawn(process.execPath, [program, path], { stdio: ["ignore", "pipe", "inherit"] });
    let printed = "";
    for await (const chunk of child.stdout) {
      printed += String(chunk);
      if (printed.length > 5 * wanted) child.kill("SIGKILL");
    }
    // The last line can be cut off.
    taken.push(...printed.split("\n").slice(0, -1).map(Number));
  }
  assert.ok(taken.length > 10_000, `${taken.length} numbers`);
  assert.equal(new Set(taken).size, taken.length);
});

test("a sequence file without a folder says so", async () => {
  const store = file(join(root, "missing", "key"));
  await assert.rejects(store.reserve(), (error) => isVscopeError(error, "DATADIR_IO"));
});
