import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { logTo, SILENT } from "../../src/base/log.ts";
import { newKey } from "../../src/security/key.ts";
import { OscoreKeys } from "../../src/security/oscore-keys.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "vscope-oscore-"));
});
afterEach(() => rm(folder, { recursive: true }));

const laptop = newKey("laptop", "operate", 0);
const office = newKey("office", "admin", 0);

test("a key is found by the identifier of its holder, and only without an ID context", async () => {
  const keys = new OscoreKeys(folder, SILENT);
  await keys.take([laptop, office]);
  assert.equal(keys.find(Buffer.from(laptop.id), undefined)?.name, "laptop");
  assert.equal(keys.find(Buffer.from(office.id), undefined)?.name, "office");
  assert.equal(keys.find(Buffer.from(laptop.id), Buffer.from("x")), undefined);
  assert.equal(keys.find(Buffer.from("other"), undefined), undefined);
  assert.equal(keys.find(Buffer.alloc(0), undefined), undefined);
});

test("a key that is gone is not found; one that stays keeps what is known about its requests; a changed one does not", async () => {
  const keys = new OscoreKeys(folder, SILENT);
  await keys.take([laptop, office]);
  const before = keys.find(Buffer.from(office.id), undefined);
  await keys.take([office]);
  assert.equal(keys.find(Buffer.from(laptop.id), undefined), undefined);
  assert.equal(keys.find(Buffer.from(office.id), undefined), before);
  await keys.take([{ ...office, secret: laptop.secret }]);
  const after = keys.find(Buffer.from(office.id), undefined);
  assert.ok(after !== undefined && before !== undefined && after !== before);
  assert.notDeepEqual(after.senderKey, before.senderKey);
});

test("numbers that were reserved are never reserved again, and lie where only the owner looks", async () => {
  const numbers = new Set<number | undefined>();
  for (let start = 0; start < 3; start++) {
    const keys = new OscoreKeys(folder, SILENT);
    await keys.take([laptop]);
    const { sequence } = keys.find(Buffer.from(laptop.id), undefined) ?? assert.fail("no context");
    for (let message = 0; message < 10; message++) numbers.add(sequence.take());
  }
  assert.equal(numbers.size, 30);
  assert.ok(!numbers.has(undefined));
  assert.equal((await stat(join(folder, "oscore"))).mode & 0o777, 0o700);
  assert.equal((await readdir(join(folder, "oscore"))).length, 1);
});

test("keys whose numbers cannot be kept are in the log, once, and open nothing", async () => {
  const lines: string[] = [];
  const log = logTo({ write: (line) => void lines.push(line) });
  await writeFile(join(folder, "file"), "");
  const keys = new OscoreKeys(join(folder, "file"), log);
  await keys.take([laptop, office]);
  assert.equal(keys.find(Buffer.from(laptop.id), undefined), undefined);
  assert.equal(lines.length, 1);
  assert.match(
    lines[0] ?? "",
    /"keys":\["laptop","office"\],"reason":".*ENOTDIR.*security\.state: .*file: cannot/,
  );
  assert.ok(!lines.join("").includes(laptop.secret));
});
