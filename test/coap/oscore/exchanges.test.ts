// Client and server with OSCORE over a virtual network: every kind of exchange, loss, restarts, and attackers on the way.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { isVscopeError } from "../../../src/base/errors.ts";
import {
  type CoapMessage,
  type Content,
  decodeMessage,
  encodeMessage,
  NO_BYTES,
} from "../../../src/coap/message/codec.ts";
import { classOf, codeText, CON, EMPTY, methodCode } from "../../../src/coap/message/codes.ts";
import {
  type CoapOption,
  findOption,
  findUint,
  OPTION,
  textOption,
  uintOption,
} from "../../../src/coap/message/options.ts";
import { OscoreContext } from "../../../src/coap/oscore/oscore-context.ts";
import { openResponse, protectRequest } from "../../../src/coap/oscore/protection.ts";
import { pattern, sha256 } from "../support/sample-server.ts";
import { type VirtualNetwork, VirtualSocket, type Weather } from "../support/virtual-network.ts";
import { hex, KEY, MemoryStore } from "./oscore-pair.ts";
import { get, HOST, post, withSecured } from "./secured-sample.ts";

const STORM: Weather = { lost: 0.1, doubled: 0.1, slowestMs: 60 };

for (let seed = 1; seed <= 6; seed++) {
  test(`every exchange is whole over a link that loses, doubles and reorders a tenth (seed ${seed})`, async () => {
    await withSecured({ weather: STORM, seed }, async ({ clock, client, sample, network, server }) => {
      assert.deepEqual(Buffer.from((await clock.run(get(client, "b32k"))).payload), pattern(32_768));
      const payload = pattern(20_000, seed);
      const put = await clock.run(client.request({ method: "PUT", path: ["put"], payload }, NEVER));
      assert.equal(put.code, "2.04");
      assert.equal(sha256(sample.uploaded), sha256(payload));
      assert.equal(sample.runs, 1);
      for (let run = 2; run < 10; run++) {
        const reply = await clock.run(post(client, run % 2 === 0 ? "inc" : "slow"));
        assert.deepEqual([reply.code, Buffer.from(reply.payload).toString()], ["2.04", String(run)]);
      }
      assert.equal((await clock.run(get(client, "nope"))).code, "4.04");
      for (const { identity } of sample.requests)
        assert.deepEqual(identity, { kind: "oscore", name: "field laptop" });
      assertNothingPlain(network);
      assert.ok(server().stats.retransmissions + server().stats.duplicates > 0);
    });
  });

  test(`an observer sees the newest value at last, in order, over that link (seed ${seed})`, async () => {
    await withSecured({ weather: STORM, seed }, async ({ clock, client, sample, network, server }) => {
      const values: number[] = [];
      const enough = new AbortController();
      const watching = (async () => {
        for await (const reply of client.observe({ method: "GET", path: ["obs"] }, enough.signal)) {
          values.push(JSON.parse(Buffer.from(reply.payload).toString()).n);
          if (values.at(-1) === 30) break;
        }
      })();
      for (let value = 1; value <= 30; value++) {
        await clock.advance(700_000);
        sample.value.set(value);
      }
      await clock.run(watching);
      assert.deepEqual(
        values,
        values.toSorted((left, right) => left - right),
      );
      assert.ok(values.length > 3, `${values.length} notifications`);
      assertNothingPlain(network);
      network.weather = { lost: 0, doubled: 0, slowestMs: 1 };
      sample.value.set(31);
      await clock.advance(200_000_000);
      assert.equal(server().stats.observers, 0);
    });
  });
}

test("2 MiB down and 256 KiB up, in blocks that are verified one by one", async () => {
  await withSecured({}, async ({ clock, client, sample }) => {
    const large = pattern(2 * 1024 * 1024);
    sample.bodies.set("b2m", large);
    assert.equal(sha256((await clock.run(get(client, "b2m"))).payload), sha256(large));
    const payload = pattern(262_144, 3);
    const put = await clock.run(client.request({ method: "PUT", path: ["put"], payload }, NEVER));
    assert.equal(put.code, "2.04");
    assert.equal(sha256(sample.uploaded), sha256(payload));
  });
});

