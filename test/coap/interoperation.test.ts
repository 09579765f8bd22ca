// This server with the clients of others (libcoap, aiocoap, npm coap, coap-cli), and this client with the server of npm coap.
// The value of `/obs` counts up with every read of it by an observer, so nothing here waits for time to pass.

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as npmCoap from "coap";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { SECOND, SystemClock } from "../../src/base/clock.ts";
import { CoapClient } from "../../src/coap/client/client.ts";
import type { CoapServer } from "../../src/coap/server.ts";
import { aiocoapPython, coapCli, coapClient, run } from "./outside-clients.ts";
import { pattern, Sample, sha256 } from "./sample-server.ts";

// npm coap keeps the process alive for EXCHANGE_LIFETIME; this shortens that from 247 s.
npmCoap.updateTiming({
  ackTimeout: 1,
  ackRandomFactor: 1,
  maxRetransmit: 2,
  maxLatency: 1,
  piggybackReplyMs: 50,
});

const clock = new SystemClock();
const folder = mkdtempSync(join(tmpdir(), "vscope-coap-"));
const ticking = { stop: (): void => {} };
let sample: Sample;
let server: CoapServer;
let base: string;

before(async () => {
  ({ sample, server } = await Sample.start({ clock }));
  sample.bodies.set("b2m", TWO_MIB);
  base = `coap://127.0.0.1:${server.port}`;
  const tick = (): void => {
    sample.value.set(sample.value.value + 1);
    ticking.stop = clock.after(SECOND / 20, tick);
  };
  tick();
});

after(async () => {
  ticking.stop();
  npmCoap.globalAgent.close();
  await server.close();
});

const FIVE_KB = pattern(5000, 9);
const QUARTER_MIB = pattern(262_144, 5);
const TWO_MIB = pattern(2 ** 21, 3);

/** What every client gets to see as an error. */
const ERRORS = [
  ["GET", "nope", "4.04"],
  ["DELETE", "s", "4.05"],
  ["GET", "throw", "5.00"],
] as const;

test("libcoap: discovery, GET of 11 bytes, of 256 KiB and of 2 MiB", { timeout: 60_000 }, async () => {
  const get = async (path: string): Promise<Buffer> =>
    (await run(coapClient(), ["-m", "get", `${base}/${path}`])).stdout;
  assert.match(
    (await get(".well-known/core?rt=sample.v*")).toString(),
    /^<\/obs>;rt="sample.value";ct=50;obs\n?$/,
  );
  assert.equal((await get("s")).toString().trim(), "hello world");
  for (const [name, bytes] of [
    ["b256k", pattern(262_144)],
    ["b2m", TWO_MIB],
  ] as const) {
    const target = join(folder, name);
    await run(coapClient(), ["-m", "get", "-o", target, `${base}/${name}`]);
    assert.equal(sha256(readFileSync(target)), sha256(bytes));
  }
});

test("libcoap: a large answer that takes 0.4 s", { timeout: 60_000 }, async () => {
  const target = join(folder, "late");
  await run(coapClient(), ["-m", "get", "-B", "20", "-o", target, `${base}/late`]);
  assert.equal(sha256(readFileSync(target)), sha256(pattern(8000)));
});

test("libcoap: PUT of 5 kB and of 256 KiB", { timeout: 60_000 }, async () => {
  for (const body of [FIVE_KB, QUARTER_MIB]) {
    const source = join(folder, "body");
    writeFileSync(source, body);
    const { stderr } = await run(coapClient(), ["-m", "put", "-f", source, `${base}/put`]);
    assert.equal(stderr, "");
    assert.equal(sha256(sample.uploaded), sha256(body));
  }
});

test("libcoap: observes, CON and NON", { timeout: 60_000 }, async () => {
  for (const type of [[], ["-N"]]) {
    const enough = (out: Buffer): boolean => out.toString().split("}").length > 5;
    const { stdout } = await run(coapClient(), ["-m", "get", "-s", "20", ...type, `${base}/obs`], { enough });
    const values = [...stdout.toString().matchAll(/\{"n":(\d+)\}/g)].map(([, n]) => Number(n));
    assert.ok(values.length >= 5, `only ${values.length} notifications`);
    assert.deepEqual(
      values,
      values.toSorted((left, right) => left - right),
    );
  }
});

test("libcoap: errors show their codes", { timeout: 60_000 }, async () => {
  for (const [method, path, code] of ERRORS) {
    const { stderr, stdout } = await run(coapClient(), ["-m", method.toLowerCase(), `${base}/${path}`]);
    assert.ok((stderr + stdout.toString()).includes(code), `${method} ${path}: ${stderr}`);
  }
});

