// Datagrams from UDP port 0, which nobody can answer: the one kind that used to end servers on node:dgram, whose send()
// throws for it. Only a raw socket can send them, so this needs root and Python.

import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { run } from "./support/outside-clients.ts";
import { RawPeer, requestBytes, textOf } from "./support/raw-peer.ts";
import { Sample } from "./support/sample-server.ts";

const SEND_RAW = `
import socket, struct, sys
to, payload = int(sys.argv[1]), bytes.fromhex(sys.argv[2])
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
for source in sys.argv[3:]:
    raw.sendto(struct.pack("!HHHH", int(source), to, 8 + len(payload), 0) + payload, ("127.0.0.1", 0))
`;

test("a request from port 0 is dropped, and the server lives", { timeout: 30_000 }, async (context) => {
  const clock = new VirtualClock();
  const { sample, server } = await Sample.start({ clock });
  const peer = await RawPeer.open(server.port);
  const payload = requestBytes({ path: "s" }).toString("hex");
  // Port 9 comes through, which proves that port 0 would have.
  const sources = ["0", "9", "0", "9", "0"];
  const sent = await run("python3", ["-c", SEND_RAW, String(server.port), payload, ...sources]).catch(
    (error: unknown) => ({ status: 1, stderr: String(error) }),
  );
  if (sent.status === 0) {
    assert.equal(textOf(await peer.ask({ path: "s", token: "own" })), "hello world");
    assert.equal(sample.requests.length, 3);
    assert.equal(server.stats.failures, 0);
  } else context.skip(`no raw socket: ${sent.stderr.trim().split("\n").at(-1)}`);
  peer.close();
  await clock.run(server.close());
});
