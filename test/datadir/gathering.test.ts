import assert from "node:assert/strict";
import { test } from "node:test";
import { isVscopeError, VscopeError } from "../../src/base/errors.ts";
import { Gathering } from "../../src/datadir/gathering.ts";
import { Writer } from "../../src/datadir/writer.ts";
import { NEVER } from "./folder.ts";

/** A slow disk: each group ends when the test says so. */
class SlowDisk {
  readonly groups: (readonly number[])[] = [];
  readonly writer = new Writer("test");
  readonly gathering = new Gathering<number, string>(this.writer, (items) => this.#take(items));
  #end: ((outcome?: VscopeError) => void) | undefined;

  /** Ends the group under way; `error`: it fails as a whole. */
  async end(error?: VscopeError): Promise<void> {
    const ended = this.#end;
    assert.ok(ended !== undefined, "no group is under way");
    this.#end = undefined;
    ended(error);
    await turn();
  }

  #take(items: readonly number[]): Promise<readonly (string | VscopeError)[]> {
    this.groups.push(items);
    return new Promise((resolve, reject) => {
      this.#end = (error) => {
        if (error !== undefined) reject(error);
        else resolve(items.map((item) => (item < 0 ? new VscopeError("DATADIR_IO", "bad") : `file ${item}`)));
      };
    });
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a free disk takes one at once, a busy one takes together what has waited, in order", async () => {
  const disk = new SlowDisk();
  const told: string[] = [];
  const add = (item: number): void =>
    void disk.gathering.add(item).then(
      (name) => told.push(name),
      () => told.push(`failed ${item}`),
    );
  add(0);
  await turn();
  assert.deepEqual(disk.groups, [[0]]);
  for (const item of [1, 2, -3]) add(item);
  await turn();
  assert.deepEqual(told, []);
  await disk.end();
  assert.deepEqual(told, ["file 0"]);
  assert.deepEqual(disk.groups.at(-1), [1, 2, -3]);
  add(4);
  await disk.end();
  assert.deepEqual(told, ["file 0", "file 1", "file 2", "failed -3"]);
  await disk.end(new VscopeError("DATADIR_NOT_MOUNTED", "gone"));
  assert.equal(told.at(-1), "failed 4");
  await disk.writer.idle();
});

test("other jobs have their turn between groups", async () => {
  const disk = new SlowDisk();
  const order: string[] = [];
  const first = disk.gathering.add(1).then(() => order.push("set"));
  const job = disk.writer.run(async () => order.push("job"));
  await turn();
  const later = disk.gathering.add(2).then(() => order.push("later set"));
  await turn();
  await disk.end();
  await disk.end();
  await Promise.all([first, job, later]);
  assert.deepEqual(order, ["set", "job", "later set"]);
});

test("a set has its turn however many other jobs wait, and in their order", async () => {
  const disk = new SlowDisk();
  const order: string[] = [];
  const jobs = Array.from({ length: 65 }, () => disk.writer.run(async () => order.push("job")));
  await assert.rejects(
    disk.writer.run(async () => undefined),
    (error) => isVscopeError(error, "DEVICE_BUSY"),
  );
  const set = disk.gathering.add(1).then(() => order.push("set"));
  await Promise.all(jobs);
  await turn();
  await disk.end();
  await set;
  assert.deepEqual(order.slice(-2), ["job", "set"]);
});

test("there is room for 48; a caller that does not ask for it is refused at 64 that wait", async () => {
  const disk = new SlowDisk();
  const added: Promise<string>[] = [];
  for (let item = 0; item < 48; item++) {
    added.push(disk.gathering.add(item));
    await turn();
  }
  let hasRoom = false;
  const room = disk.gathering.room(NEVER).then(() => (hasRoom = true));
  await turn();
  assert.equal(hasRoom, false);
  for (let item = 48; item < 65; item++) added.push(disk.gathering.add(item));
  await assert.rejects(disk.gathering.add(65), (error) => isVscopeError(error, "DEVICE_BUSY"));
  await disk.end();
  await disk.end();
  await room;
  await disk.end();
  assert.deepEqual(
    disk.groups.map(({ length }) => length),
    [1, 48, 16],
  );
  assert.equal((await Promise.all(added)).length, 65);
});
