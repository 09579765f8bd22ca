// aiocoap, the library of piccolo3's client, talks to piccolo3's tree in the way of that client.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { aiocoapPython, ROOT, run } from "../../coap/support/outside-clients.ts";
import { CoapInstrument } from "../../support/coap-instrument.ts";

test("aiocoap in the way of piccolo3's client", { timeout: 180_000 }, async (t) => {
  const instrument = await CoapInstrument.start();
  t.after(() => instrument.close());
  const script = join(ROOT, "test", "interfaces", "clients", "aiocoap-piccolo3.py");
  const base = `coap://127.0.0.1:${instrument.port}`;
  const { stdout, stderr, status } = await run(aiocoapPython(), [script, base]);
  assert.equal(status, 0, stderr);
  const { status: seen, bytes, ...exact }: Record<string, unknown> = JSON.parse(stdout.toString());
  const files = ["b000000_s000001_light.pico", "b000000_s000001_dark.pico"];
  files.push("b000000_s000000_light.pico", "b000000_s000000_dark.pico");
  assert.deepEqual(exact, {
    files,
    spectra: 4,
    types: ["light"],
    delay: 1.5,
    spectrometers: ["S_FLMS01859", "S_QEP00709"],
    runs: ["aiocoap3"],
    run: "next",
    refused: "4.00 Bad Request: target: 95 is outside 10..90",
    idle: "5.00 Internal Server Error: piccolo system is not busy",
  });
  assert.equal(bytes, (await readFile(join(instrument.folder, "aiocoap3", files[0] ?? ""), "utf8")).length);
  assert.ok(Array.isArray(seen));
  for (const text of ["downwelling dark", "upwelling light"])
    assert.ok(seen.includes(text), stdout.toString());
  assert.deepEqual([seen.at(0), seen.at(-1)], ["idle", "idle"]);
});
