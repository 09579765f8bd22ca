// One socket per address: which addresses, following them, conflicts, and the kernel's own view on loopback.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { SECOND, SystemClock } from "../../../src/base/clock.ts";
import { type Log, SILENT } from "../../../src/base/log.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { CoapClient } from "../../../src/coap/client/client.ts";
import { LocalSockets } from "../../../src/coap/network/local-sockets.ts";
import { SYSTEM_NETWORK } from "../../../src/coap/network/network.ts";
import { CoapServer } from "../../../src/coap/server.ts";
import { bindUdp } from "../../../src/coap/network/udp.ts";
import { Sample } from "../support/sample-server.ts";
import { VirtualNetwork } from "../support/virtual-network.ts";

const PORT = 5683;

function bench(...present: readonly string[]) {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock);
  const host = network.host(...present);
  const lines: string[] = [];
  const keep = (_fields: object, message: string): void => void lines.push(message);
  const log: Log = { ...SILENT, info: keep, warn: keep };
  const open = (...addresses: readonly string[]) =>
    LocalSockets.open({ addresses, port: PORT, multicast: false, network: host, clock, log });
  return { clock, network, host, open, lines };
}

const ALL = ["127.0.0.1", "192.0.2.7", "::1", "fe80::1%eth0"] as const;

test(":: is every address of both families, 0.0.0.0 those of IPv4; both have the computer's own name of Debian", async () => {
  const { open } = bench(...ALL);
  const both = await open("::");
  assert.deepEqual(both.bound, ["127.0.0.1", "192.0.2.7", "127.0.1.1", "::1", "fe80::1%eth0"]);
  await both.close();
  const ipv4 = await open("0.0.0.0");
  assert.deepEqual(ipv4.bound, ["127.0.0.1", "192.0.2.7", "127.0.1.1"]);
  await ipv4.close();
  const chosen = await open("192.0.2.7", "::1");
  assert.deepEqual(chosen.bound, ["192.0.2.7", "::1"]);
  await chosen.close();
});

test("an answer leaves from the address that was asked", async () => {
  const { clock, network, host } = bench("192.0.2.7", "192.0.2.8");
  const { server } = await Sample.start({ clock, network: host, address: "::", port: PORT });
  const client = await CoapClient.open({
    host: "192.0.2.8",
    port: PORT,
    clock,
    socket: network.socket("192.0.2.20", 4000),
  });
  const { code } = await clock.run(client.request({ method: "GET", path: ["s"] }, NEVER));
  assert.equal(code, "2.05");
  const answers = network.sent.filter(({ to }) => to === "192.0.2.20 4000").map(({ from }) => from);
  assert.deepEqual(answers, [`192.0.2.8 ${PORT}`]);
  await client.close();
  await clock.run(server.close());
});

test("a system that cannot tell its addresses for a while is asked again", async () => {
  const { clock, network, host } = bench("192.0.2.7");
  let isFailing = false;
  const addresses = () => {
    // As with no file descriptor left.
    if (isFailing) throw new Error("too many open files");
    return host.addresses();
  };
  const { server } = await Sample.start({
    clock,
    network: { addresses, bind: (...at) => host.bind(...at), bindGroup: (...at) => host.bindGroup(...at) },
    address: "::",
    port: PORT,
  });
  isFailing = true;
  await clock.advance(10 * SECOND);
  isFailing = false;
  host.present = ["192.0.2.7", "192.0.2.8"];
  await clock.advance(10 * SECOND);
  const client = await CoapClient.open({
    host: "192.0.2.8",
    port: PORT,
    clock,
    socket: network.socket("192.0.2.20", 4000),
  });
  const { code } = await clock.run(client.request({ method: "GET", path: ["s"] }, NEVER));
  assert.equal(code, "2.05");
  await client.close();
  await clock.run(server.close());
});

