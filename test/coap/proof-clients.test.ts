// The clients of others at a server that takes them for strangers and asks them for a proof: none of them knows of that.

import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { SECOND, SystemClock } from "../../src/base/clock.ts";
import type { CoapServer } from "../../src/coap/server.ts";
import { aiocoapPython, coapCli, coapClient, run } from "./support/outside-clients.ts";
import { bindUdp, type DatagramSocket } from "../../src/coap/network/udp.ts";
import { pattern, Sample, sha256 } from "./support/sample-server.ts";

const clock = new SystemClock();
const folder = mkdtempSync(join(tmpdir(), "vscope-proof-"));
const ticking = { stop: (): void => {} };
let sample: Sample;
let server: CoapServer;
let base: string;
let challengesBefore = 0;

before(async () => {
  const socket = seenFromAfar(await bindUdp("127.0.0.1", 0));
  ({ sample, server } = await Sample.start({ clock, amplification: "all", socket }));
  base = `coap://127.0.0.1:${server.port}`;
  const tick = (): void => {
    sample.value.set(sample.value.value + 1);
    ticking.stop = clock.after(SECOND / 20, tick);
  };
  tick();
});

beforeEach(() => {
  challengesBefore = server.stats.challenges;
});

after(async () => {
  ticking.stop();
  await server.close();
});

/** This computer need not prove itself: to the server its programs are somewhere else. */
function seenFromAfar(socket: DatagramSocket): DatagramSocket {
  return {
    address: socket.address,
    port: socket.port,
    attach: (listener) =>
      socket.attach({
        message: (bytes, _address, port) => listener.message(bytes, "198.51.100.1", port),
        failed: (error) => listener.failed(error),
      }),
    send: (bytes, port) => socket.send(bytes, port, "127.0.0.1"),
    close: () => socket.close(),
  };
}

/** Each run of a client has a port of its own, and so a proof of its own. */
function assertProven(): void {
  assert.ok(server.stats.challenges > challengesBefore, "nobody was asked for a proof");
  assert.equal(server.stats.dropped, 0);
}

test("libcoap: GET of 1000 bytes and 256 KiB, CON and NON; PUT of 5 kB", { timeout: 60_000 }, async () => {
  for (const type of [[], ["-N"]]) {
    for (const [path, bytes] of [
      ["b1k", 1000],
      ["b256k", 262_144],
    ] as const) {
      const { stdout } = await run(coapClient(), ["-m", "get", ...type, `${base}/${path}`]);
      assert.deepEqual(stdout.subarray(0, bytes), pattern(bytes));
    }
  }
  const source = join(folder, "body");
  writeFileSync(source, pattern(5000));
  const { stderr } = await run(coapClient(), ["-m", "put", "-f", source, `${base}/put`]);
  assert.equal(stderr, "");
  assert.equal(sha256(sample.uploaded), sha256(pattern(5000)));
  assertProven();
});

test("libcoap: observes, CON and NON", { timeout: 60_000 }, async () => {
  for (const type of [[], ["-N"]]) {
    const enough = (out: Buffer): boolean => out.toString().split("}").length > 5;
    const { stdout } = await run(coapClient(), ["-m", "get", "-s", "20", ...type, `${base}/obs`], { enough });
    assert.ok([...stdout.toString().matchAll(/\{"n":\d+\}/g)].length >= 5);
  }
  assertProven();
});

test("aiocoap: discovers, GETs, PUTs 5 kB, reads 256 KiB and observes", { timeout: 90_000 }, async () => {
  const script = "test/interfaces/clients/aiocoap-exercise.py";
  const args = [script, base, "</obs>", "s", "put", "obs", "b256k"];
  const { stdout, stderr, status } = await run(aiocoapPython(), args);
  assert.equal(status, 0, stderr);
  const seen: Record<string, unknown> & { observed: unknown[] } = JSON.parse(stdout.toString());
  assert.deepEqual(seen["large"], { bytes: 262_144, sha256: sha256(pattern(262_144)) });
  assert.equal(seen["stored"], true);
  assert.equal(seen.observed.length, 6);
  assertProven();
});

test("coap-cli: GET of 8 kB, observes", { timeout: 60_000 }, async () => {
  sample.uploaded = Buffer.from("0123456789abcdef".repeat(512));
  const got = await run(process.execPath, [coapCli(), "get", `${base}/put`]);
  assert.equal(got.stdout.toString().replaceAll("\n", ""), sample.uploaded.toString());
  const enough = (out: Buffer): boolean => out.toString().split("}").length > 5;
  const { stdout } = await run(process.execPath, [coapCli(), "-o", `${base}/obs`], { enough });
  assert.ok([...stdout.toString().matchAll(/\{"n":\d+\}/g)].length >= 5);
  assertProven();
});
