// The client's end of a connection against servers that misbehave: silent, slow, gone, wrong.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { SECOND } from "../../../src/base/clock.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { Budget } from "../../../src/base/budget.ts";
import { CoapClient, type CoapReply } from "../../../src/coap/client/client.ts";
import { type Message, NO_BYTES } from "../../../src/coap/message/codec.ts";
import { findUint, OPTION, uintOption } from "../../../src/coap/message/options.ts";
import { encodeFrame, FrameReader } from "../../../src/coap/stream/frame.ts";
import { capabilitiesMessage, releaseMessage, SIGNAL } from "../../../src/coap/stream/signals.ts";
import { Inbox } from "../support/inbox.ts";
import { pattern } from "../support/sample-server.ts";

interface Peer {
  readonly socket: Socket;
  /** Requests so far. */
  readonly requests: Message[];
  readonly send: (message: Partial<Message> & Pick<Message, "code">) => void;
}

/** What a server does with a connection and with each message on it. */
interface Behaviour {
  readonly opened?: (peer: Peer) => void;
  readonly message?: (peer: Peer, message: Message) => void;
}

interface Bench {
  readonly clock: VirtualClock;
  readonly open: () => Promise<CoapClient>;
  readonly peers: readonly Peer[];
}

async function against(behaviour: Behaviour, run: (bench: Bench) => Promise<void>): Promise<void> {
  const clock = new VirtualClock();
  const peers: Peer[] = [];
  const server = createServer((socket) => {
    const send: Peer["send"] = (message) =>
      void socket.write(encodeFrame({ token: NO_BYTES, options: [], payload: NO_BYTES, ...message }));
    const peer: Peer = { socket, requests: [], send };
    peers.push(peer);
    const reader = new FrameReader(2 ** 24, new Budget(2 ** 26));
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) =>
      reader.push(chunk, (message) => {
        if (message.code < 32) peer.requests.push(message);
        behaviour.message?.(peer, message);
        return true;
      }),
    );
    behaviour.opened?.(peer);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address: string | AddressInfo | null = server.address();
  assert.ok(address !== null && typeof address === "object");
  const clients: CoapClient[] = [];
  const open = async (): Promise<CoapClient> => {
    const { port } = address;
    const client = await CoapClient.open({ scheme: "coap+tcp", host: "127.0.0.1", port, clock });
    clients.push(client);
    return client;
  };
  try {
    await run({ clock, open, peers });
  } finally {
    for (const client of clients) await clock.run(client.close());
    for (const { socket } of peers) socket.destroy();
    server.close();
  }
  assert.equal(clock.pending, 0, "timers are left behind");
}

function hello(peer: Peer, maxMessageBytes = 100_000): void {
  peer.send(capabilitiesMessage(maxMessageBytes));
}

function answerTo(token: Buffer): Message {
  return { code: 0x45, token, options: [], payload: NO_BYTES };
}

function get(client: CoapClient, signal = NEVER): Promise<CoapReply> {
  return client.request({ method: "GET", path: ["x"] }, signal);
}

test("a server that does not say what it takes: DEVICE_TIMEOUT", async () => {
  await against({}, async ({ open, clock }) => {
    await assert.rejects(clock.run(open()), { code: "DEVICE_TIMEOUT", message: /no connection in time/ });
  });
});

test("a server that ends the connection at once, or speaks HTTP: DEVICE_NOT_CONNECTED", async () => {
  await against({ opened: ({ socket }) => void socket.end() }, async ({ open }) => {
    await assert.rejects(open(), { code: "DEVICE_NOT_CONNECTED" });
  });
  await against(
    { opened: ({ socket }) => void socket.write("HTTP/1.1 400 Bad\r\n\r\n") },
    async ({ open }) => {
      await assert.rejects(open(), { code: "DEVICE_NOT_CONNECTED" });
    },
  );
});

test("nothing listens: DEVICE_NOT_CONNECTED", async () => {
  const clock = new VirtualClock();
  const opening = CoapClient.open({ scheme: "coap+tcp", host: "127.0.0.1", port: 1, clock });
  await assert.rejects(opening, {
    code: "DEVICE_NOT_CONNECTED",
    message: /^coap\+tcp:\/\/127\.0\.0\.1:1: no conn/,
  });
});

test("a server that falls silent is asked for a sign of life, and given up after a minute", async () => {
  await against({ opened: hello }, async ({ open, clock, peers }) => {
    const client = await open();
    const started = clock.nowUs();
    await assert.rejects(clock.run(get(client)), {
      code: "DEVICE_NOT_CONNECTED",
      message: /does not answer/,
    });
    const tookS = (clock.nowUs() - started) / 1e6;
    assert.ok(tookS >= 60 && tookS < 65, `${tookS} s`);
    assert.equal(peers.length, 1);
  });
});

test("a server that is there but never answers: DEVICE_TIMEOUT after 247 s", async () => {
  const pong = (peer: Peer, { code, token }: Message): void => {
    if (code === SIGNAL.PING) peer.send({ code: SIGNAL.PONG, token });
  };
  await against({ opened: hello, message: pong }, async ({ open, clock }) => {
    const client = await open();
    await assert.rejects(clock.run(get(client)), { code: "DEVICE_TIMEOUT", message: /not answered in time/ });
  });
});