test("aiocoap: discovers, GETs, PUTs 5 kB, reads 256 KiB and observes", { timeout: 90_000 }, async () => {
  const script = "test/interfaces/clients/aiocoap-exercise.py";
  const { stdout, stderr, status } = await run(aiocoapPython(), [
    script,
    base,
    "</obs>",
    "s",
    "put",
    "obs",
    "b256k",
  ]);
  assert.equal(status, 0, stderr);
  const seen: Record<string, unknown> & { observed: { text: string }[] } = JSON.parse(stdout.toString());
  assert.deepEqual(seen["large"], { bytes: 262_144, sha256: sha256(pattern(262_144)) });
  assert.deepEqual(seen["small"], { bytes: 11, sha256: sha256(Buffer.from("hello world")) });
  assert.equal(seen["put"], "2.04 Changed");
  assert.equal(seen["stored"], true);
  assert.equal(seen["missing"], "4.04 Not Found");
  const values = seen.observed.map(({ text }) => Number(/\d+/.exec(text)?.[0]));
  assert.equal(values.length, 6);
  assert.deepEqual(
    values,
    values.toSorted((left, right) => left - right),
  );
});

test("aiocoap: PUTs 256 KiB, reads 2 MiB", { timeout: 90_000 }, async () => {
  const script = "test/interfaces/clients/aiocoap-exercise.py";
  const args = [script, base, "</obs>", "s", "put", "obs", "b2m", "262144"];
  const { stdout, stderr, status } = await run(aiocoapPython(), args);
  assert.equal(status, 0, stderr);
  const seen: Record<string, unknown> = JSON.parse(stdout.toString());
  assert.deepEqual(seen["large"], { bytes: TWO_MIB.length, sha256: sha256(TWO_MIB) });
  assert.equal(seen["put"], "2.04 Changed");
  assert.equal(seen["stored"], true);
  assert.equal(sample.uploaded.length, 262_144);
});

test("aiocoap: errors show their codes", { timeout: 60_000 }, async () => {
  for (const [method, path, code] of ERRORS) {
    const args = ["-m", "aiocoap.cli.client", "-m", method, `${base}/${path}`];
    const { stdout, stderr } = await run(aiocoapPython(), args);
    assert.ok((stdout.toString() + stderr).includes(code), `${method} ${path}: ${stderr}`);
  }
});

test("aiocoap: observes a frame of 32 KiB, whole each time", { timeout: 90_000 }, async () => {
  let shift = 0;
  const timer = { stop: (): void => {} };
  const change = (): void => {
    sample.frame.set(pattern(32_768, ++shift & 0xff));
    timer.stop = clock.after(SECOND / 20, change);
  };
  change();
  const script = "test/interfaces/clients/aiocoap-exercise.py";
  // Without aiocoap the frames would keep this process alive for ever.
  const exercise = async () => run(aiocoapPython(), [script, base, "</obs>", "s", "put", "frame", "b1k"]);
  const { stdout, stderr, status } = await exercise().finally(() => timer.stop());
  assert.equal(status, 0, stderr);
  const { observed }: { observed: { bytes: number; sha256: string }[] } = JSON.parse(stdout.toString());
  const frames = new Set(Array.from({ length: 256 }, (_, index) => sha256(pattern(32_768, index))));
  assert.equal(observed.length, 6);
  for (const frame of observed) assert.ok(frames.has(frame.sha256), "a mixed frame");
});

// coap-cli 0.7.1 cannot send a body in blocks: it carries a library (coap 0.23.1) without Block1.
test("coap-cli: GET small and large, PUT of 1 kB", { timeout: 60_000 }, async () => {
  const cli = (...args: string[]) => run(process.execPath, [coapCli(), ...args]);
  const small = await cli("get", `${base}/s`);
  assert.equal(small.stdout.toString().trim(), "hello world");
  assert.match(small.stderr, /2\.05/);
  const text = "0123456789abcdef".repeat(62);
  const put = await cli("put", "-p", text, `${base}/put`);
  assert.match(put.stderr, /2\.04/);
  assert.equal(sample.uploaded.toString(), text);
  sample.uploaded = Buffer.from("0123456789abcdef".repeat(4096));
  // It puts a line end after each piece it prints.
  const large = (await cli("get", `${base}/put`)).stdout.toString().replaceAll("\n", "");
  assert.equal(large, sample.uploaded.toString());
});

test("coap-cli: discovery, GET of 2 MiB, errors", { timeout: 90_000 }, async () => {
  const cli = (...args: string[]) => run(process.execPath, [coapCli(), ...args]);
  const links = await cli("get", `${base}/.well-known/core?rt=sample.v*`);
  assert.match(links.stdout.toString(), /<\/obs>;rt="sample.value"/);
  // It puts a line end after each piece it prints, so the text has none.
  const text = "0123456789abcdef".repeat(2 ** 17);
  sample.bodies.set("text", Buffer.from(text));
  const large = (await cli("get", `${base}/text`)).stdout.toString().replaceAll("\n", "");
  assert.equal(sha256(Buffer.from(large)), sha256(Buffer.from(text)));
  for (const [method, path, code] of ERRORS) {
    const { stderr } = await cli(method.toLowerCase(), `${base}/${path}`);
    assert.ok(stderr.includes(code), `${method} ${path}: ${stderr}`);
  }
});

