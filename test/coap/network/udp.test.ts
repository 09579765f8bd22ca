// Addresses and ports: both families, conflicts, host names, and the datagram that kills other servers.

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { SystemClock } from "../../../src/base/clock.ts";
import { CoapClient } from "../../../src/coap/client/client.ts";
import { bindUdp, endpointName } from "../../../src/coap/network/udp.ts";
import { Sample } from "../support/sample-server.ts";

const clock = new SystemClock();

async function get(host: string, port: number): Promise<string> {
  const client = await CoapClient.open({ host, port, clock });
  try {
    const { payload } = await client.request({ method: "GET", path: ["s"] }, NEVER);
    return Buffer.from(payload).toString();
  } finally {
    await client.close();
  }
}

const FAMILIES: readonly (readonly [address: string, hosts: readonly string[]])[] = [
  ["::", ["::1", "127.0.0.1", "localhost"]],
  ["0.0.0.0", ["127.0.0.1"]],
  ["::1", ["::1"]],
  ["127.0.0.1", ["127.0.0.1"]],
  ["localhost", ["localhost"]],
];

for (const [address, hosts] of FAMILIES) {
  test(`a server on ${address} answers at ${hosts.join(", ")}`, async () => {
    const { server } = await Sample.start({ clock, address });
    try {
      for (const host of hosts) assert.equal(await get(host, server.port), "hello world");
    } finally {
      await server.close();
    }
  });
}

test("a second server on the port is refused, on wildcards of either family too", async () => {
  for (const first of ["::", "0.0.0.0", "127.0.0.1"]) {
    const socket = await bindUdp(first, 0);
    for (const second of ["::", "0.0.0.0", "127.0.0.1"]) {
      const expected = `${endpointName(second, socket.port)}: another server has this address and port`;
      await assert.rejects(bindUdp(second, socket.port), { code: "SERVER_CONFLICT", message: expected });
    }
    await socket.close();
  }
});

test("an address of another machine, or an unknown name, is a fault of the configuration", async () => {
  await assert.rejects(bindUdp("192.0.2.1", 0), {
    code: "CONFIG_INVALID",
    message: "192.0.2.1:0: this machine does not have the address",
  });
  await assert.rejects(bindUdp("no-such-host.invalid", 0), {
    code: "CONFIG_INVALID",
    message: /^no-such-host\.invalid: /,
  });
  await assert.rejects(CoapClient.open({ host: "no-such-host.invalid", clock }), { code: "CONFIG_INVALID" });
});

test("a client of a port where nothing listens learns it at once", async () => {
  const socket = await bindUdp("127.0.0.1", 0);
  const { port } = socket;
  await socket.close();
  await assert.rejects(get("127.0.0.1", port), { code: "DEVICE_NOT_CONNECTED" });
});

test("endpoints are named as in URLs", () => {
  assert.equal(endpointName("192.0.2.1", 5683), "192.0.2.1:5683");
  assert.equal(endpointName("::", 5683), "[::]:5683");
  assert.equal(endpointName("::ffff:192.0.2.1", 1), "192.0.2.1:1");
  assert.equal(endpointName("fe80::1%eth0", 1), "[fe80::1%eth0]:1");
});

test("sending to port 0, or after closing, loses the datagram and throws nothing", async () => {
  const socket = await bindUdp("127.0.0.1", 0);
  socket.send(Buffer.from("x"), 0, "127.0.0.1");
  await socket.close();
  socket.send(Buffer.from("x"), 9, "127.0.0.1");
  await socket.close();
});

test("closing frees the port", async () => {
  const { server } = await Sample.start({ clock });
  const { port } = server;
  await Promise.all([server.close(), server.close()]);
  const socket = createSocket("udp4");
  socket.bind(port, "127.0.0.1");
  await once(socket, "listening");
  socket.close();
});