test("large notifications are whole", async () => {
  await withSecured({}, async ({ clock, client, sample }) => {
    const seen: string[] = [];
    const observing = client.observe({ method: "GET", path: ["frame"] }, NEVER);
    for (let frame = 0; frame < 4; frame++) {
      const { value } = await clock.run(observing.next());
      assert.ok(value);
      seen.push(sha256(value.payload));
      sample.frame.set(pattern(32_768, frame + 1));
    }
    await clock.run(observing.return());
    assert.deepEqual(
      seen,
      [0, 1, 2, 3].map((frame) => sha256(pattern(32_768, frame))),
    );
  });
});

test("the first request after a start is asked for again with Echo, once, and runs once", async () => {
  await withSecured({}, async ({ clock, client, sample, network, server }) => {
    assert.equal((await clock.run(post(client, "inc"))).code, "2.04");
    assert.equal(requestsIn(network), 2);
    assert.equal((await clock.run(post(client, "inc"))).code, "2.04");
    assert.equal(requestsIn(network), 3);
    assert.equal(sample.runs, 2);
    assert.equal(server().stats.failures, 0);
  });
});

test("after a restart old requests are not carried out, and the client goes on", async () => {
  await withSecured({}, async ({ clock, client, sample, network, restart, raw }) => {
    for (let run = 1; run <= 5; run++) await clock.run(post(client, "inc"));
    const recorded = protectedRequests(network);
    await restart();
    const attacker = raw();
    for (const message of recorded) {
      const answer = await attacker.ask(clock, message);
      assert.equal(codeText(answer.code), "2.04");
      assert.ok(findOption(answer.options, OPTION.OSCORE));
    }
    assert.equal(sample.runs, 5);
    assert.equal((await clock.run(post(client, "inc"))).code, "2.04");
    assert.equal(sample.runs, 6);
    // Now the window is known, and all before it counts as seen.
    for (const message of recorded)
      assertRefused(await attacker.ask(clock, message), "4.01", "Replay detected");
    assert.equal(sample.runs, 6);
  });
});

test("the server never uses a nonce twice, through restarts", async () => {
  await withSecured({}, async ({ clock, client, sample, network, restart }) => {
    for (let life = 0; life < 4; life++) {
      const observing = client.observe({ method: "GET", path: ["obs"] }, NEVER);
      for (let value = 0; value < 3; value++) {
        await clock.run(observing.next());
        sample.value.set(sample.value.value + 1);
      }
      await clock.run(observing.return());
      await restart();
    }
    const own = network.sent
      .filter(({ from }) => from.startsWith(HOST))
      .map(({ bytes }) => findOption(decodeMessage(bytes)?.options ?? [], OPTION.OSCORE))
      .filter((value) => value !== undefined && value.length > 0)
      .map((value) => value?.toString("hex"));
    assert.ok(own.length >= 12);
    assert.equal(new Set(own).size, own.length);
  });
});

test("a request is carried out once, whoever sends it again", async () => {
  await withSecured({}, async ({ clock, client, sample, network, raw }) => {
    await clock.run(post(client, "inc"));
    await clock.run(post(client, "inc"));
    for (const message of protectedRequests(network).slice(1)) {
      const answer = await raw().ask(clock, message);
      assertRefused(answer, "4.01", "Replay detected");
      assert.equal(findUint(answer.options, OPTION.MAX_AGE), 0);
    }
    assert.equal(sample.runs, 2);
  });
});

