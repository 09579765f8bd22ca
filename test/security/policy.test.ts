import assert from "node:assert/strict";
import { test } from "node:test";
import { isVscopeError } from "../../src/base/errors.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import type { Role } from "../../src/config/access.ts";
import { parseServerConfig } from "../../src/config/server-config.ts";
import { AccessPolicy, type Caller } from "../../src/security/policy.ts";

const KEYS: Readonly<Record<string, Role>> = { reader: "read", laptop: "operate", owner: "admin" };

function policyOf(text: string, cidrs: readonly string[] = [], clock = new VirtualClock()): AccessPolicy {
  const { config } = parseServerConfig(`[security]\n${text}\n`, "x.cfg");
  return new AccessPolicy({
    config: config.security,
    clock,
    roleOfKey: (name) => KEYS[name],
    network: {
      addresses: () =>
        cidrs.map((cidr) => {
          const [address = ""] = cidr.split("/");
          return { address, cidr, interfaceName: "eth0", isIPv6: cidr.includes(":") };
        }),
    },
  });
}

function from(peerAddress: string, rest: Partial<Caller> = {}): Caller {
  return { peerAddress, isMulticast: false, ...rest };
}

function rolesOf(policy: AccessPolicy, addresses: readonly string[]): Record<string, Role> {
  return Object.fromEntries(addresses.map((address) => [address, policy.roleOf(from(address))]));
}

const ADDRESSES = ["127.0.0.1", "127.1.2.3", "::1", "192.168.1.9", "fe80::1", "203.0.113.5", "2001:db8::5"];

test("network: who is near may read, this computer may operate, others nothing", () => {
  assert.deepEqual(rolesOf(policyOf("policy = network"), ADDRESSES), {
    "127.0.0.1": "operate",
    "127.1.2.3": "operate",
    "::1": "operate",
    "192.168.1.9": "read",
    "fe80::1": "read",
    "203.0.113.5": "none",
    "2001:db8::5": "none",
  });
});

test("network: private and link-local addresses are near, with their edges", () => {
  const near = [
    "10.0.0.0",
    "10.255.255.255",
    "172.16.0.0",
    "172.31.255.255",
    "192.168.0.1",
    "169.254.7.7",
    "fc00::1",
    "fdff:ffff::1",
    "febf::1",
  ];
  const far = [
    "9.255.255.255",
    "11.0.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "192.169.0.0",
    "169.253.1.1",
    "fe00::1",
    "fec0::1",
    "fbff::1",
    "0.0.0.0",
    "::",
  ];
  const policy = policyOf("policy = network");
  for (const address of near) assert.equal(policy.roleOf(from(address)), "read", address);
  for (const address of far) assert.equal(policy.roleOf(from(address)), "none", address);
});

test("network: the networks of this computer are near whatever their addresses, as long as it is in them", async () => {
  const clock = new VirtualClock();
  const own = ["203.0.113.77/24"];
  const policy = policyOf("policy = network", own, clock);
  assert.equal(policy.roleOf(from("203.0.113.5")), "read");
  assert.equal(policy.roleOf(from("203.0.114.5")), "none");
  own[0] = "2001:db8::7/64";
  await clock.advance(31_000_000);
  assert.equal(policy.roleOf(from("203.0.113.5")), "none");
  assert.equal(policy.roleOf(from("2001:db8::5")), "read");
});

test("open: everybody may do all; closed: only this computer may operate", () => {
  for (const role of Object.values(rolesOf(policyOf("policy = open"), ADDRESSES)))
    assert.equal(role, "admin");
  assert.deepEqual(rolesOf(policyOf("policy = closed"), ADDRESSES), {
    "127.0.0.1": "operate",
    "127.1.2.3": "operate",
    "::1": "operate",
    "192.168.1.9": "none",
    "fe80::1": "none",
    "203.0.113.5": "none",
    "2001:db8::5": "none",
  });
});

test("loopback has the role that the configuration gives it", () => {
  for (const role of ["none", "read", "operate", "admin"] as const)
    assert.equal(policyOf(`policy = closed\nloopback = ${role}`).roleOf(from("127.0.0.1")), role);
});

