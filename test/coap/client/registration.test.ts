// Registration at a resource directory: a small one on the virtual network, and aiocoap's own on loopback.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { type Clock, MS, SECOND, SystemClock } from "../../../src/base/clock.ts";
import { type Log, SILENT } from "../../../src/base/log.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { CoapClient } from "../../../src/coap/client/client.ts";
import { Registration } from "../../../src/coap/client/registration.ts";
import { type CoapRequest, type CoapResponse, CoapServer } from "../../../src/coap/server.ts";
import { bindUdp } from "../../../src/coap/network/udp.ts";
import { aiocoapPython } from "../support/outside-clients.ts";
import { VirtualNetwork } from "../support/virtual-network.ts";

const DIRECTORY = { host: "10.0.0.1", port: 5683 } as const;
const LINKS = '</sysinfo>;rt="vscope.sysinfo";ct=50';

/** A directory (RFC 9176) that keeps the requests it gets, and what is registered. */
class Directory {
  readonly requests: string[] = [];
  readonly registered = new Map<string, string>();
  code = "2.01";

  handle({ method, path, query, payload, contentFormat }: CoapRequest): CoapResponse {
    const at = `/${path.join("/")}`;
    this.requests.push([`${method} ${at}`, ...query].join(" "));
    if (at === "/.well-known/core") return { code: "2.05", payload: Buffer.from('</rd>;rt="core.rd";ct=40') };
    if (at === "/rd" && method === "POST") {
      assert.equal(contentFormat, 40);
      if (this.code === "2.01") this.registered.set("/reg/7", Buffer.from(payload).toString());
      return this.code === "2.01" ? { code: "2.01", locationPath: ["reg", "7"] } : { code: this.code };
    }
    if (!this.registered.has(at)) return { code: "4.04" };
    if (method === "DELETE") this.registered.delete(at);
    return { code: method === "DELETE" ? "2.02" : "2.04" };
  }
}

interface Conditions {
  readonly path?: readonly string[];
  readonly lifetimeS?: number;
}

async function bench({ path, lifetimeS = 600 }: Conditions = {}) {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock);
  const directory = new Directory();
  const listen = () =>
    CoapServer.listen({
      address: DIRECTORY.host,
      port: DIRECTORY.port,
      network: network.host(DIRECTORY.host),
      clock,
      log: SILENT,
      handler: (request) => directory.handle(request),
    });
  const lines: string[] = [];
  const keep = (_fields: object, message: string): void => void lines.push(message);
  const log: Log = { ...SILENT, info: keep, warn: keep };
  const announced = { links: LINKS };
  let port = 40_000;
  const names = { areLost: false };
  const registration = new Registration({
    directory: { ...DIRECTORY, path },
    endpoint: "box",
    serverPort: 5683,
    links: () => Buffer.from(announced.links),
    clock,
    log,
    lifetimeS,
    connect: () =>
      names.areLost ? new Promise(() => {}) : Promise.resolve(network.socket("10.0.0.7", port++)),
  });
  return { clock, directory, listen, registration, announced, lines, names };
}

const FIND = "GET /.well-known/core rt=core.rd*";
const REGISTER = "POST /rd ep=box lt=600 base=coap://10.0.0.7:5683";
const RENEW = "POST /reg/7";

test("finds where to register, registers, renews at half the lifetime, and removes itself", async () => {
  const { clock, directory, listen, registration } = await bench();
  const server = await listen();
  registration.start();
  await clock.advance(SECOND);
  assert.deepEqual(directory.requests, [FIND, REGISTER]);
  assert.equal(directory.registered.get("/reg/7"), LINKS);
  await clock.advance(601 * SECOND);
  assert.deepEqual(directory.requests.slice(2), [RENEW, RENEW]);
  await clock.run(registration.close());
  assert.equal(directory.requests.at(-1), "DELETE /reg/7");
  assert.equal(directory.registered.size, 0);
  await clock.run(server.close());
});

test("a path that is given is not searched for", async () => {
  const { clock, directory, listen, registration } = await bench({ path: ["rd"] });
  const server = await listen();
  registration.start();
  await clock.advance(SECOND);
  assert.deepEqual(directory.requests, [REGISTER]);
  await clock.run(registration.close());
  await clock.run(server.close());
});

test("changed links, and a directory that has forgotten, need the whole again", async () => {
  const { clock, directory, listen, registration, announced } = await bench({ path: ["rd"] });
  const server = await listen();
  registration.start();
  await clock.advance(SECOND);
  announced.links = `${LINKS},</more>`;
  await clock.advance(300 * SECOND);
  assert.deepEqual(directory.requests, [REGISTER, REGISTER]);
  assert.equal(directory.registered.get("/reg/7"), announced.links);
  directory.registered.clear();
  await clock.advance(300 * SECOND);
  assert.deepEqual(directory.requests.slice(2), [RENEW, REGISTER]);
  await clock.run(registration.close());
  await clock.run(server.close());
});

