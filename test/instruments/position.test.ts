import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { type TestContext, test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { SECOND, SystemClock } from "../../src/base/clock.ts";
import { SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { NODE_NETWORK } from "../../src/drivers/net/node-network.ts";
import { EmulatedGpsd } from "../../src/emulator/gpsd/far-end.ts";
import { PositionKeeper } from "../../src/instruments/position.ts";
import type { Place } from "../../src/spectra/sun.ts";

const address = { host: "127.0.0.1", port: 2947 };
const configured = { latitudeDeg: 55.92, longitudeDeg: -3.17, heightM: 80 };

function keeperOf(context: TestContext, configuredPlace?: Place) {
  const clock = new VirtualClock();
  const gpsd = new EmulatedGpsd(clock, { lat: -33.86, lon: 151.21, alt: 39 });
  const options = { clock, log: SILENT, configured: configuredPlace, gpsd: { network: gpsd, address } };
  const keeper = new PositionKeeper(options);
  context.after(async () => {
    await clock.run(keeper.close());
    assert.equal(clock.pending, 0, "timers are left behind");
  });
  return { clock, gpsd, keeper };
}

test("without gpsd the position is the configured one, or unknown", () => {
  const parts = { clock: new VirtualClock(), log: SILENT, gpsd: undefined };
  assert.equal(new PositionKeeper({ ...parts, configured: undefined }).position.value, undefined);
  const { position } = new PositionKeeper({ ...parts, configured });
  assert.deepEqual(position.value, { ...configured, source: "configuration", ageS: 0 });
});

test("a fix of gpsd counts before the configuration, and the configuration before a stale fix", async (context) => {
  const { clock, gpsd, keeper } = keeperOf(context, configured);
  keeper.start();
  assert.equal(keeper.position.value?.source, "configuration");
  await clock.advance(3 * SECOND);
  const sydney = { latitudeDeg: -33.86, longitudeDeg: 151.21, heightM: 39, source: "gpsd", ageS: 0 };
  assert.deepEqual(keeper.position.value, sydney);
  assert.deepEqual(gpsd.asked, ['?WATCH={"enable":true,"json":true};\n']);
  gpsd.fix = undefined;
  await clock.advance(45 * SECOND);
  assert.deepEqual(keeper.position.value, { ...sydney, ageS: 30 });
  await clock.advance(30 * SECOND);
  assert.equal(keeper.position.value?.source, "configuration");
  gpsd.fix = { lat: -33.87, lon: 151.21 };
  await clock.advance(2 * SECOND);
  assert.deepEqual(keeper.position.value, { ...sydney, latitudeDeg: -33.87 });
});

test("the last fix stays, with its age, where nothing else is known; a wandering receiver is no news", async (context) => {
  const { clock, gpsd, keeper } = keeperOf(context);
  keeper.start();
  await clock.advance(3 * SECOND);
  const { version } = keeper.position;
  for (let step = 0; step < 60; step++) {
    gpsd.fix = { lat: -33.86 + 1e-5 * (step % 3), lon: 151.21, alt: 39 + (step % 5) };
    await clock.advance(SECOND);
  }
  assert.equal(keeper.position.version, version);
  gpsd.fix = undefined;
  await clock.advance(3600 * SECOND);
  assert.equal(keeper.position.value?.source, "gpsd");
  assert.ok((keeper.position.value?.ageS ?? 0) >= 3590);
});

test("gpsd is not there, comes, is cut off, falls silent, talks rubbish: it is found again", async (context) => {
  const { clock, gpsd, keeper } = keeperOf(context);
  gpsd.isUp = false;
  keeper.start();
  await clock.advance(100 * SECOND);
  assert.equal(keeper.position.version, 0);
  gpsd.isUp = true;
  await clock.advance(35 * SECOND);
  assert.equal(keeper.position.value?.source, "gpsd");
  assert.equal(gpsd.connects, 1);
  gpsd.cut();
  await clock.advance(5 * SECOND);
  assert.equal(gpsd.connects, 2);
  gpsd.isSilent = true;
  await clock.advance(70 * SECOND);
  assert.equal(gpsd.connects, 3);
  gpsd.isSilent = false;
  await clock.advance(3 * SECOND);
  assert.equal(keeper.position.value?.ageS, 0);
  gpsd.say('{"class":"TPV","mode":3,"lat":95,"lon":0}\n{"cla\n[1]\nnull\n{"class":"SKY","satellites":[]}\n');
  await clock.advance(3 * SECOND);
  assert.equal(keeper.position.value?.latitudeDeg, -33.86);
  gpsd.say("x".repeat(70_000));
  await clock.advance(5 * SECOND);
  assert.equal(gpsd.connects, 4);
});

test("over a real socket", async () => {
  const server = createServer((socket) => {
    socket.write('{"class":"VERSION","release":"3.17"}\n');
    socket.on("data", () => socket.write('{"class":"TPV","mode":3,"lat":1.5,"lon":-2.5,"alt":7}\n'));
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const listening = server.address();
  assert.ok(typeof listening === "object" && listening !== null);
  const gpsd = { network: NODE_NETWORK, address: { host: "127.0.0.1", port: listening.port } };
  const keeper = new PositionKeeper({ clock: new SystemClock(), log: SILENT, configured: undefined, gpsd });
  keeper.start();
  const found = await until(keeper.position, (position) => position !== undefined, NEVER);
  assert.deepEqual(found, { latitudeDeg: 1.5, longitudeDeg: -2.5, heightM: 7, source: "gpsd", ageS: 0 });
  await keeper.close();
  server.close();
  await once(server, "close");
});