test("a copy of a confirmable GET gets the same reply, and is no replay", async () => {
  await withSecured({}, async ({ clock, client, network, sample }) => {
    await clock.run(get(client, "s"));
    const sent = network.sent.filter(({ from }) => !from.startsWith(HOST)).at(-1);
    assert.ok(sent);
    const answers = (): Buffer[] =>
      network.sent.filter(({ from }) => from.startsWith(HOST)).map(({ bytes }) => bytes);
    const before = answers();
    const again = network.socket("192.0.2.9", 40_000);
    again.send(sent.bytes, 5683, HOST);
    await clock.advance(1_000_000);
    assert.deepEqual(answers().slice(before.length), [before.at(-1)]);
    assert.equal(sample.requests.length, 1);
  });
});

test("what does not verify is refused with the reason, plainly and not to be cached", async () => {
  await withSecured({}, async ({ clock, raw, sample, server }) => {
    const peer = raw();
    const known = await OscoreContext.open(KEY, new MemoryStore());
    const stranger = await OscoreContext.open({ ...KEY, senderId: hex("ff") }, new MemoryStore());
    const elsewhere = await OscoreContext.open({ ...KEY, idContext: hex("01") }, new MemoryStore());
    const { outer } = protectRequest(known, PING, 7);
    const forged = Buffer.from(outer.payload);
    forged[0] = (forged[0] ?? 0) ^ 1;
    const oscore = (value: Buffer): Content => ({ ...outer, options: [{ number: OPTION.OSCORE, value }] });
    const cases: readonly (readonly [Content, string, string])[] = [
      [protectRequest(stranger, PING, 1).outer, "4.01", "Security context not found"],
      [protectRequest(elsewhere, PING, 1).outer, "4.01", "Security context not found"],
      [{ ...outer, payload: forged }, "4.00", "Decryption failed"],
      [{ ...outer, payload: outer.payload.subarray(0, 8) }, "4.00", "Decryption failed"],
      [{ ...outer, payload: NO_BYTES }, "4.02", "Failed to decode COSE"],
      [oscore(NO_BYTES), "4.02", "Failed to decode COSE"],
      [oscore(hex("e1aa")), "4.02", "Failed to decode COSE"],
      [oscore(hex("08")), "4.02", "Failed to decode COSE"],
      [withOuter(outer, uintOption(OPTION.BLOCK1, 0x0e)), "4.02", "Block-wise transfer outside OSCORE"],
      [withOuter(outer, uintOption(OPTION.BLOCK2, 0x16)), "4.02", "Block-wise transfer outside OSCORE"],
      [protectRequest(known, { ...PING, code: 0x45 }, 8).outer, "4.02", "Failed to decode COSE"],
    ];
    for (const [message, code, text] of cases) {
      const answer = await peer.ask(clock, message);
      assertRefused(answer, code, text);
      assert.equal(findUint(answer.options, OPTION.MAX_AGE), 0, text);
    }
    assert.equal(sample.requests.length, 0);
    assert.equal(server().stats.unverified, cases.length);
    assert.equal(server().stats.verified, 0);
  });
});

test("a key that has served its time is as one that is not known", async () => {
  await withSecured({}, async ({ clock, stores, restart, raw }) => {
    stores.server.next = 2 ** 40 - 1;
    await restart();
    const context = await OscoreContext.open(KEY, new MemoryStore());
    const peer = raw();
    // The last number is spent on the question.
    assert.equal(codeText((await peer.ask(clock, protectRequest(context, PING, 1).outer)).code), "2.04");
    const answer = await peer.ask(clock, protectRequest(context, PING, 2).outer);
    assertRefused(answer, "4.01", "Security context not found");
  });
});