test("a directory that refuses is asked again after 10, 20, 40 ... s, up to 320 s; the log has a line for it", async () => {
  const { clock, directory, listen, registration, lines } = await bench({ path: ["rd"] });
  const server = await listen();
  directory.code = "5.03";
  const timesS: number[] = [];
  const handle = directory.handle.bind(directory);
  directory.handle = (request) => {
    timesS.push(Math.round(clock.nowUs() / SECOND));
    return handle(request);
  };
  registration.start();
  await clock.advance(1300 * SECOND);
  assert.deepEqual(timesS, [0, 10, 30, 70, 150, 310, 630, 950, 1270]);
  assert.deepEqual(lines, [
    "resource directory: 10.0.0.1:5683: the registration was answered 5.03; tried again",
  ]);
  directory.code = "2.01";
  await clock.advance(320 * SECOND);
  assert.ok(registration.isRegistered);
  assert.equal(lines.at(-1), "resource directory 10.0.0.1:5683: registered again");
  await clock.run(registration.close());
  await clock.run(server.close());
});

test("a directory that is not there yet is found when it is", async () => {
  const { clock, directory, listen, registration } = await bench();
  registration.start();
  await clock.advance(60 * SECOND);
  const server = await listen();
  await clock.advance(200 * SECOND);
  assert.deepEqual(directory.requests.slice(-2), [FIND, REGISTER]);
  await clock.run(server.close());
  await clock.run(registration.close());
});

for (const areLost of [false, true]) {
  const what = areLost ? "whose name is not found any more" : "that does not answer any more";
  test(`closing waits no longer than 0.3 s for a directory ${what}`, async () => {
    const { clock, listen, registration, lines, names } = await bench();
    const server = await listen();
    registration.start();
    await clock.advance(SECOND);
    await clock.run(server.close());
    names.areLost = areLost;
    const before = clock.nowUs();
    await clock.run(registration.close());
    assert.ok(clock.nowUs() - before <= 300 * MS);
    assert.equal(
      lines.at(-1),
      "resource directory: 10.0.0.1:5683: no answer to the removal in time; the registration stays until its lifetime ends",
    );
    assert.equal(clock.pending, 0);
  });
}

test("closing in the middle of an attempt ends it", async () => {
  const { clock, registration } = await bench();
  registration.start();
  await clock.advance(SECOND);
  await clock.run(registration.close());
  assert.equal(clock.pending, 0);
  assert.ok(!registration.isRegistered);
});

/** A port that is free now. */
async function freePort(): Promise<number> {
  const socket = await bindUdp("127.0.0.1", 0);
  await socket.close();
  return socket.port;
}

async function lookUp(client: CoapClient, clock: Clock, wanted: (text: string) => boolean): Promise<string> {
  for (;;) {
    const { payload } = await client.request({ method: "GET", path: ["endpoint-lookup", ""] }, NEVER);
    const text = Buffer.from(payload).toString();
    if (wanted(text)) return text;
    await clock.delay(SECOND / 10, NEVER);
  }
}

test("aiocoap's directory: registered, listed with its base, and removed", { timeout: 60_000 }, async () => {
  const clock = new SystemClock();
  const port = await freePort();
  const program = join(dirname(aiocoapPython()), "aiocoap-rd");
  const child = spawn(program, ["--bind", `127.0.0.1:${port}`], { stdio: "ignore" });
  const ended = once(child, "close");
  const registration = new Registration({
    directory: { host: "127.0.0.1", port },
    endpoint: "box",
    serverPort: 15_683,
    links: () => Buffer.from(LINKS),
    clock,
    log: SILENT,
  });
  const client = await CoapClient.open({ host: "127.0.0.1", port, clock });
  try {
    // It takes a second to listen; until then nobody is there.
    for (;;) {
      const isUp = await client.request({ method: "GET", path: [".well-known", "core"] }, NEVER).then(
        () => true,
        () => false,
      );
      if (isUp) break;
      await clock.delay(SECOND / 10, NEVER);
    }
    registration.start();
    const listed = await lookUp(client, clock, (text) => text.includes('ep="box"'));
    assert.match(listed, /base="coap:\/\/127\.0\.0\.1:15683"/);
    await registration.close();
    assert.doesNotMatch(await lookUp(client, clock, (text) => !text.includes("box")), /box/);
  } finally {
    await registration.close();
    await client.close();
    child.kill();
    await ended;
  }
});
