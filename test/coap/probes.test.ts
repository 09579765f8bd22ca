// Conformance, datagram by datagram: the message layer, options and errors of RFC 7252, and No-Response of RFC 7967.
// Observe and block-wise transfer have files of their own.

import assert from "node:assert/strict";
import { MS, SECOND } from "../../src/base/clock.ts";
import type { CoapMessage } from "../../src/coap/message/codec.ts";
import { ACK, CON, NON, RST } from "../../src/coap/message/codes.ts";
import { findOption, OPTION } from "../../src/coap/message/options.ts";
import { probe } from "./support/probe.ts";
import { brief, briefs, CODE, requestBytes, textOf } from "./support/raw-peer.ts";

const SILENCE: readonly string[] = [];

probe("CON empty (ping): RST with its identifier", async ({ peer }) => {
  peer.empty(CON, 0x1234);
  const answer = await peer.next();
  assert.equal(brief(answer), "RST 0.00");
  assert.equal(answer.messageId, 0x1234);
});

probe("stray RST: nothing", async ({ peer }) => {
  peer.empty(RST, 7);
  assert.deepEqual(briefs(await peer.settled()), SILENCE);
});

probe("stray ACK: nothing", async ({ peer }) => {
  peer.empty(ACK, 7);
  assert.deepEqual(briefs(await peer.settled()), SILENCE);
});

probe("NON empty: nothing", async ({ peer }) => {
  peer.empty(NON, 7);
  assert.deepEqual(briefs(await peer.settled()), SILENCE);
});

const MALFORMED: readonly (readonly [name: string, hex: string])[] = [
  ["version 2", "8001000100"],
  ["CON with a token length of 9", `49010001${"ab".repeat(9)}b173`],
  ["CON with a token longer than the datagram", "44010001abab"],
  ["CON with a payload marker and no payload", "40010001b173ff"],
  ["CON with an option past the end", "40010001b97361"],
  ["CON with a reserved option delta", "40010001f173"],
  ["NON with a reserved option length", "50010001bf73"],
  ["CON with an extended length cut off", "40010001bd"],
  ["CON with an option number above 65535", "40010001e0ffff"],
  ["CON empty with a payload", "40000001ff00"],
  ["a datagram of one byte", "40"],
  ["a datagram of no bytes", ""],
];

for (const [name, hex] of MALFORMED) {
  probe(`${name}: silence, and the handler is not called`, async ({ peer, sample, server }) => {
    peer.sendBytes(Buffer.from(hex, "hex"));
    assert.deepEqual(briefs(await peer.settled()), SILENCE);
    assert.equal(sample.requests.length, 0);
    assert.equal(server.stats.malformed, 1);
  });
}

probe("CON with the reserved class 1.00: RST", async ({ peer }) => {
  assert.equal(brief(await peer.ask({ code: 0x20 })), "RST 0.00");
});

probe("CON with a 2.05 that nobody asked for: RST", async ({ peer }) => {
  assert.equal(brief(await peer.ask({ code: 0x45 })), "RST 0.00");
});

probe("NON with a 2.05 that nobody asked for: nothing", async ({ peer }) => {
  peer.send({ type: NON, code: 0x45 });
  assert.deepEqual(briefs(await peer.settled()), SILENCE);
});

probe("GET with the unknown critical option 65001: 4.02", async ({ peer, sample }) => {
  const answer = await peer.ask({ path: "s", options: [[65001, "x"]] });
  assert.equal(`${brief(answer)} ${textOf(answer)}`, "ACK 4.02 option 65001: critical and not known");
  assert.equal(sample.requests.length, 0);
});

probe("POST with the unknown critical option 99: 4.02, and nothing runs", async ({ peer, sample }) => {
  assert.equal(brief(await peer.ask({ code: CODE.POST, path: "inc", options: [[99, "x"]] })), "ACK 4.02");
  assert.equal(sample.runs, 0);
});