test("coap-cli: observes", { timeout: 60_000 }, async () => {
  const enough = (out: Buffer): boolean => out.toString().split("}").length > 5;
  const { stdout } = await run(process.execPath, [coapCli(), "-o", `${base}/obs`], { enough });
  assert.ok([...stdout.toString().matchAll(/\{"n":\d+\}/g)].length >= 5);
});

interface Answer {
  readonly code: string;
  readonly payload: Buffer;
}

function askWithNpmCoap(method: "GET" | "PUT" | "DELETE", pathname: string, body?: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = npmCoap.request({ hostname: "127.0.0.1", port: server.port, method, pathname });
    // This is how it is told to send a body in blocks: size exponent 6.
    if (body !== undefined) request.setOption("Block1", Buffer.from([6]));
    request.on("response", (response) => resolve({ code: response.code, payload: response.payload }));
    request.on("error", reject);
    request.end(body);
  });
}

test("npm coap as client: discovery, GET of 32 KiB and 2 MiB, PUT of 5 kB and 256 KiB, errors", {
  timeout: 90_000,
}, async () => {
  assert.match((await askWithNpmCoap("GET", "/.well-known/core")).payload.toString(), /<\/obs>/);
  assert.deepEqual((await askWithNpmCoap("GET", "/b32k")).payload, pattern(32_768));
  assert.equal(sha256((await askWithNpmCoap("GET", "/b2m")).payload), sha256(TWO_MIB));
  for (const body of [FIVE_KB, QUARTER_MIB]) {
    assert.equal((await askWithNpmCoap("PUT", "/put", body)).code, "2.04");
    assert.equal(sha256(sample.uploaded), sha256(body));
  }
  for (const [method, path, code] of ERRORS)
    assert.equal((await askWithNpmCoap(method, `/${path}`)).code, code);
});

test("npm coap as client: observes, and ends the observation", { timeout: 60_000 }, async () => {
  const before = server.stats.observers;
  const values = await new Promise<readonly string[]>((resolve, reject) => {
    const request = npmCoap.request({
      hostname: "127.0.0.1",
      port: server.port,
      pathname: "/obs",
      observe: true,
    });
    const seen: string[] = [];
    request.on("response", (response) => {
      response.on("data", (chunk: Buffer) => {
        seen.push(chunk.toString());
        if (seen.length !== 6) return;
        response.close(true);
        resolve(seen);
      });
    });
    request.on("error", reject);
    request.end();
  });
  const numbers = values.map((value) => Number(/\{"n":(\d+)\}/.exec(value)?.[1]));
  assert.deepEqual(
    numbers,
    numbers.toSorted((left, right) => left - right),
  );
  await until(sample.value, () => server.stats.observers === before, AbortSignal.timeout(20_000));
});

/** A server of npm coap that keeps what is PUT, and counts for observers. */
async function npmCoapServer(): Promise<{ readonly port: number; readonly close: () => void }> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  let stored = Buffer.alloc(0);
  const npm = npmCoap.createServer((request, response) => {
    if (request.method === "PUT") {
      stored = Buffer.from(request.payload);
      response.code = "2.04";
    }
    if (request.headers["Observe"] !== 0) {
      response.end(request.method === "PUT" ? "" : stored);
      return;
    }
    let n = 0;
    const write = (): void => {
      n += 1;
      response.write(JSON.stringify({ n }));
      if (n < 5) clock.after(SECOND / 20, write);
    };
    write();
  });
  npm.listen(socket);
  return { port: socket.address().port, close: () => npm.close(() => socket.close()) };
}

test("this client with the server of npm coap: PUT and GET of 5 kB, observe", {
  timeout: 60_000,
}, async () => {
  const { port, close } = await npmCoapServer();
  const client = await CoapClient.open({ host: "127.0.0.1", port, clock });
  const put = await client.request({ method: "PUT", path: ["store"], payload: FIVE_KB }, NEVER);
  assert.equal(put.code, "2.04");
  const got = await client.request({ method: "GET", path: ["store"] }, NEVER);
  assert.deepEqual(Buffer.from(got.payload), FIVE_KB);
  const values: string[] = [];
  for await (const { payload } of client.observe({ method: "GET", path: ["count"] }, NEVER)) {
    values.push(Buffer.from(payload).toString());
    if (values.length === 5) break;
  }
  assert.deepEqual(
    values,
    [1, 2, 3, 4, 5].map((n) => JSON.stringify({ n })),
  );
  await client.close();
  close();
});
