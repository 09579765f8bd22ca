// The access that a declaration says, for reading as well, and paths with slashes inside their segments.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { isVscopeError } from "../../../src/base/errors.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import type { CoapRequest } from "../../../src/coap/server.ts";
import type { Role } from "../../../src/config/access.ts";
import { DEFAULT_SERVER_CONFIG } from "../../../src/config/server-config.ts";
import { accessCheck } from "../../../src/interfaces/coap/guard.ts";
import { resource } from "../../../src/resources/define.ts";
import { Router } from "../../../src/resources/router.ts";
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

function allowed(role: Role, method: CoapRequest["method"], path: readonly string[]): boolean {
  const { security } = DEFAULT_SERVER_CONFIG;
  const policy = new AccessPolicy({
    config: { ...security, policy: "closed", loopback: role },
    clock: new VirtualClock(),
    roleOfKey: () => undefined,
  });
  const check = accessCheck(new Router({}, TREE), policy);
  const request: CoapRequest = {
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
  try {
    check(request);
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
