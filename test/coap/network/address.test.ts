// Scopes of addresses, and whom a rate limit counts as one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { bareAddress, hostOf, scopeOf } from "../../../src/coap/network/address.ts";

const SCOPES: readonly (readonly [scope: string, addresses: readonly string[]])[] = [
  ["loopback", ["127.0.0.1", "127.0.1.1", "::1", "::ffff:127.0.0.1"]],
  [
    "private",
    [
      "10.1.2.3",
      "172.16.0.1",
      "172.31.255.255",
      "192.168.1.1",
      "169.254.7.7",
      "fd00::2",
      "fe80::1%eth0",
      "::ffff:10.0.0.1",
    ],
  ],
  ["public", ["192.0.2.1", "172.32.0.1", "11.0.0.1", "2001:db8::1", "::ffff:198.51.100.1", "64:ff9b::a00:1"]],
];

for (const [scope, addresses] of SCOPES) {
  for (const address of addresses)
    test(`${address} is ${scope}`, () => assert.equal(scopeOf(address), scope));
}

test("an address without zone, and IPv4 plainly", () => {
  assert.equal(bareAddress("fe80::1%eth0"), "fe80::1");
  assert.equal(bareAddress("::ffff:192.0.2.1"), "192.0.2.1");
  assert.equal(bareAddress("2001:db8::1"), "2001:db8::1");
});

test("the first 64 bits of IPv6 are one computer, as is each address of IPv4", () => {
  const subnet = hostOf("2001:db8:1:2::1");
  assert.equal(hostOf("2001:db8:1:2:3:4:5:6"), subnet);
  assert.notEqual(hostOf("2001:db8:1:3::1"), subnet);
  assert.equal(hostOf("2001:db8::7"), hostOf("2001:db8:0:0:a::"));
  assert.equal(hostOf("fe80::1%eth0"), hostOf("fe80::2%eth1"));
  assert.equal(hostOf("::ffff:192.0.2.1"), "192.0.2.1");
});
