// The test vectors of RFC 8613 appendix C: key derivation (C.1 to C.3), requests (C.4 to C.6) and responses (C.7, C.8).

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type CoapMessage,
  type Content,
  decodeMessage,
  encodeMessage,
} from "../../../src/coap/message/codec.ts";
import { findOption, OPTION } from "../../../src/coap/message/options.ts";
import { authenticatedData, derivationInfo } from "../../../src/coap/oscore/cose.ts";
import { OscoreContext, type OscoreKey } from "../../../src/coap/oscore/oscore-context.ts";
import {
  openRequest,
  openResponse,
  protectRequest,
  protectResponse,
  type RequestBinding,
} from "../../../src/coap/oscore/protection.ts";
import { hex, MemoryStore, mirrored } from "./oscore-pair.ts";

const secret = hex("0102030405060708090a0b0c0d0e0f10");
const salt = hex("9e7ca92223786340");

const C1: OscoreKey = {
  name: "C.1",
  masterSecret: secret,
  masterSalt: salt,
  senderId: hex(""),
  recipientId: hex("01"),
};
const C2: OscoreKey = { name: "C.2", masterSecret: secret, senderId: hex("00"), recipientId: hex("01") };
const C3: OscoreKey = { ...C1, name: "C.3", idContext: hex("37cbf3210017a2d3") };

const open = (key: OscoreKey): Promise<OscoreContext> => OscoreContext.open(key, new MemoryStore());

interface Derivation {
  readonly key: OscoreKey;
  readonly infos: readonly [sender: string, recipient: string, iv: string];
  readonly keys: readonly [sender: string, recipient: string, iv: string];
  readonly nonces: readonly [sender: string, recipient: string];
}

const DERIVATIONS: readonly Derivation[] = [
  {
    key: C1,
    infos: ["8540f60a634b657910", "854101f60a634b657910", "8540f60a6249560d"],
    keys: [
      "f0910ed7295e6ad4b54fc793154302ff",
      "ffb14e093c94c9cac9471648b4f98710",
      "4622d4dd6d944168eefb54987c",
    ],
    nonces: ["4622d4dd6d944168eefb54987c", "4722d4dd6d944169eefb54987c"],
  },
  {
    key: C2,
    infos: ["854100f60a634b657910", "854101f60a634b657910", "8540f60a6249560d"],
    keys: [
      "321b26943253c7ffb6003b0b64d74041",
      "e57b5635815177cd679ab4bcec9d7dda",
      "be35ae297d2dace910c52e99f9",
    ],
    nonces: ["bf35ae297d2dace910c52e99f9", "bf35ae297d2dace810c52e99f9"],
  },
  {
    key: C3,
    infos: [
      "85404837cbf3210017a2d30a634b657910",
      "8541014837cbf3210017a2d30a634b657910",
      "85404837cbf3210017a2d30a6249560d",
    ],
    keys: [
      "af2a1300a5e95788b356336eeecd2b92",
      "e39a0c7c77b43f03b4b39ab9a268699f",
      "2ca58fb85ff1b81c0b7181b85e",
    ],
    nonces: ["2ca58fb85ff1b81c0b7181b85e", "2da58fb85ff1b81d0b7181b85e"],
  },
];

for (const { key, infos, keys, nonces } of DERIVATIONS) {
  test(`appendix ${key.name}: key derivation`, async () => {
    const client = await open(key);
    const { algorithm, idContext, senderId, recipientId } = client;
    const seen = [
      derivationInfo(senderId, idContext, algorithm, "Key"),
      derivationInfo(recipientId, idContext, algorithm, "Key"),
      derivationInfo(hex(""), idContext, algorithm, "IV"),
    ];
    assert.deepEqual(
      seen.map((info) => info.toString("hex")),
      infos,
    );
    const derived = [client.senderKey, client.recipientKey, client.commonIv];
    assert.deepEqual(
      derived.map((value) => value.toString("hex")),
      keys,
    );
    const zero = hex("00");
    assert.deepEqual(
      [client.nonce(senderId, zero), client.nonce(recipientId, zero)].map((nonce) => nonce.toString("hex")),
      nonces,
    );
    const server = await open(mirrored(key));
    assert.deepEqual([server.recipientKey, server.senderKey, server.commonIv], derived);
  });
}

