// An export on the server, seen by a client: asked for until it is done, and files that go on where a link was cut.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { isVscopeError, VscopeError } from "../../src/base/errors.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { type ExportSource, RemoteExport } from "../../src/client/remote-export.ts";
import { serverUnreachable } from "../../src/client/reply-error.ts";

const BYTES = Buffer.from("0123456789");
const ETAG = Uint8Array.of(7);
const RUNNING = {
  id: "1",
  state: "running",
  done: 1,
  of: 2,
  doing: "spectra",
  total: 0,
  files: [],
  products: [],
  leftOut: [],
  broken: [],
};

type Read = ExportSource["read"];

function sourceOf(statuses: readonly object[], read: Read, clock = new VirtualClock()): ExportSource {
  const left = [...statuses];
  return {
    url: "coap://box",
    clock,
    post: () => Promise.resolve({ location: ["datadir", "exports", "1"], value: undefined }),
    getAs: (path, shape) => {
      assert.match(String(path), /^\/datadir\/exports\/1\?offset=0&limit=/);
      return Promise.resolve(shape.parse(left.length > 1 ? left.shift() : left[0]));
    },
    read,
    delete: () => Promise.resolve(),
  };
}

const never: Read = () => Promise.reject(new VscopeError("INTERNAL", "nothing is read here"));

test("it is asked for until it is done; the error of one that fails is the server's", async () => {
  const clock = new VirtualClock();
  const file = { name: "a.csv", bytes: 10, sha256: "ab" };
  const done = { ...RUNNING, state: "done", total: 1, files: [file] };
  const made = await RemoteExport.start(sourceOf([RUNNING, RUNNING, done], never, clock), {}, NEVER);
  const seen: string[] = [];
  const status = await clock.run(made.finished(({ state }) => seen.push(state), NEVER));
  assert.deepEqual(seen, ["running", "running", "done"]);
  assert.deepEqual(status.files, [file]);
  const failed = { ...RUNNING, state: "failed", error: { code: "DATADIR_FULL", message: "1 MB are free" } };
  const other = await RemoteExport.start(sourceOf([failed], never), {}, NEVER);
  await assert.rejects(
    other.finished(() => undefined, NEVER),
    (error) => isVscopeError(error, "DATADIR_FULL") && error.message === "1 MB are free",
  );
});

const FILE = { name: "a.csv", bytes: BYTES.length, sha256: "ab" };

async function bytesOf(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

test("a file goes on where the link was cut, until an attempt brings nothing", async () => {
  const resumed: (string | undefined)[] = [];
  let cuts = 2;
  const read: Read = (_path, { resume, onPart }) => {
    resumed.push(resume && Buffer.from(resume.have).toString());
    const from = resume?.have.length ?? 0;
    // The last bytes that are there come once more.
    const offset = Math.max(0, from - 1);
    if (cuts-- > 0) onPart?.({ offset, bytes: BYTES.subarray(offset, from + 4), etag: ETAG });
    if (cuts >= 0) return Promise.reject(serverUnreachable("cut"));
    return Promise.resolve({ code: "2.05", payload: BYTES, maxAgeS: 60, locationPath: [] });
  };
  const made = await RemoteExport.start(sourceOf([], read), {}, NEVER);
  assert.deepEqual(await bytesOf(made.read(FILE, NEVER)), BYTES);
  assert.deepEqual(resumed, [undefined, "0123", "01234567"]);
  const dead = await RemoteExport.start(
    sourceOf([], () => Promise.reject(serverUnreachable("cut"))),
    {},
    NEVER,
  );
  await assert.rejects(bytesOf(dead.read(FILE, NEVER)), /cut/);
});

test("a file longer than any answer comes in pieces of 1 MiB, one in memory at a time", async () => {
  const bytes = 300 * 2 ** 20 + 5;
  let asked = 0;
  const read: Read = (path) => {
    const { pathname, searchParams } = new URL(String(path), "coap://box");
    assert.equal(pathname, "/datadir/exports/1/a%20b.zip");
    assert.equal(Number(searchParams.get("offset")), asked);
    const length = Math.min(Number(searchParams.get("length")), bytes - asked);
    asked += length;
    return Promise.resolve({ code: "2.05", payload: Buffer.alloc(length), maxAgeS: 60, locationPath: [] });
  };
  const made = await RemoteExport.start(sourceOf([], read), {}, NEVER);
  let [largest, sum] = [0, 0];
  for await (const piece of made.read({ ...FILE, name: "a b.zip", bytes }, NEVER)) {
    largest = Math.max(largest, piece.length);
    sum += piece.length;
    assert.equal(sum, asked, "nothing is asked for before it is wanted");
  }
  assert.deepEqual([sum, largest], [bytes, 2 ** 20]);
});