probe("a repeated critical option that may not repeat: 4.02", async ({ peer }) => {
  const options = [[OPTION.ACCEPT, 0] as const, [OPTION.ACCEPT, 50] as const];
  assert.equal(brief(await peer.ask({ path: "s", options })), "ACK 4.02");
});

probe("a critical option of illegal length: 4.02", async ({ peer }) => {
  assert.equal(brief(await peer.ask({ path: "s", options: [[OPTION.BLOCK2, Buffer.alloc(4)]] })), "ACK 4.02");
});

probe("GET with the unknown elective option 65002: 2.05", async ({ peer }) => {
  const answer = await peer.ask({ path: "s", options: [[65002, "x"]] });
  assert.equal(`${brief(answer)} ${textOf(answer)}`, "ACK 2.05 hello world");
});

probe(
  "PUT If-None-Match on something that exists: the handler learns of it, 4.12",
  async ({ peer, sample }) => {
    const options = [[OPTION.IF_NONE_MATCH, Buffer.alloc(0)] as const];
    assert.equal(brief(await peer.ask({ code: CODE.PUT, path: "put", options })), "ACK 4.12");
    assert.equal(sample.requests[0]?.ifNoneMatch, true);
  },
);

probe(
  "If-Match, Accept, Content-Format and queries reach the handler as they are",
  async ({ peer, sample }) => {
    const tag = Buffer.from([0xff, 0x00]);
    const options = [
      [OPTION.IF_MATCH, tag] as const,
      [OPTION.ACCEPT, 60] as const,
      [OPTION.CONTENT_FORMAT, 50] as const,
      [OPTION.URI_QUERY, "a=1&2"] as const,
      [OPTION.URI_QUERY, "a=3"] as const,
    ];
    await peer.ask({ path: "s", options });
    const [request] = sample.requests;
    assert.deepEqual(request?.ifMatch, [tag]);
    assert.deepEqual(request?.query, ["a=1&2", "a=3"]);
    assert.equal(request?.accept, 60);
    assert.equal(request?.contentFormat, 50);
  },
);

probe("Proxy-Uri and Proxy-Scheme: 5.05", async ({ peer }) => {
  assert.equal(brief(await peer.ask({ path: "s", options: [[OPTION.PROXY_URI, "coap://x/s"]] })), "ACK 5.05");
  assert.equal(brief(await peer.ask({ path: "s", options: [[OPTION.PROXY_SCHEME, "coap"]] })), "ACK 5.05");
});

probe("another Uri-Host: served", async ({ peer }) => {
  assert.equal(brief(await peer.ask({ path: "s", options: [[OPTION.URI_HOST, "example.org"]] })), "ACK 2.05");
});

probe("unknown method 0.30: 4.05, for CON and NON", async ({ peer }) => {
  assert.equal(brief(await peer.ask({ code: 30, path: "s" })), "ACK 4.05");
  assert.equal(brief(await peer.ask({ type: NON, code: 30, path: "s" })), "NON 4.05");
});

probe("FETCH where there is none: 4.05", async ({ peer }) => {
  assert.equal(brief(await peer.ask({ code: CODE.FETCH, path: "s" })), "ACK 4.05");
});

probe("GET of what does not exist: 4.04", async ({ peer }) => {
  assert.equal(brief(await peer.ask({ path: "nope" })), "ACK 4.04");
});

probe("GET /.well-known/core: links, filtered by query", async ({ peer }) => {
  const all = await peer.ask({ path: ".well-known/core" });
  assert.equal(brief(all), "ACK 2.05");
  assert.match(textOf(all), /^<\/s>;ct=0;title="a \\"plain\\" one",<\/obs>;rt="sample.value";ct=50;obs,/);
  const some = await peer.ask({ path: ".well-known/core", options: [[OPTION.URI_QUERY, "rt=sample.v*"]] });
  assert.equal(textOf(some), '</obs>;rt="sample.value";ct=50;obs');
});

