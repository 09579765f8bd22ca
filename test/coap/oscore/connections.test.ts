// OSCORE over TCP and WebSocket: there it protects from one end to the other, whatever the transport does.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { SystemClock } from "../../../src/base/clock.ts";
import { SILENT } from "../../../src/base/log.ts";
import { CoapClient } from "../../../src/coap/client/client.ts";
import { OscoreContext } from "../../../src/coap/oscore/oscore-context.ts";
import { OscoreGuard } from "../../../src/coap/oscore/oscore-guard.ts";
import { CoapServer } from "../../../src/coap/server.ts";
import { pattern, Sample, sha256 } from "../support/sample-server.ts";
import { contextsOf, KEY, MemoryStore, mirrored } from "./oscore-pair.ts";

const clock = new SystemClock();
const LARGE = pattern(2 * 1024 * 1024);

for (const name of ["tcp", "ws"] as const) {
  test(`coap+${name}: reads, writes and observes`, { timeout: 60_000 }, async () => {
    const sample = new Sample(clock);
    sample.bodies.set("b2m", LARGE);
    const ours = await OscoreContext.open(mirrored(KEY), new MemoryStore());
    const server = await CoapServer.listen({
      address: "127.0.0.1",
      port: 0,
      handler: (request) => sample.handle(request),
      clock,
      log: SILENT,
      guard: new OscoreGuard(contextsOf(ours)),
      streams: { [name]: 0 },
    });
    const port = server.ports[name] ?? 0;
    const oscore = await OscoreContext.open(KEY, new MemoryStore());
    const client = await CoapClient.open({
      scheme: `coap+${name}`,
      host: "127.0.0.1",
      port,
      clock,
      security: { oscore },
    });
    try {
      await exercise(client, sample);
      assert.equal(server.stats.unverified, 0);
      for (const { identity, transport } of sample.requests)
        assert.deepEqual([identity, transport], [{ kind: "oscore", name: "field laptop" }, name]);
      const stranger = await CoapClient.open({ scheme: `coap+${name}`, host: "127.0.0.1", port, clock });
      await stranger.request({ method: "GET", path: ["s"] }, NEVER);
      assert.equal(sample.requests.at(-1)?.identity, undefined);
      await stranger.close();
    } finally {
      await client.close();
      await server.close();
    }
  });
}

async function exercise(client: CoapClient, sample: Sample): Promise<void> {
  const get = async (path: string): Promise<string> =>
    sha256((await client.request({ method: "GET", path: [path] }, NEVER)).payload);
  assert.equal(await get("b32k"), sha256(pattern(32_768)));
  assert.equal(await get("b2m"), sha256(LARGE));
  for (const bytes of [30_000, 262_144]) {
    const payload = pattern(bytes, 1);
    await client.request({ method: "PUT", path: ["put"], payload }, NEVER);
    assert.equal(sha256(sample.uploaded), sha256(payload));
  }
  const seen: string[] = [];
  for await (const { payload } of client.observe({ method: "GET", path: ["obs"] }, NEVER)) {
    seen.push(Buffer.from(payload).toString());
    if (seen.length === 4) break;
    sample.value.set(seen.length);
  }
  assert.deepEqual(seen, ['{"n":0}', '{"n":1}', '{"n":2}', '{"n":3}']);
}
