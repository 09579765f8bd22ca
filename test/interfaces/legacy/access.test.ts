// piccolo3's tree has the roles of what it does: a GET that acts is a command, a PUT that reads is none.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { logTo } from "../../../src/base/log.ts";
import { codeText } from "../../../src/coap/message/codes.ts";
import { OPTION } from "../../../src/coap/message/options.ts";
import { RawPeer, textOf } from "../../coap/support/raw-peer.ts";
import { type LegacyClient, legacyInstrument, Watch } from "./legacy-client.ts";

const ACTING = [
  "control/pause",
  "control/abort",
  "spectrometer/connect",
  "spectrometer/S_FLMS01859/disconnect",
];
const COMMANDS = ["control/numSequences", "control/record_dark", "shutter/upwelling/open_shutter"];
const OWNERS = ["sysinfo/clock", "data_dir/mount"];

async function codesOf(client: LegacyClient): Promise<Readonly<Record<string, string>>> {
  const codes: Record<string, string> = {};
  for (const path of ["control/status", ...ACTING]) codes[`GET ${path}`] = (await client.get(path)).code;
  for (const path of [...COMMANDS, ...OWNERS, "data_dir/all_runs", "data_dir/runs/spectra/spectra"])
    codes[`PUT ${path}`] = (await client.put(path, '[["?"], {}]')).code;
  return codes;
}

describe("roles in piccolo3's tree", () => {
  test("who reads gets values and files, and neither acts nor sets", async (t) => {
    const { client } = await legacyInstrument(t, { security: { policy: "closed", loopback: "read" } });
    const refused = [
      ...ACTING.map((path) => `GET ${path}`),
      ...[...COMMANDS, ...OWNERS].map((path) => `PUT ${path}`),
    ];
    assert.deepEqual(await codesOf(client), {
      "GET control/status": "2.05",
      ...Object.fromEntries(refused.map((request) => [request, "4.01"])),
      "PUT data_dir/all_runs": "2.04",
      "PUT data_dir/runs/spectra/spectra": "4.00",
    });
    assert.match(
      (await client.get("control/abort")).text,
      /needs a key with role operate, 127\.0\.0\.1 has read/,
    );
    assert.equal(await client.value("spectrometer/S_FLMS01859/status"), 6);
  });

  test("who operates does all but setting the clock and mounting", async (t) => {
    const { client } = await legacyInstrument(t, { security: { policy: "closed", loopback: "operate" } });
    const codes = await codesOf(client);
    for (const path of OWNERS) assert.equal(codes[`PUT ${path}`], "4.01", path);
    for (const [request, code] of Object.entries(codes))
      if (!OWNERS.some((path) => request.endsWith(path))) assert.notEqual(code, "4.01", request);
  });

  test("who may nothing sees what there is, but no names of runs", async (t) => {
    const { client } = await legacyInstrument(t, { security: { policy: "closed", loopback: "none" } });
    for (const [request, code] of Object.entries(await codesOf(client))) assert.equal(code, "4.01", request);
    const { text } = await client.get(".well-known/core");
    assert.ok(text.includes("</control/status>;obs") && !text.includes("/data_dir/runs/"));
    const other = await legacyInstrument(t);
    assert.ok((await other.client.get(".well-known/core")).text.includes("</data_dir/runs/spectra/name>"));
  });

  test("the audit log has a line for each command, whatever its method, and none for reading", async (t) => {
    const lines: { audit?: true; method: string; path: string; outcome: string }[] = [];
    const log = logTo({ write: (line) => void lines.push(JSON.parse(line)) });
    const { client, instrument } = await legacyInstrument(t, { log });
    await client.get("control/status");
    await client.get("control/abort");
    await client.done("data_dir/all_runs", []);
    await client.done("control/numSequences", [2]);
    assert.equal(await client.value("spectrometer/S_QEP00709/disconnect"), "ok");
    await instrument.server.close();
    assert.deepEqual(
      lines.filter(({ audit }) => audit === true).map(({ method, path, outcome }) => [method, path, outcome]),
      [
        ["GET", "/control/abort", "5.00"],
        ["PUT", "/control/numSequences", "2.04"],
        ["GET", "/spectrometer/S_QEP00709/disconnect", "2.05"],
      ],
    );
  });

  test("a copy of a GET that acts is answered and not carried out; a later block of one neither", async (t) => {
    const { client, instrument } = await legacyInstrument(t);
    const peer = await RawPeer.open(instrument.port);
    t.after(() => peer.close());
    const watch = await Watch.open(t, instrument.port, { path: "control/status" });
    await client.done("control/record_sequence", ["copies", 1000]);
    await watch.upTo((status) => status !== "idle");
    const messageId = 4711;
    const first = await peer.ask({ path: "control/pause", token: "p1", messageId });
    const copy = await peer.ask({ path: "control/pause", token: "p1", messageId });
    assert.deepEqual([codeText(first.code), textOf(first)], ["2.05", "null"]);
    assert.deepEqual([codeText(copy.code), textOf(copy)], ["2.05", "null"]);
    await watch.upTo((status) => status === "paused");
    const later = await peer.ask({ path: "control/pause", token: "p2", options: [[OPTION.BLOCK2, 0x16]] });
    assert.equal(codeText(later.code), "4.08");
    assert.equal(await client.value("control/status"), "paused");
    assert.equal((await client.get("control/abort")).code, "2.05");
  });
});
