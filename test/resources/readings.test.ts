// What clients ask of the tree of a whole server: limits of queries, times, and what a newest spectrum tells.

import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { NEVER } from "../../src/base/abort.ts";
import { isVscopeError } from "../../src/base/errors.ts";
import { Router } from "../../src/resources/router.ts";
import { TREE } from "../../src/resources/tree.ts";
import { TestInstrument } from "../support/instrument.ts";

const CONFIGURATION = `
[channels]
  [[shutter_1]]
    direction = downwelling
  [[shutter_2]]
    direction = upwelling
[spectrometers]
  [[FLMS01859]]
    [[[calibration]]]
      [[[[upwelling]]]]
        wavelength_coefficients = 340, 0.375
`;

function open(instrument: TestInstrument) {
  const router = new Router(instrument.model, TREE);
  return {
    get: (path: string, query: Readonly<Record<string, string>> = {}, signal: AbortSignal = NEVER) =>
      router.get(router.match(path.split("/").slice(1)), query, signal),
    put: (path: string, value: unknown) => router.put(router.match(path.split("/").slice(1)), value, NEVER),
  };
}

test("slices of lists have limits, and the message names them", async (context) => {
  const instrument = await TestInstrument.start(context);
  const { get } = open(instrument);
  await instrument.record({ run: "plot10", sequences: 1 });
  for (const path of ["/datadir/runs", "/datadir/spectra", "/datadir/runs/plot10"]) {
    for (const query of [{ limit: "1" }, { limit: "500", offset: "1000000" }]) await get(path, query);
    for (const limit of ["0", "501", "999999999"]) {
      const message = `${path}: limit: ${limit}, expected a whole number from 1 to 500`;
      await assert.rejects(get(path, { limit }), { code: "VALUE_INVALID", message });
    }
    for (const offset of ["1000001", "-1", "ten", "99999999999", ""]) {
      const message = new RegExp(`: offset: '?${offset}'?, expected a whole number from 0 to 1000000$`);
      await assert.rejects(get(path, { offset }), message);
    }
  }
  const files = z.object({ total: z.number(), files: z.array(z.object({ file: z.string() })) });
  const page = files.parse(await get("/datadir/runs/plot10", { offset: "1", limit: "1" }));
  assert.deepEqual([page.total, page.files.map(({ file }) => file)], [2, ["b000000_s000000_dark.pico"]]);
});

test("a time is date, time and zone, and nothing that only looks like one", async (context) => {
  const { get, put } = open(await TestInstrument.start(context));
  const times = ["2026-06-21T12:00:00Z", "2026-06-21T12:00:00.123456+00:00", "2026-06-21T14:00:00+02:00"];
  for (const time of times) {
    await get("/datadir/spectra", { from: time });
    await get("/datadir/spectra", { to: time });
    // The form is right; emulated instruments do not set the clock.
    await assert.rejects(put("/sysinfo/clock", time), (error) => isVscopeError(error, "STATE_CONFLICT"));
  }
  for (const time of [
    "1",
    "2026",
    "2026-06-21",
    "2026-06-21T12:00:00",
    "21 June 2026 12:00 UTC",
    "",
    "now",
  ]) {
    await assert.rejects(get("/datadir/spectra", { from: time }), /from: '.*', expected date, time and zone/);
    await assert.rejects(get("/datadir/spectra", { to: time }), (error) =>
      isVscopeError(error, "VALUE_INVALID"),
    );
    await assert.rejects(put("/sysinfo/clock", time), (error) => isVscopeError(error, "VALUE_INVALID"));
  }
});

test("the clock is not set while something is recorded", async (context) => {
  const instrument = await TestInstrument.start(context);
  const { put } = open(instrument);
  const operation = instrument.model.recorder.record({ run: "plot10", sequences: 1 });
  for (const path of ["/sysinfo/clock", "/sysinfo/clock/forced"]) {
    await assert.rejects(put(path, "2026-06-21T12:00:00Z"), {
      code: "STATE_CONFLICT",
      message: `clock: operation ${operation.id} (record) is running`,
    });
  }
  await instrument.finish(operation);
});

test("the newest spectrum carries what is needed to interpret it", async (context) => {
  const instrument = await TestInstrument.start(context, { configuration: CONFIGURATION });
  const { get } = open(instrument);
  await instrument.record({ run: "plot10", sequences: 1 });
  const file = await instrument.read("plot10", "b000000_s000000_light.pico");
  assert.ok(file.spectra.length >= 4);
  for (const recorded of file.spectra) {
    const { serial, channel } = recorded;
    const newest = z.looseObject({}).parse(await get(`/spectrometers/${serial}/spectrum/${channel}`));
    const isConfigured = serial === "FLMS01859" && channel === "upwelling";
    const coefficients = isConfigured ? [340, 0.375] : recorded.wavelengthCoefficients;
    assert.deepEqual(newest["wavelengthCoefficients"], coefficients, `${serial} ${channel}`);
    assert.equal(newest["freshness"], recorded.freshness);
    assert.equal(newest["discardedFrames"], recorded.discardedFrames);
    assert.equal(newest["detectorTemperatureC"] ?? null, recorded.detectorTemperatureC);
    assert.equal(newest["tecSetpointC"] ?? null, recorded.tecSetpointC);
    assert.equal(newest["tecEnabled"] ?? false, recorded.tecEnabled);
  }
  const cooled = file.spectra.filter(({ tecSetpointC }) => tecSetpointC !== null);
  assert.ok(cooled.length > 0, "one instrument has a cooler");
});

test("a client that is gone does not wait for temperatures", async (context) => {
  const { get } = open(await TestInstrument.start(context));
  const gone = AbortSignal.abort(new Error("the client is gone"));
  for (const leaf of ["tec", "temperature"]) {
    await assert.rejects(get(`/spectrometers/QEP00709/${leaf}`, {}, gone), { message: "the client is gone" });
  }
});