probe("path segments stay segments, and dot segments are refused", async ({ peer, sample }) => {
  const answer = await peer.ask({
    options: [
      [OPTION.URI_PATH, "a/b"],
      [OPTION.URI_PATH, "s?x=1"],
    ],
  });
  assert.equal(brief(answer), "ACK 4.04");
  assert.deepEqual(sample.requests[0]?.path, ["a/b", "s?x=1"]);
  assert.equal(textOf(await peer.ask({ path: "s/../put" })), 'path segment "..": not allowed');
  assert.equal(brief(await peer.ask({ path: "./s" })), "ACK 4.02");
});

probe("NON GET: NON 2.05 with an identifier of its own", async ({ peer }) => {
  const messageIds = new Set<number>();
  for (const messageId of [100, 101, 102]) {
    const answer = await peer.ask({ type: NON, path: "s", messageId });
    assert.equal(`${brief(answer)} ${textOf(answer)}`, "NON 2.05 hello world");
    messageIds.add(answer.messageId - messageId);
  }
  // Both count upwards, so one constant difference shows that the server counts for itself.
  assert.equal(messageIds.size, 1);
  assert.ok(!messageIds.has(0));
});

probe("GET with an empty token, and with one of 8 bytes: the same token back", async ({ peer }) => {
  for (const token of ["", "12345678"]) {
    const answer = await peer.ask({ path: "s", token });
    assert.equal(brief(answer), "ACK 2.05");
    assert.equal(answer.token.toString(), token);
  }
});

probe("three times the same CON POST: runs once, three times the same reply", async ({ peer, sample }) => {
  for (let copy = 0; copy < 3; copy++) peer.send({ code: CODE.POST, path: "inc", messageId: 50 });
  const answers = await peer.settled();
  assert.deepEqual(answers.map(textOf), ["1", "1", "1"]);
  assert.deepEqual(briefs(answers), ["ACK 2.04", "ACK 2.04", "ACK 2.04"]);
  assert.equal(sample.runs, 1);
});

probe("the same identifier with another token is another request", async ({ peer, sample }) => {
  await peer.ask({ code: CODE.POST, path: "inc", messageId: 50, token: "a" });
  await peer.ask({ code: CODE.POST, path: "inc", messageId: 50, token: "b" });
  assert.equal(sample.runs, 2);
});

probe("three times the same NON POST: runs once, one reply", async ({ peer, sample }) => {
  for (let copy = 0; copy < 3; copy++) peer.send({ type: NON, code: CODE.POST, path: "inc", messageId: 50 });
  assert.deepEqual(briefs(await peer.settled()), ["NON 2.04"]);
  assert.equal(sample.runs, 1);
});

probe(
  "a duplicate is known for as long as copies can arrive, and forgotten later",
  async ({ clock, peer, sample }) => {
    await peer.ask({ code: CODE.POST, path: "inc", messageId: 50 });
    await clock.advance(144 * SECOND);
    assert.equal(textOf(await peer.ask({ code: CODE.POST, path: "inc", messageId: 50 })), "1");
    await clock.advance(600 * SECOND);
    assert.equal(textOf(await peer.ask({ code: CODE.POST, path: "inc", messageId: 50 })), "2");
    assert.equal(sample.runs, 2);
  },
);

probe(
  "four times the same CON POST to a slow handler: runs once, one answer",
  async ({ clock, peer, sample }) => {
    for (let copy = 0; copy < 4; copy++) peer.send({ code: CODE.POST, path: "slow", messageId: 50 });
    assert.deepEqual(briefs(await peer.settled()), ["ACK 0.00", "ACK 0.00", "ACK 0.00"]);
    await clock.advance(1400 * MS);
    const [answer, ...more] = await peer.settled();
    assert.ok(answer !== undefined);
    assert.equal(`${brief(answer)} ${textOf(answer)}`, "CON 2.04 1");
    assert.equal(more.length, 0);
    peer.send({ code: CODE.POST, path: "slow", messageId: 50 });
    assert.deepEqual(briefs(await peer.settled()), ["ACK 0.00"]);
    assert.equal(sample.runs, 1);
  },
);

