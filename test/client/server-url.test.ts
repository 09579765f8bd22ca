// Which texts name a server, and what is wrong with the others.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { addressesOf, parseServerUrl } from "../../src/client/server-url.ts";

const GOOD = [
  ["coap://localhost", "localhost", 5683],
  ["coap://localhost/", "localhost", 5683],
  ["coap://field-box.local:5690", "field-box.local", 5690],
  ["COAP://192.0.2.7:1", "192.0.2.7", 1],
  ["coap://[::1]", "::1", 5683],
  ["coap://[2001:db8::7]:65535", "2001:db8::7", 65_535],
  ["coap://[fe80::1%25eth0]:5683", "fe80::1%eth0", 5683],
  [" coap://vscope ", "vscope", 5683],
  ["coap+tcp://box", "box", 5683],
  ["coaps+tcp://box", "box", 5684],
  ["coaps+tcp://[::1]:7", "::1", 7],
  ["COAP+WS://box", "box", 80],
  ["coaps+ws://box/", "box", 443],
] as const;

for (const [text, host, port] of GOOD) {
  test(`${text} is ${host} port ${port}`, () => {
    const server = parseServerUrl(text);
    assert.equal(server.host, host);
    assert.equal(server.port, port);
    assert.equal(server.scheme, text.trim().split(":")[0]?.toLowerCase());
  });
}

const BAD = [
  "",
  "localhost",
  "coap://",
  "coap:///x",
  "coaps://localhost",
  "coap+udp://localhost",
  "tcp://localhost",
  "coaptcp://localhost",
  "http://localhost",
  "coap://localhost/shutters",
  "coap://localhost:",
  "coap://user@localhost",
  "coap://::1",
  "coap://[::1",
  "coap://[1.2.3.4]",
  "coap://[12345::]",
  "coap://a b",
  "coap://localhost:123456",
];

for (const text of BAD) {
  test(`"${text}" is refused with what is expected`, () => {
    assert.throws(() => parseServerUrl(text), { code: "VALUE_INVALID", message: /expected coap:\/\/host/ });
  });
}

for (const port of [0, 65_536]) {
  test(`port ${port} is outside the range`, () => {
    assert.throws(() => parseServerUrl(`coap://localhost:${port}`), {
      code: "VALUE_OUT_OF_RANGE",
      message: `server URL "coap://localhost:${port}": port ${port} is outside 1..65535`,
    });
  });
}

test("localhost is both loopback addresses, an address is itself", async () => {
  assert.deepEqual([...(await addressesOf(parseServerUrl("coap://LocalHost"), NEVER))].sort(), [
    "127.0.0.1",
    "::1",
  ]);
  assert.deepEqual(await addressesOf(parseServerUrl("coap://[::1]"), NEVER), ["::1"]);
  assert.deepEqual(await addressesOf(parseServerUrl("coap://192.0.2.1"), NEVER), ["192.0.2.1"]);
});

test("an unknown host name is an unreachable server", async () => {
  await assert.rejects(addressesOf(parseServerUrl("coap://no-such-host.invalid"), NEVER), {
    code: "DEVICE_TIMEOUT",
    message: /^coap:\/\/no-such-host.invalid: the host name is not known/,
  });
});
