// The access that a declaration says, for reading as well, and paths with slashes inside their segments.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { isVscopeError } from "../../../src/base/errors.ts";
import { logTo } from "../../../src/base/log.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import type { CoapRequest } from "../../../src/coap/server.ts";
import type { Role } from "../../../src/config/access.ts";
import { DEFAULT_SERVER_CONFIG } from "../../../src/config/server-config.ts";
import { accessCheck, admission } from "../../../src/interfaces/coap/guard.ts";
import { resource } from "../../../src/resources/define.ts";
import { Router } from "../../../src/resources/router.ts";
import { AuditLog } from "../../../src/security/audit.ts";
import { AccessPolicy } from "../../../src/security/policy.ts";

const declare = resource<object>();
const TREE = [
  declare("/usual/{name}", { summary: "", get: () => 1, put: () => {}, instances: () => [] }),
  declare("/public", { summary: "", access: { get: "none" }, get: () => 1 }),
  declare("/secret", {
    summary: "",
    access: { get: "admin", delete: "read" },
    get: () => 1,
    delete: () => {},
  }),
];

const clock = new VirtualClock();

function policyFor(role: Role): AccessPolicy {
  const { security } = DEFAULT_SERVER_CONFIG;
  return new AccessPolicy({
    config: { ...security, policy: "closed", loopback: role },
    clock,
    roleOfKey: () => undefined,
  });
}

function requestOf(method: CoapRequest["method"], path: readonly string[]): CoapRequest {
  return {
    method,
    path,
    query: [],
    payload: new Uint8Array(),
    ifMatch: [],
    ifNoneMatch: false,
    peer: "127.0.0.1:40000",
    peerAddress: "127.0.0.1",
    transport: "udp",
    isMulticast: false,
    signal: NEVER,
  };
}

function allowed(role: Role, method: CoapRequest["method"], path: readonly string[]): boolean {
  const check = accessCheck(new Router({}, TREE), policyFor(role));
  try {
    check(requestOf(method, path));
    return true;
  } catch (error) {
    assert.ok(isVscopeError(error, "CREDENTIALS_REQUIRED"));
    return false;
  }
}

const ROLES: readonly Role[] = ["none", "read", "operate", "admin"];
const rolesThatMay = (method: CoapRequest["method"], ...path: string[]): readonly Role[] =>
  ROLES.filter((role) => allowed(role, method, path));

test("what a declaration says counts for reading, too; the rest is as usual", () => {
  assert.deepEqual(rolesThatMay("GET", "public"), ROLES);
  assert.deepEqual(rolesThatMay("FETCH", "public"), ROLES);
  assert.deepEqual(rolesThatMay("GET", "secret"), ["admin"]);
  assert.deepEqual(rolesThatMay("FETCH", "secret"), ["admin"]);
  assert.deepEqual(rolesThatMay("DELETE", "secret"), ["read", "operate", "admin"]);
  assert.deepEqual(rolesThatMay("PUT", "secret"), ["operate", "admin"]);
  assert.deepEqual(rolesThatMay("GET", "usual", "a/b"), ["read", "operate", "admin"]);
  assert.deepEqual(rolesThatMay("iPATCH", "usual", "x"), ["operate", "admin"]);
});

test("what is not declared is as usual, whatever it looks like", () => {
  assert.deepEqual(rolesThatMay("GET"), ["read", "operate", "admin"]);
  assert.deepEqual(rolesThatMay("GET", "public", ""), ["read", "operate", "admin"]);
  assert.deepEqual(rolesThatMay("POST", "nothing"), ["operate", "admin"]);
  assert.deepEqual(rolesThatMay("GET", ".well-known/core"), ["read", "operate", "admin"]);
  assert.deepEqual(rolesThatMay("GET", ".well-known", "core"), ROLES);
  assert.deepEqual(rolesThatMay("PUT", ".well-known", "core"), ["operate", "admin"]);
});

test("who is not admitted is told so; a command leaves a line in the audit log, reading leaves none", () => {
  const lines: string[] = [];
  const audit = AuditLog.open(undefined, { clock, log: logTo({ write: (line) => void lines.push(line) }) });
  const policy = policyFor("none");
  const admit = admission(accessCheck(new Router({}, TREE), policy), { policy, audit, clock });
  for (const method of ["GET", "FETCH", "PUT"] as const)
    assert.equal(admit(requestOf(method, ["usual", "a"]))?.code, "4.01");
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /"method":"PUT"/);
});
