// vscope servers, as a process, on the loopback interface.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SystemClock } from "../../../src/base/clock.ts";
import { SYSTEM_NETWORK } from "../../../src/coap/network/network.ts";
import { Sample } from "../../coap/support/sample-server.ts";
import { vscope } from "./spawn-vscope.ts";

test("servers prints the servers that answer; none is no failure", { timeout: 60_000 }, async () => {
  const addresses = () => SYSTEM_NETWORK.addresses().filter(({ interfaceName }) => interfaceName === "lo");
  const { server } = await Sample.start({
    clock: new SystemClock(),
    network: { ...SYSTEM_NETWORK, addresses },
    multicast: true,
  });
  const servers = ["servers", "--interface", "lo", "--port", String(server.port)];
  try {
    const url = `coap://127.0.0.1:${server.port}`;
    const [all, json, none] = await Promise.all([
      vscope([...servers, "--all"]),
      vscope(["--json", ...servers, "--all"]),
      // The sample server has no resource of vscope's.
      vscope([...servers, "--wait", "5.5"]),
    ]);
    assert.deepEqual([all.code, all.out], [0, `server\n${url}\n`]);
    assert.deepEqual(JSON.parse(json.out), [{ url, host: "127.0.0.1", port: server.port }]);
    const nobody = `no server has answered on port ${server.port} within 5.5 s\n`;
    assert.deepEqual([none.code, none.out, none.errors], [0, "", nobody]);
  } finally {
    await server.close();
  }
});

test("servers refuses an interface that is not there, and a wait beyond a minute", async () => {
  const wrong = await vscope(["servers", "--interface", "nonesuch0"]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.errors, /--interface: this computer has no addresses on nonesuch0/);
  assert.equal((await vscope(["servers", "--wait", "61"])).code, 2);
});
