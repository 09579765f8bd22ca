// Discovery by multicast: who answers, when and what; and the client that asks. On a virtual network, and on this
// computer's loopback.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { SECOND, SystemClock } from "../../../src/base/clock.ts";
import { VscopeError } from "../../../src/base/errors.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { CoapClient } from "../../../src/coap/client/client.ts";
import { decodeMessage, encodeMessage } from "../../../src/coap/message/codec.ts";
import { readBlock } from "../../../src/coap/message/block.ts";
import { ACK, CON, NON } from "../../../src/coap/message/codes.ts";
import { discover } from "../../../src/coap/client/discover.ts";
import { findOption, OPTION } from "../../../src/coap/message/options.ts";
import { SYSTEM_NETWORK, type UdpNetwork } from "../../../src/coap/network/network.ts";
import { brief, CODE, type RawRequest, requestBytes } from "../support/raw-peer.ts";
import { Sample } from "../support/sample-server.ts";
import { VirtualNetwork } from "../support/virtual-network.ts";

const PORT = 5683;
const GROUP = "224.0.1.187";
const CORE = ".well-known/core";

/** A server at 192.0.2.7 and a raw client at 192.0.2.20. */
async function bench() {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock);
  const host = network.host("192.0.2.7", "fe80::7%eth0");
  const { sample, server } = await Sample.start({
    clock,
    network: host,
    address: "::",
    port: PORT,
    multicast: true,
  });
  const socket = network.socket("192.0.2.20", 4000);
  /** Asks the group and returns what came within 6 s. */
  const ask = async (request: RawRequest): Promise<readonly string[]> => {
    const before = network.sent.length;
    socket.send(requestBytes({ type: NON, ...request }), PORT, GROUP);
    await clock.advance(6 * SECOND);
    return network.sent
      .slice(before)
      .filter(({ to }) => to === "192.0.2.20 4000")
      .map(({ from, bytes }) => {
        const message = decodeMessage(bytes);
        assert.ok(message !== undefined);
        return `${from}: ${brief(message)}`;
      });
  };
  return { clock, network, sample, server, ask };
}

const ANSWERED = [`192.0.2.7 ${PORT}: NON 2.05`];

test("a NON GET of /.well-known/core to the group is answered from the server's own address", async () => {
  const { clock, server, sample, ask } = await bench();
  assert.deepEqual(await ask({ path: CORE }), ANSWERED);
  assert.equal(sample.requests[0]?.isMulticast, true);
  assert.deepEqual(
    await ask({ path: CORE, messageId: 2, options: [[OPTION.URI_QUERY, "rt=sample.value"]] }),
    ANSWERED,
  );
  await clock.run(server.close());
});

const SILENT_TO: readonly (readonly [name: string, request: RawRequest])[] = [
  ["a filter that nothing fits", { path: CORE, options: [[OPTION.URI_QUERY, "rt=nothing"]] }],
  ["a confirmable GET", { type: CON, path: CORE }],
  ["a confirmable empty message", { type: CON, code: 0, token: "" }],
  ["another resource", { path: "s" }],
  ["a resource that does not exist", { path: "nope" }],
  ["a POST", { code: CODE.POST, path: CORE }],
  ["an unknown method", { code: 30, path: CORE }],
  ["an unknown critical option", { path: CORE, options: [[65001, "x"]] }],
  ["a client that wants no 2.xx", { path: CORE, options: [[OPTION.NO_RESPONSE, 2]] }],
];

for (const [name, request] of SILENT_TO) {
  test(`to the group, ${name}: silence`, async () => {
    const { clock, server, ask } = await bench();
    assert.deepEqual(await ask(request), []);
    assert.deepEqual(await ask({ path: CORE, messageId: 9, token: "other" }), ANSWERED);
    await clock.run(server.close());
  });
}

test("a POST to the group does not run, nor does an observation register", async () => {
  const { clock, server, sample, network, ask } = await bench();
  await ask({ code: CODE.POST, path: "inc" });
  assert.equal(sample.runs, 0);
  await ask({ path: CORE, options: [[OPTION.OBSERVE, 0]] });
  assert.equal(server.stats.observers, 0);
  const answer = decodeMessage(network.sent.at(-1)?.bytes ?? Buffer.alloc(0));
  assert.equal(findOption(answer?.options ?? [], OPTION.OBSERVE), undefined);
  await clock.run(server.close());
});

