// Connecting, disconnecting and switching spectrometers: section 10 of piccolo3's interface as observed.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type LegacyClient, legacyInstrument, Watch } from "./legacy-client.ts";

const FLAME = "spectrometer/S_FLMS01859";

const CONFIGURATION = `
[channels]
  [[shutter_1]]
    direction = downwelling
  [[shutter_2]]
    direction = upwelling
    reverse = True
    fibre_diameter_um = 400
[spectrometers]
  [[FLMS01859]]
    power_switch_pin = 5
  [[ABSENT01]]
    detector_setpoint_c = -10
`;

async function reaches(client: LegacyClient, unit: string, state: number): Promise<void> {
  await client.until(`${unit}/status`, (value) => value === state);
}

describe("piccolo3's spectrometers", () => {
  test("disconnect and connect, one and all, with the words for what is not possible", async (t) => {
    const { client, instrument } = await legacyInstrument(t);
    const act = (path: string): Promise<unknown> => client.value(path);
    const wrong = "spectrometer is in wrong state to be connected IDLE";
    assert.equal(await act(`${FLAME}/connect`), wrong);
    assert.equal(await act("spectrometer/connect"), `S_FLMS01859: ${wrong}|S_QEP00709: ${wrong}`);
    assert.equal(await act(`${FLAME}/disconnect`), "ok");
    await reaches(client, FLAME, 5);
    assert.equal(await act(`${FLAME}/disconnect`), "spectrometer is already disconnected");
    // Others can have it, and native clients see why.
    const state = Buffer.from((await instrument.get("/spectrometers/FLMS01859/state")).payload).toString();
    assert.match(state, /"state":"powered-off","reason":"FLMS01859: released by a client"/);
    for (const path of ["current_time/upwelling", "min_time", "max_time"])
      for (const value of [2000, "x"]) {
        const { code, text } = await client.call(`${FLAME}/${path}`, [value]);
        assert.deepEqual([code, text], ["4.00", "S_FLMS01859: spectrometer is not idle"], path);
      }
    assert.equal(await act(`${FLAME}/connect`), "ok");
    await reaches(client, FLAME, 6);
    assert.equal(await act("spectrometer/disconnect"), "ok");
    await reaches(client, FLAME, 5);
    assert.equal(await act("spectrometer/connect"), "ok");
    await reaches(client, FLAME, 6);
    await reaches(client, "spectrometer/S_QEP00709", 6);
    await client.done(`${FLAME}/current_time/upwelling`, [20]);
  });

  test("one without a power switch is disconnected by power_off, and connected by power_on", async (t) => {
    const { client } = await legacyInstrument(t);
    assert.equal(await client.value(`${FLAME}/power_off`), "ok");
    await reaches(client, FLAME, 5);
    assert.equal(await client.value(`${FLAME}/power_off`), "ok");
    assert.equal(await client.value(`${FLAME}/power_on`), "spectrometer is already powered on");
    await reaches(client, FLAME, 6);
    assert.equal(await client.value(`${FLAME}/power_on`), "spectrometer is already running");
    await client.done("control/power_off", []);
    await reaches(client, FLAME, 5);
    await client.until("control/status", (status) => status === "idle");
    await client.done("control/power_on", []);
    await reaches(client, FLAME, 6);
  });

  test("one with a power switch is switched; a configured one that is not there is connecting", async (t) => {
    const { client } = await legacyInstrument(t, { configuration: CONFIGURATION });
    const absent = "spectrometer/S_ABSENT01";
    const names = ["S_ABSENT01", "S_FLMS01859", "S_QEP00709"];
    assert.deepEqual(await client.value("spectrometer/spectrometers"), names);
    assert.equal(await client.value(`${absent}/status`), 4);
    assert.equal((await client.get(`${absent}/haveTEC`)).text, "null");
    assert.equal((await client.get(`${absent}/target_temperature`)).text, "-10.0");
    for (const [name, value] of Object.entries({ min_time: 0, max_time: 10_000, TECenabled: false }))
      assert.equal(await client.value(`${absent}/${name}`), value, name);
    assert.equal(await client.value(`${absent}/current_time/upwelling`), 0);
    assert.equal(await client.value(`${absent}/autointegration/upwelling`), "n");
    assert.equal((await client.get(`${absent}/current_temperature`)).code, "5.00");
    assert.equal((await client.call(`${absent}/current_time/upwelling`, [0])).code, "4.00");
    assert.notEqual(await client.value(`${absent}/connect`), "ok");
    // It has been switched on with the server, and boots.
    await reaches(client, FLAME, 6);
    assert.equal(await client.value(`${FLAME}/power_off`), "ok");
    await reaches(client, FLAME, 2);
    assert.equal(await client.value(`${FLAME}/power_off`), "spectrometer is already powered off");
    assert.equal(await client.value(`${FLAME}/power_on`), "ok");
    await client.until(`${FLAME}/status`, (state) => state !== 2);
    assert.equal(await client.value("shutter/upwelling/reverse"), true);
    assert.equal((await client.get("shutter/upwelling/fibre_diameter")).text, "400.0");
  });

  test("what is asked for during an exposure is done after it, and the file lacks the rest", async (t) => {
    const { client, instrument } = await legacyInstrument(t);
    const watch = await Watch.open(t, instrument.port, { path: "control/status" });
    await client.done(`${FLAME}/current_time/upwelling`, [400]);
    await client.done("control/record_sequence", ["torn", 1]);
    await watch.upTo((status) => status === "upwelling dark");
    await client.until(`${FLAME}/status`, (state) => state === 7);
    assert.equal(await client.value(`${FLAME}/disconnect`), "ok");
    await client.done("spectrometer/S_QEP00709/target_temperature", [-12]);
    assert.equal((await client.call(`${FLAME}/current_time/upwelling`, [20])).code, "4.00");
    await watch.upTo((status) => status === "idle");
    await reaches(client, FLAME, 5);
    const serials = async (kind: string): Promise<readonly string[]> => {
      const text = await readFile(join(instrument.folder, "torn", `b000000_s000000_${kind}.pico`), "utf8");
      const { Spectra }: { Spectra: { Metadata: { SerialNumber: string } }[] } = JSON.parse(text);
      return Spectra.map(({ Metadata }) => Metadata.SerialNumber);
    };
    assert.deepEqual(await serials("dark"), ["FLMS01859", "QEP00709", "FLMS01859", "QEP00709"]);
    assert.deepEqual(await serials("light"), ["QEP00709", "QEP00709"]);
    assert.equal((await client.get("spectrometer/S_QEP00709/target_temperature")).text, "-12");
  });

  test("with none connected a recording is refused with the reason", async (t) => {
    const { client } = await legacyInstrument(t);
    assert.equal(await client.value("spectrometer/disconnect"), "ok");
    await reaches(client, FLAME, 5);
    await reaches(client, "spectrometer/S_QEP00709", 5);
    const { code, text } = await client.call("control/record_sequence", ["none"]);
    assert.deepEqual([code, text], ["4.00", "record: no spectrometer is connected"]);
    assert.equal(await client.value("data_dir/current_run"), "spectra");
  });
});
