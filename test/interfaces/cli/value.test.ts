// What a VALUE on the command line means.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FORMAT } from "../../../src/client/payload.ts";
import { exitCodeOf } from "../../../src/interfaces/cli/exit-codes.ts";
import { outcomeText } from "../../../src/interfaces/cli/value-text.ts";
import { numberOption, parseValue, payloadOf } from "../../../src/interfaces/cli/value.ts";

async function* input(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

const VALUES = [
  ["5000", 5000],
  ["-1.5", -1.5],
  ["true", true],
  ["null", null],
  ['{"a":[1]}', { a: [1] }],
  ['"12"', "12"],
  ["open", "open"],
  ["plot 10", "plot 10"],
  ["007", "007"],
  ["", ""],
] as const;

for (const [text, value] of VALUES) {
  test(`${JSON.stringify(text)} is ${JSON.stringify(value)}`, async () => {
    assert.deepEqual(parseValue(text), value);
    const payload = await payloadOf(text, input());
    assert.equal(payload.contentFormat, FORMAT.json);
    assert.deepEqual(JSON.parse(Buffer.from(payload.bytes).toString()), value);
  });
}

test("@file and - are uploaded byte for byte", async () => {
  const folder = await mkdtemp(join(tmpdir(), "vscope-"));
  try {
    const text = "[channels]\nµ = 1\r\n";
    await writeFile(join(folder, "a.config"), text);
    const file = await payloadOf(`@${join(folder, "a.config")}`, input());
    assert.equal(Buffer.from(file.bytes).toString(), text);
    assert.equal(file.contentFormat, FORMAT.text);
    const piped = await payloadOf("-", input('{"a"', ":1}"));
    assert.equal(Buffer.from(piped.bytes).toString(), '{"a":1}');
    assert.equal(piped.contentFormat, FORMAT.json);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a file that is not there is a mistake on the command line", async () => {
  await assert.rejects(payloadOf("@no/such/file", input()), (error) => exitCodeOf(error) === 2);
});

const parse = numberOption("-n", { min: 1, max: 10, integer: true });

test("a number option takes what is within its limits", () => {
  assert.equal(parse("1"), 1);
  assert.equal(parse("10"), 10);
  assert.equal(numberOption("--delay", { min: 0, max: 9 })("0.5"), 0.5);
});

for (const [text, message] of [
  ["abc", '-n: "abc" is not a whole number in digits'],
  ["", '-n: "" is not a whole number in digits'],
  ["1.5", '-n: "1.5" is not a whole number in digits'],
  ["1e1", '-n: "1e1" is not a whole number in digits'],
  ["0x5", '-n: "0x5" is not a whole number in digits'],
  ["NaN", '-n: "NaN" is not a whole number in digits'],
  ["0", "-n: 0 is outside 1..10"],
  ["11", "-n: 11 is outside 1..10"],
] as const) {
  test(`-n ${text} is refused`, () => assert.throws(() => parse(text), { message }));
}

test("what failed and has spectra is told from what has none", () => {
  assert.equal(outcomeText("failed", { spectra: 6 }), "failed in part");
  for (const result of [{ spectra: 0 }, {}, null, undefined, "text"])
    assert.equal(outcomeText("failed", result), "failed");
  assert.equal(outcomeText("done", { spectra: 6 }), "done");
});