test("options outside change nothing: only those inside count", async () => {
  await withSecured({}, async ({ clock, raw, sample }) => {
    const context = await OscoreContext.open(KEY, new MemoryStore());
    const peer = raw();
    let { outer, binding } = protectRequest(context, PING, 1);
    const challenge = openResponse(binding, await peer.ask(clock, outer));
    const echo = findOption(challenge?.content.options ?? [], OPTION.ECHO);
    assert.ok(echo);
    assert.equal(codeText(challenge?.content.code ?? 0), "4.01");
    const inside = { ...PING, options: [...PING.options, { number: OPTION.ECHO, value: echo }] };
    ({ outer, binding } = protectRequest(context, inside, 2));
    const wrapped = withOuter(
      { ...outer, code: methodCode("DELETE") },
      textOption(OPTION.URI_PATH, "put"),
      uintOption(OPTION.NO_RESPONSE, 26),
      uintOption(OPTION.OBSERVE, 0),
    );
    const opened = openResponse(binding, await peer.ask(clock, wrapped));
    assert.equal(codeText(opened?.content.code ?? 0), "2.05");
    assert.equal(findOption(opened?.content.options ?? [], OPTION.OBSERVE), undefined);
    assert.deepEqual(
      sample.requests.map(({ method, path }) => [method, ...path]),
      [["GET", "s"]],
    );
  });
});

test("who has no key neither reads the blocks of others nor ends their observations", async () => {
  await withSecured({}, async ({ clock, client, network, sample, server }) => {
    const observing = client.observe({ method: "GET", path: ["obs"] }, NEVER);
    await clock.run(observing.next());
    const registration = protectedRequests(network).at(-1);
    assert.ok(registration);
    await clock.run(get(client, "b32k"));
    const before = sample.requests.length;
    const spoofed = new VirtualSocket(network, "192.0.2.9", 40_000);
    const spoof = (token: Buffer, ...options: Content["options"]): void => {
      const head = { type: CON, code: methodCode("GET"), messageId: sample.requests.length } as const;
      spoofed.send(encodeMessage({ ...head, token, options, payload: NO_BYTES }), 5683, HOST);
    };
    const path = (name: string): CoapOption => textOption(OPTION.URI_PATH, name);
    spoof(registration.token, uintOption(OPTION.OBSERVE, 1), path("obs"));
    await clock.advance(1_000_000);
    spoof(Buffer.from("else"), path("b32k"), uintOption(OPTION.BLOCK2, 0x16));
    await clock.advance(1_000_000);
    assert.equal(server().stats.observers, 1);
    // The handler was asked anew, for somebody without a key.
    assert.deepEqual(
      sample.requests.slice(before).map(({ identity }) => identity),
      [undefined, undefined],
    );
    sample.value.set(5);
    const { value } = await clock.run(observing.next());
    assert.equal(Buffer.from(value?.payload ?? NO_BYTES).toString(), '{"n":5}');
    await clock.run(observing.return());
  });
});

test("the client takes no notification twice, none that was changed, and none that is older", async () => {
  await withSecured({}, async ({ clock, client, network, sample }) => {
    const seen: string[] = [];
    const stop = new AbortController();
    const watching = (async () => {
      for await (const { payload } of client.observe({ method: "GET", path: ["obs"] }, stop.signal))
        seen.push(Buffer.from(payload).toString());
    })().catch(() => {});
    for (let value = 0; value < 4; value++) {
      await clock.advance(1_000_000);
      sample.value.set(value + 1);
    }
    await clock.advance(1_000_000);
    assert.equal(seen.length, 5);
    const notifications = network.sent.filter(({ from }) => from.startsWith(HOST)).slice(1);
    const [address = "", port] = notifications[0]?.to.split(" ") ?? [];
    const attacker = network.socket(HOST, 5683_1);
    for (const { bytes } of notifications) {
      const changed = Buffer.from(bytes);
      changed[bytes.length - 1] = (changed.at(-1) ?? 0) ^ 1;
      for (const each of [bytes, changed]) attacker.send(each, Number(port), address);
    }
    await clock.advance(1_000_000);
    assert.equal(seen.length, 5);
    stop.abort();
    await clock.run(watching);
  });
});