test("the same client port at two addresses of the server is two peers", async () => {
  const { clock, network, host } = bench("192.0.2.7", "192.0.2.8");
  const { server, sample } = await Sample.start({ clock, network: host, address: "::", port: PORT });
  const socket = network.socket("192.0.2.20", 4000);
  // The same message to both: at one address the second would be a copy.
  const post = Buffer.from("40020001b3696e63", "hex");
  for (const address of ["192.0.2.7", "192.0.2.8", "192.0.2.8"]) socket.send(post, PORT, address);
  await clock.advance(SECOND);
  assert.equal(sample.runs, 2);
  assert.equal(server.stats.peers, 2);
  await clock.run(server.close());
});

test("addresses that come are served, those that go are not, and one that returns is served again", async () => {
  const { clock, network, host, open, lines } = bench("127.0.0.1", "192.0.2.7");
  const sockets = await open("::");
  host.present = ["127.0.0.1", "192.0.2.9"];
  await clock.advance(6 * SECOND);
  assert.deepEqual(sockets.bound.toSorted(), ["127.0.0.1", "127.0.1.1", "192.0.2.9"]);
  assert.ok(!network.isTaken("192.0.2.7", PORT));
  host.present = ["127.0.0.1", "192.0.2.7"];
  await clock.advance(6 * SECOND);
  assert.deepEqual(sockets.bound.toSorted(), ["127.0.0.1", "127.0.1.1", "192.0.2.7"]);
  assert.deepEqual(lines, [
    "CoAP: the address has gone",
    "CoAP: listens on a new address",
    "CoAP: the address has gone",
    "CoAP: listens on a new address",
  ]);
  await sockets.close();
  assert.equal(clock.pending, 0);
});

test("another program on an address is a conflict at the start; later it is reported once and tried again", async () => {
  const { clock, network, host, open, lines } = bench("127.0.0.1", "192.0.2.7");
  const other = network.socket("192.0.2.7", PORT);
  await assert.rejects(open("::"), { code: "SERVER_CONFLICT" });
  assert.ok(!network.isTaken("127.0.0.1", PORT), "what was bound before the conflict is free again");
  host.present = ["127.0.0.1"];
  const sockets = await open("::");
  host.present = ["127.0.0.1", "192.0.2.7"];
  await clock.advance(20 * SECOND);
  assert.deepEqual(lines, ["CoAP: 192.0.2.7: port 5683 is taken; tried again"]);
  await other.close();
  await clock.advance(6 * SECOND);
  assert.ok(sockets.bound.includes("192.0.2.7"));
  await sockets.close();
});

test("an address of its own that is given must be there", async () => {
  const { open } = bench("127.0.0.1");
  await assert.rejects(open("127.0.0.1", "192.0.2.99"), { code: "CONFIG_INVALID" });
});

const clock = new SystemClock();

test("on this computer: every address is answered from, on one port", async () => {
  const sockets = await LocalSockets.open({
    addresses: ["::"],
    port: 0,
    multicast: false,
    network: SYSTEM_NETWORK,
    clock,
    log: SILENT,
  });
  try {
    assert.ok(sockets.bound.includes("127.0.0.1"));
    assert.ok(sockets.bound.includes("127.0.1.1"));
    assert.ok(sockets.port > 0);
    // What the ADR says: nobody else gets the wildcard, of either family, while one address is taken.
    await assert.rejects(bindUdp("0.0.0.0", sockets.port), { code: "SERVER_CONFLICT" });
    await assert.rejects(bindUdp("::", sockets.port), { code: "SERVER_CONFLICT" });
  } finally {
    await sockets.close();
  }
});

const OVERLAPPING = [
  ["::", "0.0.0.0"],
  ["127.0.0.1", "::"],
  ["0.0.0.0", "127.0.0.1", "::1"],
  ["127.0.0.1", "127.0.0.1"],
];

for (const address of OVERLAPPING) {
  test(`${address.join(", ")}: the ports for connections do not collide with each other`, async () => {
    const handler = () => ({ code: "2.05" }) as const;
    const server = await CoapServer.listen({ address, port: 0, handler, clock, streams: { tcp: 0 } });
    try {
      assert.ok(server.ports.tcp);
    } finally {
      await server.close();
    }
  });
}