test("an aborted request leaves the connection to the others", async () => {
  const answer = (peer: Peer, { code, token }: Message): void => {
    if (code < 32 && peer.requests.length > 1) peer.send({ code: 0x45, token });
  };
  await against({ opened: hello, message: answer }, async ({ open, peers }) => {
    const client = await open();
    const aborting = new AbortController();
    const first = get(client, aborting.signal);
    while (peers[0]?.requests.length !== 1) await new Promise((resolve) => setImmediate(resolve));
    aborting.abort(new Error("enough"));
    await assert.rejects(first, /enough/);
    assert.equal((await get(client)).code, "2.05");
    assert.equal(peers.length, 1);
  });
});

test("after a release, or a loss, the next request opens another connection", async () => {
  const answer = (peer: Peer, { code, token }: Message): void => {
    if (code >= 32) return;
    peer.socket.write(Buffer.concat([encodeFrame(answerTo(token)), encodeFrame(releaseMessage())]));
  };
  await against({ opened: hello, message: answer }, async ({ open, peers }) => {
    const client = await open();
    for (let count = 1; count <= 3; count++) {
      assert.equal((await get(client)).code, "2.05");
      assert.equal(peers.length, count);
    }
  });
});

test("a request that crosses the server's release is answered on the old connection", async () => {
  const late = (peer: Peer, { code, token }: Message): void => {
    if (code < 32)
      peer.socket.write(Buffer.concat([encodeFrame(releaseMessage()), encodeFrame(answerTo(token))]));
  };
  await against({ opened: hello, message: late }, async ({ open, peers }) => {
    const client = await open();
    assert.equal((await get(client)).code, "2.05");
    assert.equal(peers.length, 1);
  });
});

test("an answer and the first notification in the same bytes: both arrive", async () => {
  const both = (peer: Peer, { code, token }: Message): void => {
    if (code >= 32) return;
    const notification = (sequence: number): Message => ({
      code: 0x45,
      token,
      options: [uintOption(OPTION.OBSERVE, sequence)],
      payload: Buffer.from(`${sequence}`),
    });
    if (peer.requests.length === 1)
      peer.socket.write(Buffer.concat([encodeFrame(notification(1)), encodeFrame(notification(2))]));
  };
  await against({ opened: hello, message: both }, async ({ open }) => {
    const client = await open();
    const values = client.observe({ method: "GET", path: ["x"] }, NEVER);
    const seen: string[] = [];
    for (let count = 0; count < 2; count++) {
      const { value } = await values.next();
      seen.push(value === undefined ? "" : Buffer.from(value.payload).toString());
    }
    assert.deepEqual(seen, ["1", "2"]);
    await values.return();
  });
});

test("a body goes whole when the server takes it, by BERT when not, in 1024s when it knows no blocks", async () => {
  const blocksOf = async (capabilities: Message): Promise<readonly number[]> => {
    const sizes: number[] = [];
    const take = (peer: Peer, { code, token, options, payload }: Message): void => {
      if (code >= 32) return;
      sizes.push(payload.length);
      const block = options.find(({ number }) => number === OPTION.BLOCK1);
      const isMore = block !== undefined && ((block.value.at(-1) ?? 0) & 8) !== 0;
      peer.send({ code: isMore ? 0x5f : 0x44, token, options: block === undefined ? [] : [block] });
    };
    await against({ opened: (peer) => peer.send(capabilities), message: take }, async ({ open }) => {
      const client = await open();
      const put = client.request({ method: "PUT", path: ["x"], payload: pattern(10_000) }, NEVER);
      assert.equal((await put).code, "2.04");
    });
    return sizes;
  };
  assert.deepEqual(await blocksOf(capabilitiesMessage(20_000)), [10_000]);
  assert.deepEqual(await blocksOf(capabilitiesMessage(5000)), [4096, 4096, 1808]);
  const plain = { ...capabilitiesMessage(5000), options: [uintOption(2, 5000)] };
  assert.deepEqual(await blocksOf(plain), [...Array.from({ length: 9 }, () => 1024), 784]);
  const silent = { ...capabilitiesMessage(0), options: [] };
  assert.deepEqual(await blocksOf(silent), [...Array.from({ length: 9 }, () => 1024), 784]);
});

test("a request of the server is answered 5.01: this end is no server", async () => {
  const answers: number[] = [];
  const behaviour: Behaviour = {
    opened: (peer) => {
      hello(peer);
      peer.send({ code: 1, token: Buffer.from("q") });
    },
    message: (peer, { code, token }) => {
      if (token.toString() === "q") answers.push(code);
      else if (code < 32) peer.send({ code: 0x45, token });
    },
  };
  await against(behaviour, async ({ open }) => {
    await get(await open());
  });
  assert.deepEqual(answers, [0xa1]);
});

test("the longest message that the client takes comes whole over a link of 12 KB/s, on which no Pong overtakes it", async () => {
  const answers = new Inbox<Buffer>();
  let largestBytes = 0;
  const answer = (message: Message): void => {
    if (message.code === SIGNAL.CSM) largestBytes = findUint(message.options, 2) ?? 0;
    else if (message.code < 32)
      answers.push(encodeFrame({ ...answerTo(message.token), payload: pattern(largestBytes - 100) }));
  };
  await against({ opened: hello, message: (_peer, message) => answer(message) }, async (bench) => {
    const got = get(await bench.open());
    const frame = (await answers.next()) ?? NO_BYTES;
    const [peer] = bench.peers;
    for (let at = 0; at < frame.length; at += 12_000) {
      peer?.socket.write(frame.subarray(at, at + 12_000));
      await bench.clock.advance(SECOND);
    }
    assert.equal((await got).payload.length, largestBytes - 100);
  });
});
