// Observing piccolo3's tree: section 6 of its interface as observed.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { OPTION } from "../../../src/coap/message/options.ts";
import { ACK, codeText, CON, NON, RST } from "../../../src/coap/message/codes.ts";
import { RawPeer } from "../../coap/support/raw-peer.ts";
import { legacyInstrument, Watch } from "./legacy-client.ts";

const UNIT = "spectrometer/S_FLMS01859";

describe("observing piccolo3's tree", () => {
  test("notifications are of the type of the registration, with rising numbers, and only of differences", async (t) => {
    const { client, instrument } = await legacyInstrument(t);
    for (const type of [CON, NON] as const) {
      const watch = await Watch.open(t, instrument.port, { path: "control/numSequences", type });
      const before = watch.values[0];
      await client.done("control/numSequences", [before]);
      await client.done("control/numSequences", [Number(before) + 1]);
      assert.equal(await watch.next(), Number(before) + 1);
      await client.done("control/numSequences", [Number(before) + 2]);
      assert.equal(await watch.next(), Number(before) + 2);
      assert.deepEqual(await watch.settled(), []);
      assert.deepEqual(watch.types, [type === CON ? ACK : NON, type, type]);
      assert.deepEqual(
        watch.numbers,
        watch.numbers.toSorted((a, b) => a - b),
      );
      assert.equal(new Set(watch.numbers).size, 3);
    }
  });

  test("the scheduler's settings are told each time, and nobody else's observers", async (t) => {
    const { client, instrument } = await legacyInstrument(t);
    const base = "control/scheduler";
    const start = await Watch.open(t, instrument.port, { path: `${base}/quietStart` });
    const enabled = await Watch.open(t, instrument.port, { path: `${base}/quietTimeEnabled` });
    for (let times = 0; times < 2; times++) {
      await client.done(`${base}/quietStart`, ["21:00:00"]);
      assert.equal(await start.next(), "21:00:00+0000");
    }
    assert.deepEqual(await enabled.settled(), []);
    await client.done(`${base}/quietTimeEnabled`, [false]);
    assert.equal(await enabled.next(), false);
    // What native clients set is told, too.
    await instrument.put("/scheduler/quiet-time", { enabled: true });
    assert.equal(await enabled.next(), true);
  });

  test("a time is told to the observers of every channel, each with its own", async (t) => {
    const { client, instrument } = await legacyInstrument(t);
    const [up, down] = await Promise.all(
      ["upwelling", "downwelling"].map((channel) =>
        Watch.open(t, instrument.port, { path: `${UNIT}/current_time/${channel}` }),
      ),
    );
    await client.done(`${UNIT}/current_time/upwelling`, [40]);
    assert.equal(await up?.next(), 40);
    assert.equal(await down?.next(), 100);
    // A native client's change is the same.
    await instrument.put("/spectrometers/FLMS01859/integration-time/downwelling", 55_000);
    assert.equal(await down?.next(), 55);
  });

  test("states of a spectrometer and results of a search", async (t) => {
    const { client, instrument } = await legacyInstrument(t);
    const status = await Watch.open(t, instrument.port, { path: `${UNIT}/status` });
    const auto = await Watch.open(t, instrument.port, { path: `${UNIT}/autointegration/upwelling` });
    assert.deepEqual([status.values, auto.values], [[6], ["n"]]);
    await client.done("control/auto", [70]);
    const states = await status.upTo((state) => state === 6);
    assert.ok(states.includes(8), JSON.stringify(states));
    await client.until("control/status", (text) => text === "idle");
    await auto.upTo((result) => result === "s" || result === "f");
    assert.match(String(await client.value(`${UNIT}/autointegration/upwelling`)), /^[sf]$/);
    await client.done(`${UNIT}/current_time/upwelling`, [33]);
    assert.equal(await client.value(`${UNIT}/autointegration/upwelling`), "n");
  });

  test("a GET with the same token ends it, and so does a reset", async (t) => {
    const { client, instrument } = await legacyInstrument(t);
    const peer = await RawPeer.open(instrument.port);
    t.after(() => peer.close());
    const register = { path: "control/delay", token: "ab", options: [[OPTION.OBSERVE, 0]] } as const;
    const registered = await peer.ask(register);
    assert.equal(codeText(registered.code), "2.05");
    await peer.ask({ path: "control/delay", token: "ab", options: [[OPTION.OBSERVE, 1]] });
    await client.done("control/delay", [1]);
    assert.deepEqual(await peer.settled(), []);
    await peer.ask(register);
    await client.done("control/delay", [2]);
    const notification = await peer.next();
    assert.equal(notification.payload.toString(), "2.0");
    peer.empty(RST, notification.messageId);
    await client.done("control/delay", [3]);
    assert.deepEqual(await peer.settled(), []);
  });

  test("what cannot be read is an error, and not kept", async (t) => {
    const { client, instrument } = await legacyInstrument(t);
    const peer = await RawPeer.open(instrument.port);
    t.after(() => peer.close());
    const path = `${UNIT}/current_time/sideways`;
    const reply = await peer.ask({ path, token: "ab", options: [[OPTION.OBSERVE, 0]] });
    assert.equal(codeText(reply.code), "5.00");
    await client.done(`${UNIT}/current_time/upwelling`, [41]);
    assert.deepEqual(await peer.settled(), []);
  });
});
