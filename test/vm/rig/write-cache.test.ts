import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../../datadir/folder.ts";
import { cutPower, parseWriteLog } from "./write-cache.ts";

const SECTOR = 512;
const FLUSH = 1;
const FORCED = 2;

function sectorOf(fields: readonly bigint[]): Buffer {
  const sector = Buffer.alloc(SECTOR);
  for (const [index, field] of fields.entries()) sector.writeBigUInt64LE(field, 8 * index);
  return sector;
}

const SUPER = sectorOf([0x6a736677736872n, 1n, 0n, 512n]);
const flush = (): Buffer => sectorOf([0n, 0n, BigInt(FLUSH), 0n]);
const write = (sector: number, letters: string, flags = 0): Buffer => {
  const data = Buffer.concat(letters.split("").map((letter) => Buffer.alloc(SECTOR, letter)));
  return Buffer.concat([
    sectorOf([BigInt(sector), BigInt(letters.length), BigInt(flags), BigInt(data.length)]),
    data,
  ]);
};

test("writes before the last flush are safe, later ones are cached, of a cut one whole sectors", () => {
  const entries = [SUPER, write(1, "a"), write(2, "bc"), flush(), write(4, "d"), write(5, "ef")];
  const log = Buffer.concat(entries);
  const { flushed, cached } = parseWriteLog(log.subarray(0, log.length - 100));
  assert.deepEqual(
    flushed.map(({ sector, data }) => [sector, data.length]),
    [
      [1, SECTOR],
      [2, 2 * SECTOR],
    ],
  );
  assert.deepEqual(
    cached.map(({ sector, data }) => [sector, data.length]),
    [
      [4, SECTOR],
      [5, SECTOR],
    ],
  );
  assert.throws(() => parseWriteLog(Buffer.alloc(2 * SECTOR)), /not a log/);
});

test("a write that forces its way to the medium is safe, the ones before it are not", () => {
  const { flushed, cached } = parseWriteLog(Buffer.concat([SUPER, write(1, "a"), write(2, "b", FORCED)]));
  assert.deepEqual(
    [flushed, cached].map((writes) => writes.map(({ sector }) => sector)),
    [[2], [1]],
  );
});

test("a power cut keeps what is flushed, and of the rest what chance says, torn between sectors", async (t) => {
  const folder = await temporaryFolder(t);
  const [image, log] = [join(folder, "image"), join(folder, "log")];
  const letters = async (chances: readonly number[]): Promise<string> => {
    const left = [...chances];
    await writeFile(image, Buffer.alloc(8 * SECTOR, "-"));
    await cutPower(image, { log, bytes: Infinity }, () => left.shift() ?? 0);
    const bytes = await readFile(image, "latin1");
    return Array.from({ length: 8 }, (_, index) => bytes[index * SECTOR]).join("");
  };
  await writeFile(log, Buffer.concat([SUPER, write(0, "ab"), flush(), write(1, "cd"), write(5, "ef")]));
  assert.equal(await letters([0.1, 0.1]), "ab------");
  assert.equal(await letters([0.9, 0.9, 0.1]), "acd-----");
  assert.equal(await letters([0.1, 0.9, 0.1, 0.6]), "ab---e--");
});