probe("a copy of a slow GET does not run again", async ({ clock, peer, sample }) => {
  for (let copy = 0; copy < 2; copy++) peer.send({ path: "slow", messageId: 50 });
  await peer.settled();
  await clock.advance(1400 * MS);
  peer.send({ path: "slow", messageId: 50 });
  assert.deepEqual(briefs(await peer.settled()), ["CON 2.05", "ACK 0.00"]);
  assert.equal(sample.runs, 1);
});

probe(
  "a handler of less than 1 s answers in the acknowledgement, one of more apart",
  async ({ clock, peer }) => {
    const messageId = peer.send({ code: CODE.POST, path: "slow" });
    assert.deepEqual(await peer.settled(), []);
    await clock.advance(999 * MS);
    assert.deepEqual(await peer.settled(), []);
    await clock.advance(26 * MS);
    const [acknowledgement] = await peer.settled();
    assert.ok(acknowledgement !== undefined);
    assert.equal(brief(acknowledgement), "ACK 0.00");
    assert.equal(acknowledgement.messageId, messageId);
    await clock.advance(300 * MS);
    const answer = await peer.next();
    assert.equal(brief(answer), "CON 2.04");
    assert.notEqual(answer.messageId, messageId);
    assert.equal(answer.token.toString(), "token");
  },
);

probe("a NON request to a slow handler gets a NON", async ({ clock, peer }) => {
  peer.send({ type: NON, code: CODE.POST, path: "slow" });
  await peer.settled();
  await clock.advance(1400 * MS);
  assert.deepEqual(briefs(await peer.settled()), ["NON 2.04"]);
});

probe("a separate response is sent again until acknowledged, then not", async ({ clock, peer }) => {
  peer.send({ code: CODE.POST, path: "slow" });
  await peer.settled();
  await clock.advance(1400 * MS);
  await clock.advance(4500 * MS);
  const [, first, second, ...more] = await peer.settled();
  assert.deepEqual(
    [first, second].map((message) => message && brief(message)),
    ["CON 2.04", "CON 2.04"],
  );
  assert.equal(first?.messageId, second?.messageId);
  assert.equal(more.length, 0);
  peer.empty(ACK, first?.messageId ?? -1);
  await peer.settled();
  await clock.advance(20 * SECOND);
  assert.deepEqual(briefs(await peer.settled()), SILENCE);
});

probe(
  "a separate response is sent five times in all; then the client is given up, quietly",
  async ({ clock, peer, server }) => {
    peer.send({ code: CODE.POST, path: "slow" });
    await peer.settled();
    await clock.advance(250 * SECOND);
    assert.deepEqual(briefs(await peer.settled()), [
      "ACK 0.00",
      ...Array.from({ length: 5 }, () => "CON 2.04"),
    ]);
    assert.equal(server.stats.abandoned, 1);
    assert.equal(brief(await peer.ask({ path: "s" })), "ACK 2.05");
  },
);

probe("a separate response that is reset is not sent again", async ({ clock, peer }) => {
  peer.send({ code: CODE.POST, path: "slow" });
  await peer.settled();
  await clock.advance(1400 * MS);
  const [, answer] = [await peer.next(), await peer.next()];
  peer.empty(RST, answer.messageId);
  await peer.settled();
  await clock.advance(20 * SECOND);
  assert.deepEqual(briefs(await peer.settled()), SILENCE);
});