interface RequestVector {
  readonly name: string;
  readonly key: OscoreKey;
  readonly plain: string;
  readonly aad: string;
  readonly option: string;
  readonly protected: string;
}

const REQUESTS: readonly RequestVector[] = [
  {
    name: "C.4",
    key: C1,
    plain: "44015d1f00003974396c6f63616c686f737483747631",
    aad: "8368456e63727970743040488501810a40411440",
    option: "0914",
    protected: "44025d1f00003974396c6f63616c686f7374620914ff612f1092f1776f1c1668b3825e",
  },
  {
    name: "C.5",
    key: C2,
    plain: "440171c30000b932396c6f63616c686f737483747631",
    aad: "8368456e63727970743040498501810a4100411440",
    option: "091400",
    protected: "440271c30000b932396c6f63616c686f737463091400ff4ed339a5a379b0b8bc731fffb0",
  },
  {
    name: "C.6",
    key: C3,
    plain: "44012f8eef9bbf7a396c6f63616c686f737483747631",
    aad: "8368456e63727970743040488501810a40411440",
    option: "19140837cbf3210017a2d3",
    protected: "44022f8eef9bbf7a396c6f63616c686f73746b19140837cbf3210017a2d3ff72cd7273fd331ac45cffbe55c3",
  },
];

const SEQUENCE = 20;

for (const vector of REQUESTS) {
  test(`appendix ${vector.name}: request`, async () => {
    const plain = decoded(vector.plain);
    const { outer, binding } = protectRequest(await open(vector.key), plain, SEQUENCE);
    const { algorithm } = binding.context;
    assert.equal(authenticatedData(algorithm, binding.kid, binding.partialIv).toString("hex"), vector.aad);
    assert.equal(findOption(outer.options, OPTION.OSCORE)?.toString("hex"), vector.option);
    assert.equal(encodeMessage({ ...plain, ...outer }).toString("hex"), vector.protected);
    const server = { ...binding, context: await open(mirrored(vector.key)) };
    assert.deepEqual(openRequest(server, decoded(vector.protected)), contentOf(plain));
  });
}

const RESPONSE = "64455d1f00003974ff48656c6c6f20576f726c6421";

for (const { name, number, protected: expected } of [
  {
    name: "C.7: response with the nonce of the request",
    number: undefined,
    protected: "64445d1f0000397490ffdbaad1e9a7e7b2a813d3c31524378303cdafae119106",
  },
  {
    name: "C.8: response with a Partial IV",
    number: 0,
    protected: "64445d1f00003974920100ff4d4c13669384b67354b2b6175ff4b8658c666a6cf88e",
  },
] as const) {
  test(`appendix ${name}`, async () => {
    const plain = decoded(RESPONSE);
    const request = { kid: hex(""), partialIv: hex("14"), isFetch: false };
    const server: RequestBinding = { ...request, context: await open(mirrored(C1)) };
    const outer = protectResponse(server, plain, number);
    assert.equal(encodeMessage({ ...plain, ...outer }).toString("hex"), expected);
    const client: RequestBinding = { ...request, context: await open(C1) };
    const opened = openResponse(client, decoded(expected));
    assert.deepEqual(opened?.content, contentOf(plain));
    assert.equal(opened?.sequence, number);
  });
}

function decoded(text: string): CoapMessage {
  const message = decodeMessage(hex(text));
  assert.ok(message);
  return message;
}

function contentOf({ code, options, payload }: CoapMessage): Content {
  return { code, options, payload };
}