test("allow: the narrowest network decides, in whatever order, and may take away", () => {
  const text = "allow = 192.168.0.0/16 operate, 192.168.7.7 admin, 192.168.7.0/24 none, 2001:db8::/32 read";
  for (const policy of ["network", "open", "closed"]) {
    assert.deepEqual(
      rolesOf(policyOf(`policy = ${policy}\n${text}`), [
        "192.168.1.1",
        "192.168.7.1",
        "192.168.7.7",
        "2001:db8::1",
      ]),
      { "192.168.1.1": "operate", "192.168.7.1": "none", "192.168.7.7": "admin", "2001:db8::1": "read" },
      policy,
    );
  }
});

test("IPv4 in IPv6's clothes is IPv4, and a zone says nothing", () => {
  const policy = policyOf("policy = network\nallow = 203.0.113.0/24 operate, 127.0.0.1 admin");
  for (const address of ["::ffff:203.0.113.9", "::FFFF:203.0.113.9", "::ffff:cb00:7109"])
    assert.equal(policy.roleOf(from(address)), "operate", address);
  assert.equal(policy.roleOf(from("::ffff:127.0.0.1")), "admin");
  assert.equal(policy.roleOf(from("fe80::1%eth0")), "read");
});

test("what is no address has no role but that of everybody", () => {
  for (const address of ["", "localhost", "127.0.0", "1.2.3.4.5", "%"]) {
    assert.equal(policyOf("policy = network").roleOf(from(address)), "none", address);
    assert.equal(policyOf("policy = open").roleOf(from(address)), "admin", address);
  }
});

test("a key or certificate gives its role anywhere, never less than the address has", () => {
  const policy = policyOf("policy = closed\ncertificates = laptop admin");
  const roleOf = (address: string, kind: "oscore" | "psk" | "certificate", name: string): Role =>
    policy.roleOf(from(address, { identity: { kind, name } }));
  assert.equal(roleOf("203.0.113.5", "oscore", "laptop"), "operate");
  assert.equal(roleOf("203.0.113.5", "psk", "owner"), "admin");
  assert.equal(roleOf("203.0.113.5", "certificate", "laptop"), "admin");
  assert.equal(roleOf("203.0.113.5", "certificate", "owner"), "none");
  assert.equal(roleOf("203.0.113.5", "oscore", "stranger"), "none");
  assert.equal(roleOf("127.0.0.1", "oscore", "reader"), "operate");
});

test("a request to a group reads at most", () => {
  const isMulticast = true;
  assert.equal(policyOf("policy = open").roleOf(from("192.168.1.9", { isMulticast })), "read");
  assert.equal(policyOf("policy = closed").roleOf(from("192.168.1.9", { isMulticast })), "none");
});

test("a refusal names what is needed, what the caller has, and how to get more", () => {
  const policy = policyOf("policy = network");
  const refusal = (caller: Caller): string => {
    assert.equal(policy.allows(caller, "admin"), false);
    const error = policy.refusal(caller, { what: "PUT /sysinfo/clock", need: "admin" });
    assert.deepEqual(error.details["need"], "admin");
    return `${error.code} ${error.message}`;
  };
  assert.equal(
    refusal(from("192.168.1.9")),
    "CREDENTIALS_REQUIRED PUT /sysinfo/clock: needs a key with role admin, 192.168.1.9 has read; on the server: vscope key new NAME --role admin, or allow = ADDRESS admin in [security]",
  );
  assert.equal(
    refusal(from("192.168.1.9", { identity: { kind: "psk", name: "laptop" } })),
    "ROLE_INSUFFICIENT PUT /sysinfo/clock: needs role admin, key laptop has operate",
  );
  assert.match(
    refusal(from("192.168.1.9", { identity: { kind: "oscore", name: "gone" } })),
    /^CREDENTIALS_REQUIRED .*key gone is unknown or revoked/,
  );
});

test("more addresses than it remembers change nothing", () => {
  const policy = policyOf("policy = network\nallow = 10.1.0.0/16 operate");
  for (let index = 0; index < 20_000; index++) {
    const address = `10.${index & 1}.${(index >> 1) & 255}.${index >> 9}`;
    assert.equal(policy.roleOf(from(address)), (index & 1) === 1 ? "operate" : "read", address);
  }
  assert.ok(isVscopeError(policy.refusal(from("10.0.0.1"), { what: "PUT /x", need: "admin" })));
});
