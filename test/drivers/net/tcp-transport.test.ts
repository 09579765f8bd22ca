import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { SECOND } from "../../../src/base/clock.ts";
import { isVscopeError } from "../../../src/base/errors.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { TcpTransport } from "../../../src/drivers/net/tcp-transport.ts";
import { encodeObp } from "../../../src/drivers/oceanoptics/obp-frame.ts";
import { OBP_ON_NETWORK } from "../../../src/drivers/oceanoptics/obp-network.ts";
import { VirtualNetwork } from "../../../src/emulator/net/virtual-network.ts";
import { ADDRESS, farEndOf } from "./network-bench.ts";

const SERIAL = 0x100;
const SPECTRUM = 0x00101000;
const SPECTRUM_BYTES = 4336;

function question(type: number, regarding = 1): Uint8Array {
  return encodeObp({ version: 0x1100, flags: 0, error: 0, type, regarding, data: new Uint8Array(0) });
}

async function setUp() {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock);
  const farEnd = farEndOf(clock);
  network.attach(farEnd, ADDRESS);
  const options = { network, clock, protocol: OBP_ON_NETWORK, address: ADDRESS };
  const transport = await clock.run(TcpTransport.open(options, NEVER));
  const write = (bytes: Uint8Array): Promise<void> => clock.run(transport.write(1, bytes, NEVER));
  const read = (length: number): Promise<Uint8Array> => clock.run(transport.read(0x81, length, NEVER));
  const ask = async (type: number, length: number): Promise<Uint8Array> => {
    await write(question(type));
    return read(length);
  };
  return { clock, network, farEnd, options, transport, write, read, ask };
}

test("a read ends with its message or when it is full, and is never longer than asked for", async () => {
  const { write, read, transport, clock } = await setUp();
  await write(question(SERIAL, 1));
  await write(question(SERIAL, 2));
  await write(question(SPECTRUM, 3));
  await clock.advance(SECOND);
  assert.equal((await read(16_384)).length, 64, "one message, although the next has come");
  assert.deepEqual((await read(40)).length, 40);
  assert.equal((await read(40)).length, 24, "the rest of the second message");
  assert.equal((await read(512)).length, 512);
  assert.equal((await read(8192)).length, SPECTRUM_BYTES - 512);
  await transport.close();
});

test("a message in pieces, or two in one segment, are read as they were sent", async () => {
  const { farEnd, ask, write, read, transport } = await setUp();
  const whole = await ask(SERIAL, 512);
  farEnd.faults.start({ kind: "pieces" });
  assert.deepEqual(await ask(SERIAL, 512), whole);
  farEnd.faults.start({ kind: "joined", nth: 1 });
  await write(question(SERIAL, 1));
  await write(question(SERIAL, 2));
  assert.deepEqual(await read(512), whole);
  assert.equal((await read(512))[12], 2);
  farEnd.faults.start({ kind: "rubbish", nth: 1 });
  const rubbish = await ask(SERIAL, 512);
  assert.deepEqual([...rubbish], [0xc1, 0x00, 0x69, 0xc0, 0xc1]);
  assert.deepEqual(await read(512), whole);
  await transport.close();
});

test("an aborted read loses no byte, whenever it is aborted", async () => {
  const { clock, transport, ask, write, read } = await setUp();
  const wanted = await ask(SERIAL, 512);
  for (let us = 0; us <= 800; us += 50) {
    await write(question(SERIAL));
    const controller = new AbortController();
    const reason = new RangeError("enough");
    const aborted = transport.read(0x81, 512, controller.signal).catch((error: unknown) => error);
    await clock.advance(us);
    controller.abort(reason);
    const result = await aborted;
    assert.deepEqual(result === reason ? await read(512) : result, wanted, `${us} us`);
  }
  await transport.close();
});

test("a signal that has aborted moves nothing", async () => {
  const { transport, clock, farEnd } = await setUp();
  const reason = new RangeError("enough");
  const signal = AbortSignal.abort(reason);
  await assert.rejects(transport.read(0x81, 512, signal), reason);
  await assert.rejects(transport.write(1, question(SERIAL), signal), reason);
  farEnd.faults.start({ kind: "pieces" });
  await clock.advance(SECOND);
  assert.equal(farEnd.faults.answers, 0);
  await transport.close();
});