test("answers to the group are spread over 5 s, a copy of the request gets none", async () => {
  const { clock, server, network } = await bench();
  const socket = network.socket("192.0.2.21", 4000);
  const timesUs: number[] = [];
  socket.attach({ message: () => timesUs.push(clock.nowUs()), failed: () => {} });
  for (let messageId = 1; messageId <= 30; messageId++) {
    const bytes = requestBytes({ type: NON, path: CORE, messageId, token: `t${messageId}` });
    socket.send(bytes, PORT, GROUP);
    socket.send(bytes, PORT, GROUP);
  }
  await clock.advance(6 * SECOND);
  assert.equal(timesUs.length, 30);
  assert.ok(Math.max(...timesUs) < 5.1 * SECOND);
  assert.ok(Math.max(...timesUs) - Math.min(...timesUs) > 2 * SECOND);
  await clock.run(server.close());
  assert.equal(clock.pending, 0);
});

test("a server that is not asked by its groups joins none", async () => {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock);
  const host = network.host("192.0.2.7");
  const { server } = await Sample.start({ clock, network: host, address: "::", port: PORT });
  assert.equal(network.group(GROUP, PORT).size, 0);
  await clock.run(server.close());
});

test("interfaces that come are joined", async () => {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock);
  const host = network.host("127.0.0.1");
  const { server } = await Sample.start({ clock, network: host, address: "::", port: PORT, multicast: true });
  host.present = ["127.0.0.1", "192.0.2.7"];
  await clock.advance(6 * SECOND);
  const [socket] = network.group(GROUP, PORT);
  assert.deepEqual([...(socket?.joined ?? [])], ["127.0.0.1", "192.0.2.7"]);
  await clock.run(server.close());
  assert.equal(network.group(GROUP, PORT).size, 0);
});

test("a server on chosen addresses answers their subnets only", async () => {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock);
  const host = network.host("127.0.0.1", "192.0.2.7");
  const { server } = await Sample.start({
    clock,
    network: host,
    address: "127.0.0.1",
    port: PORT,
    multicast: true,
  });
  const far = network.socket("192.0.2.20", 4000);
  far.send(requestBytes({ type: NON, path: CORE }), PORT, GROUP);
  const near = network.socket("127.0.0.1", 4000);
  near.send(requestBytes({ type: NON, path: CORE }), PORT, GROUP);
  await clock.advance(6 * SECOND);
  assert.deepEqual(
    network.sent.slice(2).map(({ to }) => to),
    ["127.0.0.1 4000"],
  );
  await clock.run(server.close());
});

/** Two servers, the second with a long list, and somebody who looks for them from 192.0.2.20. */
async function two() {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock);
  const servers = await Promise.all(
    ["192.0.2.7", "192.0.2.8"].map(async (address, index) => {
      const started = await Sample.start({
        clock,
        network: network.host(address, `fe80::${index + 7}%eth0`),
        address: "0.0.0.0",
        port: PORT,
        multicast: true,
      });
      if (index === 1) started.sample.extraLinks = 200;
      return started.server;
    }),
  );
  const asking = network.host("192.0.2.20", "fe80::20%eth0");
  const connectTo = (host: string, port: number) =>
    CoapClient.open({ host, port, clock, socket: network.socket("192.0.2.20", 5000) });
  const find = (connect: typeof connectTo) => clock.run(discover({ clock, network: asking, connect }, NEVER));
  const close = async (): Promise<void> => {
    for (const server of servers) await clock.run(server.close());
  };
  return { connectTo, find, close };
}

test("discover finds every server, each once, with its links; long lists whole", async () => {
  const { connectTo, find, close } = await two();
  const found = await find(connectTo);
  const seen = found.map(({ host, port, links }) => `${host} ${port} ${links.length}`).toSorted();
  assert.deepEqual(seen, [`192.0.2.7 ${PORT} 4`, `192.0.2.8 ${PORT} 204`]);
  await close();
});

test("a server that cannot tell the rest of its list hides neither the others nor what it has told", async () => {
  const { find, close } = await two();
  const found = await find(() => Promise.reject(new VscopeError("DEVICE_NOT_CONNECTED", "gone")));
  assert.deepEqual(found.map(({ host }) => host).toSorted(), ["192.0.2.7", "192.0.2.8"]);
  const links = found.find(({ host }) => host === "192.0.2.8")?.links.length ?? 0;
  assert.ok(links > 4 && links < 204, `${links} links`);
  await close();
});