test("an answer without protection is no answer, and says why", async () => {
  await withSecured({}, async (bench) => {
    const wrong = await OscoreContext.open({ ...KEY, senderId: hex("77") }, new MemoryStore());
    const stranger = await bench.another(wrong);
    await assert.rejects(bench.clock.run(get(stranger, "s")), (error) => {
      return (
        isVscopeError(error, "DEVICE_PROTOCOL") && /4\.01 .*Security context not found/.test(error.message)
      );
    });
    const other = await OscoreContext.open({ ...KEY, masterSalt: hex("00") }, new MemoryStore());
    await assert.rejects(bench.clock.run(get(await bench.another(other), "s")), /Decryption failed/);
    // A request without protection is answered without: what anybody may do is not decided here.
    const open = await bench.plain();
    assert.equal((await bench.clock.run(get(open, "s"))).code, "2.05");
    assert.equal(bench.sample.requests.at(-1)?.identity, undefined);
  });
});

test("two processes with one key take turns, but no action is sent again", async () => {
  await withSecured({}, async ({ clock, client, another, sample }) => {
    const second = await another();
    const codes: string[] = [];
    for (let turn = 0; turn < 3; turn++) {
      for (const each of [client, second]) {
        const put = each.request({ method: "PUT", path: ["put"], payload: pattern(10) }, NEVER);
        codes.push((await clock.run(put)).code);
      }
    }
    assert.deepEqual(
      codes,
      Array.from({ length: 6 }, () => "2.04"),
    );
    assert.equal(sample.runs, 6);
    // Whoever stands between could have made the refusal of a request that has run.
    await assert.rejects(clock.run(post(client, "inc")), /Replay detected/);
    assert.equal(sample.runs, 6);
    assert.equal((await clock.run(post(client, "inc"))).code, "2.04");
  });
});

test("No-Response inside is heard, outside it is not", async () => {
  await withSecured({}, async ({ clock, client, raw, network, sample }) => {
    await clock.run(get(client, "s"));
    const context = await OscoreContext.open(KEY, new MemoryStore(1000));
    const peer = raw();
    const inside = { ...PING, options: [...PING.options, uintOption(OPTION.NO_RESPONSE, 2)] };
    const silent = await peer.ask(clock, protectRequest(context, inside, 5000).outer);
    assert.equal(silent.code, EMPTY);
    const outside = withOuter(protectRequest(context, PING, 5001).outer, uintOption(OPTION.NO_RESPONSE, 2));
    assert.equal(codeText((await peer.ask(clock, outside)).code), "2.04");
    assert.equal(sample.requests.length, 3);
    assertNothingPlain(network);
  });
});

const PING: Content = {
  code: methodCode("GET"),
  options: [textOption(OPTION.URI_PATH, "s")],
  payload: NO_BYTES,
};

function withOuter(content: Content, ...more: Content["options"]): Content {
  const options = [...content.options, ...more].toSorted((left, right) => left.number - right.number);
  return { ...content, options };
}

function assertRefused(answer: CoapMessage, code: string, text: string): void {
  assert.equal(`${codeText(answer.code)} ${Buffer.from(answer.payload).toString()}`, `${code} ${text}`);
  assert.equal(findOption(answer.options, OPTION.OSCORE), undefined);
}

function messagesOf(
  network: VirtualNetwork,
): readonly { readonly from: string; readonly message: CoapMessage }[] {
  return network.sent.flatMap(({ from, bytes }) => {
    const message = decodeMessage(bytes);
    return message === undefined || message.code === EMPTY ? [] : [{ from, message }];
  });
}

function assertNothingPlain(network: VirtualNetwork): void {
  for (const { message } of messagesOf(network))
    assert.ok(findOption(message.options, OPTION.OSCORE), `${codeText(message.code)} went out plainly`);
}

function protectedRequests(network: VirtualNetwork): readonly CoapMessage[] {
  return messagesOf(network)
    .filter(({ from, message }) => !from.startsWith(HOST) && classOf(message.code) === 0)
    .map(({ message }) => message);
}

function requestsIn(network: VirtualNetwork): number {
  return protectedRequests(network).length;
}