test("a connection that is cut in the middle of an answer ends what waits, and is told", async () => {
  const { farEnd, transport, ask, clock } = await setUp();
  farEnd.faults.start({ kind: "cut", nth: 1 });
  const gone = { code: "DEVICE_NOT_CONNECTED", message: "network 192.0.2.7:57357: closed by the device" };
  await assert.rejects(ask(SERIAL, 512), gone);
  assert.equal((await transport.ended).message, gone.message);
  await assert.rejects(transport.read(0x81, 512, NEVER), gone);
  await assert.rejects(transport.write(1, question(SERIAL), NEVER), gone);
  await assert.rejects(transport.clearHalt(0x81), gone);
  await transport.close();
  assert.equal(clock.pending, 0);
});

test("what came before the end can still be read", async () => {
  const { farEnd, transport, write, read, clock } = await setUp();
  await write(question(SERIAL));
  await clock.advance(SECOND);
  farEnd.cut();
  await clock.advance(SECOND);
  assert.equal((await read(512)).length, 64);
  await assert.rejects(read(512), { code: "DEVICE_NOT_CONNECTED" });
  await transport.close();
});

test("a reset connects anew, drops what was on its way and is no end", async () => {
  const { farEnd, transport, write, ask, clock } = await setUp();
  let hasEnded = false;
  void transport.ended.then(() => (hasEnded = true));
  await write(question(SERIAL, 77));
  await write(question(SERIAL, 78));
  await clock.advance(SECOND);
  // Half of the first answer is read, the second waits; the third read has nothing to read.
  await clock.run(transport.read(0x81, 32, NEVER));
  const pending = [1, 2, 3].map(() => transport.read(0x81, 512, NEVER).catch((error: unknown) => error));
  await clock.run(transport.reset());
  const [, , rejected] = await Promise.all(pending);
  assert.ok(isVscopeError(rejected, "DEVICE_PROTOCOL"));
  assert.equal((await ask(SERIAL, 512))[12], 1, "the answer to the new question");
  assert.equal(hasEnded, false);
  await transport.close();
  assert.equal((await transport.ended).message, "network 192.0.2.7:57357: closed");
  assert.equal(farEnd.isConnected, false);
});

test("a reset that finds nobody ends the transport", async () => {
  const { farEnd, transport, clock } = await setUp();
  farEnd.faults.start({ kind: "refused" });
  await assert.rejects(clock.run(transport.reset()), { code: "DEVICE_NOT_CONNECTED" });
  assert.equal((await transport.ended).code, "DEVICE_NOT_CONNECTED");
  await transport.close();
  await assert.rejects(transport.reset(), { code: "DEVICE_NOT_CONNECTED" });
});

test("closing while it connects anew leaves no connection", async () => {
  const { farEnd, transport, clock } = await setUp();
  const reset = assert.rejects(transport.reset(), { code: "DEVICE_NOT_CONNECTED" });
  await transport.close();
  await clock.run(reset);
  await clock.advance(SECOND);
  assert.equal(farEnd.isConnected, false);
  assert.equal(clock.pending, 0);
});

test("an address that does not answer is given up after three seconds", async () => {
  const { clock, options } = await setUp();
  const network = {
    connect: (_address: unknown, _listener: unknown, signal: AbortSignal) =>
      new Promise<never>((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason), { once: true }),
      ),
    interfaces: () => [],
    openDatagrams: () => Promise.reject(new RangeError("no datagrams here")),
  };
  const beganUs = clock.nowUs();
  await assert.rejects(clock.run(TcpTransport.open({ ...options, network }, NEVER)), {
    code: "DEVICE_TIMEOUT",
    message: "network 192.0.2.7:57357: no connection within 3 s",
  });
  assert.equal(clock.nowUs() - beganUs, 3 * SECOND);
});

test("a device that sends without end is cut off before it fills the memory", async () => {
  const { clock, options } = await setUp();
  let isDestroyed = false;
  let send = (_bytes: Uint8Array): void => {};
  const network = {
    interfaces: () => [],
    openDatagrams: () => Promise.reject(new RangeError("no datagrams here")),
    connect: async (_address: unknown, listener: { received(bytes: Uint8Array): void }) => {
      send = (bytes) => listener.received(bytes);
      return { write: async () => {}, destroy: () => (isDestroyed = true) };
    },
  };
  const transport = await clock.run(TcpTransport.open({ ...options, network }, NEVER));
  const megabyte = new Uint8Array(1 << 20);
  for (let sent = 0; sent < 16 && !isDestroyed; sent++) send(megabyte);
  assert.ok(isDestroyed);
  assert.equal((await transport.ended).message, "network 192.0.2.7:57357: sends without end");
});
