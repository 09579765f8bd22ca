// The client against a real CoAP server over loopback.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { z } from "zod";
import { NEVER } from "../../src/base/abort.ts";
import { VscopeError } from "../../src/base/errors.ts";
import { coapCodeOf, isServerUnreachable } from "../../src/client/reply-error.ts";
import { VscopeClient } from "../../src/client/vscope-client.ts";
import { FakeServer, SEASON } from "./fake-server.ts";

let server: FakeServer;
let client: VscopeClient;

before(async () => {
  server = await FakeServer.start();
  client = await VscopeClient.connect(server.url);
});

after(async () => {
  await client.close();
  await server.close();
});

test("get gives decoded values, also large ones", async () => {
  assert.equal(await client.get("/shutters/upwelling"), "closed");
  assert.equal(await client.get("/datadir/configuration"), "[a]\nb = 1\n");
  const wavelengths = await client.getAs(["spectrometers", "FLMS01859", "wavelengths"], z.array(z.number()));
  assert.equal(wavelengths.length, 2048);
});

test("an answer that does not fit its schema is the server's fault and is named", async () => {
  await assert.rejects(client.getAs("/shutters/upwelling", z.number()), {
    code: "DEVICE_PROTOCOL",
    message: /\/shutters\/upwelling: unexpected answer: .*number/,
  });
});

test("put changes a value, and a refusal carries code and text", async () => {
  const path = "/spectrometers/FLMS01859/integration-time/upwelling";
  await client.put(path, 5000);
  assert.equal(await client.get(path), 5000);
  await assert.rejects(client.put(path, 1), (error) => {
    assert.ok(error instanceof VscopeError);
    assert.equal(error.code, "VALUE_OUT_OF_RANGE");
    assert.equal(error.message, "FLMS01859: 1 us is outside 1000..655350000 us");
    assert.equal(coapCodeOf(error), "4.22");
    return true;
  });
});

test("a body larger than a block arrives whole", async () => {
  const bytes = Buffer.alloc(5000, "configuration\n");
  await client.putPayload("/datadir/configuration", { bytes, contentFormat: 0 });
  assert.deepEqual(server.bodies.at(-1), bytes);
});

test("observe yields the value now and after each change until it is left", async () => {
  const cell = server.values.get("shutters/upwelling");
  const seen: unknown[] = [];
  for await (const value of client.observe("/shutters/upwelling")) {
    seen.push(value);
    if (seen.length === 1) cell?.set("open");
    if (seen.length === 2) break;
  }
  assert.deepEqual(seen, ["closed", "open"]);
  cell?.set("closed");
});

test("observe throws the server's error and the reason of an abort", async () => {
  await assert.rejects(client.observe("/nothing").next(), {
    code: "RESOURCE_NOT_FOUND",
    message: "/nothing: no such resource",
  });
  const controller = new AbortController();
  const values = client.observe("/shutters/upwelling", controller.signal);
  await values.next();
  const reason = new VscopeError("OPERATION_CANCELLED", "enough");
  controller.abort(reason);
  await assert.rejects(values.next(), (error) => error === reason);
});

test("discover lists the links with title and unit apart, and filters", async () => {
  const links = await client.discover();
  const wavelengths = links.find(({ path }) => path.at(-1) === "wavelengths");
  assert.equal(wavelengths?.title, "Wavelength of every pixel");
  assert.equal(wavelengths?.unit, "nm");
  assert.equal(wavelengths?.isObservable, true);
  assert.deepEqual(wavelengths?.contentFormats, [50, 60]);
  const [shutter, ...more] = await client.discover(["href=/shutters*"]);
  assert.deepEqual(shutter?.path, ["shutters", "upwelling"]);
  assert.equal(shutter?.unit, undefined);
  assert.equal(more.length, 0);
});

test("record starts an operation with just the given options and follows it to its result", async () => {
  const operation = await client.record({ run: "plot10", sequences: 3, autointegrate: 0 });
  assert.equal(
    server.changes.at(-1),
    'POST /acquisition/record {"run":"plot10","sequences":3,"autointegrate":0}',
  );
  const seen: string[] = [];
  for await (const { progress } of operation.progress(NEVER)) seen.push(`${progress.done}/${progress.of}`);
  assert.equal(seen.at(-1), "3/3");
  const { result } = await operation.result(NEVER);
  assert.deepEqual(result, { run: "plot10", batch: 3, files: 4 });
});

test("an operation that fails throws the server's code and text", async () => {
  const operation = await client.dark({ run: "fails" });
  await assert.rejects(operation.result(NEVER), {
    code: "DEVICE_NOT_CONNECTED",
    message: "FLMS01859: unplugged",
  });
});

test("a cancelled operation says so", async () => {
  const operation = await client.record({ run: "slow", sequences: 5 });
  await operation.cancel(NEVER);
  assert.equal(server.changes.at(-1), `DELETE /${operation.path.join("/")}`);
  await assert.rejects(client.operation(operation.id).result(NEVER), { code: "OPERATION_CANCELLED" });
});

test("runs, a run and a file of it", async () => {
  assert.equal((await client.runs({ limit: 5, match: "plot" })).total, 1);
  assert.equal((await client.runs({ match: "a&b" })).total, 0);
  const { files } = await client.run("plot10");
  const light = files.find(({ file }) => file.endsWith("_light.pico"));
  assert.ok(light !== undefined && light.bytes > 20_000);
  const bytes = await client.download("plot10", light.file);
  assert.equal(bytes.length, light.bytes);
  await assert.rejects(client.download("plot10", "x.pico"), { code: "RESOURCE_NOT_FOUND" });
});

test("a run of any length is read in slices, each file once", async () => {
  const { files, total } = await client.run("season");
  assert.deepEqual(files, SEASON);
  assert.equal(total, SEASON.length + 1);
});

test("localhost finds a server that listens on one of the two loopback addresses only", async () => {
  for (const address of ["127.0.0.1", "::1"]) {
    const only = await FakeServer.start(address);
    try {
      const there = await VscopeClient.connect(`coap://localhost:${only.port}`);
      assert.equal(await there.get("/shutters/upwelling"), "closed");
      await there.close();
    } finally {
      await only.close();
    }
  }
});

test("a port without a server is unreachable, at once", async () => {
  const gone = await FakeServer.start();
  const { url } = gone;
  await gone.close();
  const nobody = await VscopeClient.connect(url);
  await assert.rejects(nobody.get("/x"), (error) => {
    assert.ok(isServerUnreachable(error));
    assert.equal(error.message, `nothing listens at ${url}; is vscope-server running there?`);
    return true;
  });
  await nobody.close();
});