probe(
  "two separate responses to one peer: one outstanding at a time (NSTART = 1)",
  async ({ clock, peer }) => {
    peer.send({ code: CODE.POST, path: "slow", token: "a" });
    peer.send({ code: CODE.POST, path: "slow", token: "b" });
    await peer.settled();
    await clock.advance(1400 * MS);
    const messages = await peer.settled();
    assert.deepEqual(briefs(messages), ["ACK 0.00", "ACK 0.00", "CON 2.04"]);
    peer.empty(ACK, messages[2]?.messageId ?? -1);
    const second = await peer.next();
    assert.equal(`${brief(second)} ${second.token.toString()}`, "CON 2.04 b");
  },
);

probe("a handler that throws, or rejects: ACK 5.00 without its text", async ({ peer, server }) => {
  for (const path of ["throw", "reject"]) {
    const answer = await peer.ask({ path });
    assert.equal(brief(answer), "ACK 5.00");
    assert.equal(answer.payload.length, 0);
  }
  assert.equal(server.stats.failures, 2);
});

probe("a response that cannot be sent is a fault of the handler: 5.00", async ({ peer, sample, server }) => {
  const wrong = [
    { code: "2.5" },
    { code: "2.05", contentFormat: -1 },
    { code: "2.05", maxAgeS: 0.5 },
    { code: "2.05", etag: Buffer.alloc(9) },
    { code: "2.01", locationPath: ["x".repeat(256)] },
  ];
  for (const response of wrong) {
    sample.handle = () => response;
    assert.equal(brief(await peer.ask({ path: "s" })), "ACK 5.00");
  }
  assert.equal(server.stats.failures, wrong.length);
});

probe("a client on another address of the host gets its answers, errors too", async ({ another }) => {
  const peer = await another("127.0.0.2");
  assert.equal(brief(await peer.ask({ path: "s" })), "ACK 2.05");
  assert.equal(brief(await peer.ask({ path: "throw" })), "ACK 5.00");
});

probe("a created resource is named by Location-Path, one option per segment", async ({ peer }) => {
  const answer = await peer.ask({ code: CODE.POST, path: "make" });
  assert.equal(brief(answer), "ACK 2.01");
  const segments = answer.options.filter(({ number }) => number === 8).map(({ value }) => value.toString());
  assert.deepEqual(segments, ["operations", "a/b ü"]);
});

probe("Accept of another format is the handler's matter", async ({ peer, sample }) => {
  assert.equal(brief(await peer.ask({ path: "s", options: [[OPTION.ACCEPT, 60]] })), "ACK 2.05");
  assert.equal(sample.requests[0]?.accept, 60);
});

probe("No-Response 26 on a NON POST: it runs, silently; on a CON: an empty ACK", async ({ peer, sample }) => {
  const options = [[OPTION.NO_RESPONSE, 26] as const];
  peer.send({ type: NON, code: CODE.POST, path: "inc", options });
  assert.deepEqual(briefs(await peer.settled()), SILENCE);
  peer.send({ code: CODE.POST, path: "inc", options });
  assert.deepEqual(briefs(await peer.settled()), ["ACK 0.00"]);
  assert.equal(sample.runs, 2);
});

probe("No-Response 2 lets errors through", async ({ peer }) => {
  const options = [[OPTION.NO_RESPONSE, 2] as const];
  assert.equal(brief(await peer.ask({ type: NON, path: "nope", options })), "NON 4.04");
});

probe("the acknowledgement carries the request's identifier and Content-Format", async ({ peer }) => {
  const messageId = peer.send({ path: "obs" });
  const answer: CoapMessage = await peer.next();
  assert.equal(answer.messageId, messageId);
  assert.deepEqual(findOption(answer.options, OPTION.CONTENT_FORMAT), Buffer.from([50]));
});

probe("a burst from one peer is answered to the last request", async ({ peer }) => {
  for (let index = 0; index < 100; index++)
    peer.sendBytes(requestBytes({ path: "s", messageId: 1000 + index }));
  assert.equal((await peer.settled()).length, 100);
});
