// Response codes back to errors.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ERRORS, VscopeError } from "../../src/base/errors.ts";
import { coapCodeOf, isServerUnreachable, replyError, transportError } from "../../src/client/reply-error.ts";

const CODES = [
  ["4.00", "VALUE_INVALID"],
  ["4.04", "RESOURCE_NOT_FOUND"],
  ["4.05", "METHOD_NOT_ALLOWED"],
  ["4.06", "FORMAT_NOT_ACCEPTABLE"],
  ["4.09", "STATE_CONFLICT"],
  ["4.12", "PRECONDITION_FAILED"],
  ["4.13", "PAYLOAD_TOO_LARGE"],
  ["4.15", "FORMAT_UNSUPPORTED"],
  ["4.22", "VALUE_OUT_OF_RANGE"],
  ["4.29", "VALUE_INVALID"],
  ["5.00", "INTERNAL"],
  ["5.02", "DEVICE_FAULT"],
  ["5.03", "DEVICE_NOT_CONNECTED"],
  ["5.04", "DEVICE_TIMEOUT"],
  ["5.31", "INTERNAL"],
] as const;

for (const [coap, code] of CODES) {
  test(`${coap} is ${code} with the server's text`, () => {
    const error = replyError(coap, "FLMT01859: unplugged");
    assert.equal(error.code, code);
    assert.equal(error.message, "FLMT01859: unplugged");
    assert.equal(coapCodeOf(error), coap);
    assert.equal(isServerUnreachable(error), false);
  });
}

test("every code of the table comes back with the same CoAP code", () => {
  for (const { coap } of Object.values(ERRORS)) assert.equal(ERRORS[replyError(coap, "").code].coap, coap);
});

test("a refusal of OSCORE is explained once, and keeps its code", () => {
  const details = { coap: "4.01", unprotected: "Replay detected" };
  const error = transportError(
    new VscopeError("DEVICE_PROTOCOL", "box: Replay detected", { details }),
    "url",
  );
  assert.equal(coapCodeOf(error), "4.01");
  assert.ok(error instanceof VscopeError);
  const text = "box: Replay detected; the key is used in two places, or its folder was restored";
  assert.equal(error.message, text);
  assert.equal(transportError(error, "url"), error);
});

test("a refused port and a silent one are an unreachable server, other failures stay", () => {
  for (const code of ["DEVICE_NOT_CONNECTED", "DEVICE_TIMEOUT"] as const) {
    const error = transportError(new VscopeError(code, "udp"), "coap://box");
    assert.ok(isServerUnreachable(error));
    assert.match(error.message, /coap:\/\/box; is vscope-server running there\?$/);
  }
  for (const other of [
    new VscopeError("DEVICE_PROTOCOL", "reset"),
    replyError("5.03", "unplugged"),
    replyError("5.04", "late"),
  ]) {
    assert.equal(transportError(other, "coap://box"), other);
  }
});