/** Somebody at `address` who says that there is more, and goes on as `next` says: the payload of a block, or silence. */
function talker(network: VirtualNetwork, address: string, next: (number: number) => Buffer | undefined) {
  const group = network.host(address).bindGroup(GROUP, PORT);
  const socket = network.socket(address, PORT);
  const asked: number[] = [];
  const answer = (bytes: Buffer, to: string, port: number): void => {
    const message = decodeMessage(bytes);
    if (message === undefined) return;
    const option = findOption(message.options, OPTION.BLOCK2);
    const number = option === undefined ? 0 : readBlock(option).number;
    asked.push(number);
    const payload = number === 0 ? Buffer.from("</first>,".padEnd(1024)) : next(number);
    if (payload === undefined) return;
    const head = { code: 0x45, messageId: message.messageId, token: message.token };
    const block = {
      number: OPTION.BLOCK2,
      value: Buffer.from([number >> 12, number >> 4, (number << 4) | 14]),
    };
    const type = message.type === CON ? ACK : NON;
    socket.send(encodeMessage({ type, ...head, options: [block], payload }), port, to);
  };
  socket.attach({ message: answer, failed: () => {} });
  return group.then((joined) => {
    joined.join(address);
    joined.attach({ message: answer, failed: () => {} });
    return asked;
  });
}

test("a server that falls silent, or tells for ever, keeps nobody waiting; what it has told first counts", async () => {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock);
  const asking = network.host("192.0.2.20");
  const silent = await talker(network, "192.0.2.7", () => undefined);
  const endless = await talker(network, "192.0.2.8", () => Buffer.from("</a>,".repeat(205).slice(0, 1024)));
  let port = 5000;
  const connect = (host: string, at: number) =>
    CoapClient.open({ host, port: at, clock, socket: network.socket("192.0.2.20", port++) });
  const found = await clock.run(discover({ clock, network: asking, connect }, NEVER));
  assert.ok(clock.nowUs() <= 17 * SECOND, `${clock.nowUs()} us`);
  assert.deepEqual(found.map(({ host, links }) => `${host} ${links.length}`).toSorted(), [
    "192.0.2.7 1",
    "192.0.2.8 1",
  ]);
  assert.ok(silent.length <= 6);
  assert.equal(Math.max(...endless), 128, "blocks of 1024 bytes, 128 KiB in all");
  assert.equal(clock.pending, 0);
});

test("of a thousand that answer in any name, 256 are listened to", async () => {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock);
  const sockets = Array.from({ length: 1000 }, (_, index) =>
    network.socket(`198.51.${Math.floor(index / 250)}.${index % 250}`, PORT),
  );
  const group = await network.host("198.51.9.9").bindGroup(GROUP, PORT);
  group.join("198.51.9.9");
  group.attach({
    message: (bytes, to, port) => {
      const { messageId, token } = decodeMessage(bytes) ?? assert.fail();
      const payload = Buffer.from("</a>");
      const answer = encodeMessage({ type: NON, code: 0x45, messageId, token, options: [], payload });
      for (const socket of sockets) socket.send(answer, port, to);
    },
    failed: () => {},
  });
  const found = await clock.run(discover({ clock, network: network.host("192.0.2.20") }, NEVER));
  assert.equal(found.length, 256);
});

test("discover ends with its signal", async () => {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock);
  const controller = new AbortController();
  const looking = discover({ clock, network: network.host("192.0.2.20") }, controller.signal);
  controller.abort(new Error("enough"));
  await assert.rejects(clock.run(looking), { message: "enough" });
  await clock.advance(SECOND);
  assert.equal(clock.pending, 0);
});

/** This computer's loopback only, as tests must not reach the network. */
const LOOPBACK: UdpNetwork = {
  ...SYSTEM_NETWORK,
  addresses: () => SYSTEM_NETWORK.addresses().filter(({ interfaceName }) => interfaceName === "lo"),
};

test("by the kernel's own multicast on loopback", { timeout: 60_000 }, async () => {
  const clock = new SystemClock();
  const { server } = await Sample.start({ clock, address: "127.0.0.1", network: LOOPBACK, multicast: true });
  try {
    const found = await discover({ clock, network: LOOPBACK, port: server.port }, NEVER);
    assert.deepEqual(
      found.map(({ host, port }) => `${host} ${port}`),
      [`127.0.0.1 ${server.port}`],
    );
    assert.equal(found[0]?.links.length, 4);
  } finally {
    await server.close();
  }
});
