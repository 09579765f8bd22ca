// Sequence numbers: none is ever given twice, whatever crashes and whoever else reserves.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import * as fc from "fast-check";
import { isVscopeError } from "../../../src/base/errors.ts";
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

test("a sequence file reserves on from where any process has stopped", async () => {
  const path = newPath();
  for (const first of [0, RESERVED, 2 * RESERVED])
    assert.equal(await new SequenceFile(path).reserve(), first);
  assert.deepEqual(readdirSync(join(path, "..")), [`key.${3 * RESERVED}`]);
});

test("a sequence file begins after the highest file that a crash has left, and minds no others", async () => {
  const path = newPath();
  for (const name of ["key.64", "key.128", "key.txt", "key.", "other.4096"])
    writeFileSync(join(path, "..", name), "");
  assert.equal(await new SequenceFile(path).reserve(), 128);
  await new SequenceFile(path).remove();
  assert.deepEqual(readdirSync(join(path, "..")).toSorted(), ["key.", "key.txt", "other.4096"]);
});

test("many processes reserve from one sequence file at once: no two get the same numbers", async () => {
  const path = newPath();
  const firsts = await Promise.all(Array.from({ length: 24 }, () => new SequenceFile(path).reserve()));
  assert.equal(new Set(firsts).size, 24);
  for (const first of firsts) assert.equal(first % RESERVED, 0);
});

test("a sequence file without a folder says so", async () => {
  const store = new SequenceFile(join(root, "missing", "key"));
  await assert.rejects(store.reserve(), (error) => isVscopeError(error, "DATADIR_IO"));
});
