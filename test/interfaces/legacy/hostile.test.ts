// No request of any form ends, blocks or surprises the server: payloads that nobody sends, on every path that takes one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { logTo } from "../../../src/base/log.ts";
import { OPTION } from "../../../src/coap/message/options.ts";
import { findOption } from "../../../src/coap/message/options.ts";
import { TABLE } from "../../../src/interfaces/legacy/table.ts";
import { codeText } from "../../../src/coap/message/codes.ts";
import { RawPeer } from "../../coap/support/raw-peer.ts";
import { legacyInstrument, Watch } from "./legacy-client.ts";

const VALUES = [
  "null",
  "true",
  "-1",
  "1e308",
  "-1e400",
  '""',
  '"../../x"',
  '"\\u0000"',
  '"\\ud800"',
  '"__proto__"',
];
const FORMS = [
  (value: string) => value,
  (value: string) => `[${value}]`,
  (value: string) => `[[${value}], {}]`,
  (value: string) => `[[[${value}]], {}]`,
  (value: string) => `{"__proto__": ${value}}`,
  (value: string) => `{"constructor": ${value}, "n": ${value}, "t": ${value}, "run": ${value}}`,
  (value: string) => `[[], {"run": ${value}, "at_time": ${value}, "interval": ${value}}]`,
];
const BROKEN = [
  "",
  " ",
  "[",
  '{"a"',
  "\u00ff",
  "[[],{}",
  "nul",
  `"${"x".repeat(900)}"`,
  `${"[".repeat(400)}`,
];

test("strange arguments are answered, and the server goes on", { timeout: 300_000 }, async (t) => {
  const errors: string[] = [];
  const log = logTo({
    write: (line) => {
      const { level }: { level: number } = JSON.parse(line);
      if (level >= 50) errors.push(line);
    },
  });
  const { client } = await legacyInstrument(t, { log });
  const paths = TABLE.filter(({ put, isShared }) => put !== undefined && isShared !== true).map(({ path }) =>
    path
      .replace("{spectrometer}", "S_FLMS01859")
      .replace("{channel}", "upwelling")
      .replace("{run}", "spectra"),
  );
  const payloads = [...FORMS.flatMap((form) => VALUES.map(form)), ...BROKEN];
  for (const path of paths) {
    for (const payload of payloads) {
      const { code, text } = await client.put(path, payload);
      assert.match(code, /^(2\.04|4\.00|4\.04)$/, `PUT ${path} ${payload}: ${code} ${text}`);
      if (code === "4.00") assert.notEqual(text, "", `PUT ${path} ${payload}`);
    }
    await client.get("control/abort");
  }
  await client.until("control/status", (status) => status === "idle");
  assert.deepEqual(errors, []);
});

test("two files fetched at once by one client are not mixed without a sign: the tags differ", async (t) => {
  const { client, instrument } = await legacyInstrument(t);
  const watch = await Watch.open(t, instrument.port, { path: "control/status" });
  await client.done("control/record_sequence", ["mixed"]);
  await watch.upTo((status) => status === "idle");
  const peer = await RawPeer.open(instrument.port);
  t.after(() => peer.close());
  const path = "data_dir/runs/mixed/spectra";
  const tags: string[] = [];
  const ask = async (token: string, request: Partial<Parameters<RawPeer["ask"]>[0]>): Promise<void> => {
    const reply = await peer.ask({ code: 3, path, token, ...request });
    assert.equal(codeText(reply.code), "2.04");
    tags.push(findOption(reply.options, OPTION.ETAG)?.toString("hex") ?? assert.fail("no ETag"));
  };
  const file = (kind: string) => ({ payload: Buffer.from(`[["b000000_s000000_${kind}.pico"], {}]`) });
  await ask("d1", file("dark"));
  await ask("l1", file("light"));
  await ask("d2", { options: [[OPTION.BLOCK2, 0x16]] });
  assert.notEqual(tags[0], tags[1]);
  assert.equal(tags[2], tags[1], "the second block is of the second file, and says so");
});
