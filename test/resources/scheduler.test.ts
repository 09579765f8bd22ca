// Jobs, quiet time, position and sun as a client sees them.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CoapInstrument, segments, textOf } from "../support/coap-instrument.ts";

describe("the scheduler over CoAP", () => {
  let server: CoapInstrument;
  before(async () => {
    server = await CoapInstrument.start();
  });
  after(() => server.close());

  const read = async (path: string): Promise<unknown> => {
    const reply = await server.get(path);
    assert.equal(reply.code, "2.05", textOf(reply));
    return JSON.parse(textOf(reply));
  };
  const patch = (path: string, value: unknown) =>
    server.request({ method: "iPATCH", path: segments(path), payload: Buffer.from(JSON.stringify(value)) });
  const NOON = { action: { do: "dark", run: "noon" }, start: "2090-06-21T14:00:00+02:00", intervalS: 86_400 };

  test("POST adds a job at a place of its own; what was left out has its default", async () => {
    const reply = await server.post("/scheduler/jobs", NOON);
    assert.equal(reply.code, "2.01", textOf(reply));
    assert.deepEqual(reply.locationPath, ["scheduler", "jobs", "1"]);
    const job = {
      action: { do: "dark", run: "noon" },
      start: "2090-06-21T12:00:00.000000Z",
      intervalS: 86_400,
      onMissed: "once",
      onBusy: "wait",
      id: 1,
      state: "active",
      next: "2090-06-21T12:00:00.000000Z",
    };
    assert.deepEqual(JSON.parse(textOf(reply)), job);
    assert.deepEqual(await read("/scheduler/jobs"), [job]);
    assert.deepEqual(await read("/scheduler/jobs/1"), job);
  });

  test("PATCH suspends and resumes; nothing else can be changed", async () => {
    assert.equal((await patch("/scheduler/jobs/1", { state: "suspended" })).code, "2.04");
    assert.match(textOf(await server.get("/scheduler/jobs/1")), /"state":"suspended"/);
    const refused = await patch("/scheduler/jobs/1", { intervalS: 60 });
    assert.equal(refused.code, "4.00");
    assert.match(textOf(refused), /only its state can be set/);
    assert.match(textOf(await patch("/scheduler/jobs/1", { state: "finished" })), /active or suspended/);
    assert.equal((await patch("/scheduler/jobs/1", { state: "active" })).code, "2.04");
  });

  test("DELETE ends a job; it can still be looked at, and is no longer listed", async () => {
    const path = segments("/scheduler/jobs/1");
    assert.equal((await server.request({ method: "DELETE", path })).code, "2.02");
    assert.match(textOf(await server.get("/scheduler/jobs/1")), /"state":"deleted"/);
    assert.deepEqual(await read("/scheduler/jobs"), []);
    assert.equal((await server.request({ method: "DELETE", path })).code, "4.09");
    assert.equal((await server.get("/scheduler/jobs/99")).code, "4.04");
  });

  test("a job that makes no sense is refused with the reason", async () => {
    for (const [change, code, text] of [
      [{ start: "2020-01-01T00:00:00Z", intervalS: undefined }, "4.22", /is past, it is 20/],
      [{ intervalS: 0.1 }, "4.22", /interval: 0.1 s is outside/],
      [{ action: { do: "dance" } }, "4.00", /action/],
      [{ action: { do: "record", settings: { sequence: 5 } } }, "4.00", /sequence/],
      [{ action: { do: "record", settings: { sequences: 0 } } }, "4.22", /sequences: 0 is outside 1/],
      [{ start: "2090-06-21T12:00:00" }, "4.00", /ISO 8601/],
      [{ when: { values: [{ path: "datadir", is: ">", value: 1 }] } }, "4.00", /values/],
      [{ action: { do: "record", settings: { darkMaxAgeS: 0 } } }, "4.22", /darkMaxAgeS: 0 is outside 1/],
      [{ action: { do: "record", settings: { retries: 11 } } }, "4.22", /retries: 11 is outside 0..10/],
      [{ action: { do: "dark", run: "../x" } }, "4.00", /run name "..\/x": not allowed/],
      [
        { when: { sunElevationDeg: { min: 60, max: 20 } } },
        "4.22",
        /elevation from 60 to 20 degrees is empty/,
      ],
      [{ when: { sunElevationDeg: { min: 91 } } }, "4.00", /sunElevationDeg.min/],
      [{ when: { sunAzimuthDeg: { from: 90, to: 90 } } }, "4.22", /azimuth from 90 to 90 degrees is empty/],
      [{ intervalS: undefined, sun: { event: "noon", elevationDeg: 5 } }, "4.00", /noon has its own/],
    ] as const) {
      const reply = await server.post("/scheduler/jobs", { ...NOON, ...change });
      assert.equal(reply.code, code, textOf(reply));
      assert.match(textOf(reply), text);
    }
  });

  test("a condition that can never hold is refused, with the nearest known name", async () => {
    const condition = (path: string, field: string | undefined, value: unknown, is = "=") => ({
      ...NOON,
      when: { values: [{ path, ...(field === undefined ? {} : { field }), is, value }] },
    });
    for (const [wrong, text] of [
      [condition("/datdir", "freeBytes", 1e9, ">="), /\/datdir: no such resource, did you mean \/datadir\?/],
      [
        condition("/spectrometers/AWAY/temprature", undefined, 1),
        /did you mean \/spectrometers\/AWAY\/temperature\?/,
      ],
      [condition("/no/such/thing", undefined, 1), /no such resource, vscope list shows/],
      [condition("/acquisition/abort", undefined, 1), /abort: has no value to compare/],
      [condition("/datadir", "freBytes", 1), /\/datadir: has no member freBytes, did you mean freeBytes\?/],
      [condition("/sysinfo", "uptime.serverHours", 1), /\/sysinfo uptime: has no member serverHours, it has/],
      [condition("/datadir", undefined, 1), /\/datadir: is compared by a member, it has path, mounted/],
      [condition("/datadir", "freeBytes", "1 GB"), /freeBytes: is a number, and never compares with "1 GB"/],
      [condition("/datadir/run", "name", "a"), /\/datadir\/run: has no members, and so no name/],
      [condition("/acquisition/status", "phase", "idel"), /phase: is never "idel", .* did you mean idle\?/],
      [condition("/datadir/runs?limt=5", "total", 1), /unknown: limt; known are/],
    ] as const) {
      const reply = await server.post("/scheduler/jobs", wrong);
      assert.equal(reply.code, "4.00", textOf(reply));
      assert.match(textOf(reply), text);
    }
    for (const right of [
      condition("/spectrometers", "spectrometers.0.state", "idle"),
      condition("/spectrometers/FLMS01859", "integrationTimesUs.upwelling", 1e6, "<"),
      condition("/datadir/runs?limit=5", "total", 5, "<"),
      condition("/scheduler/jobs", "0.action.do", "dark"),
    ]) {
      const reply = await server.post("/scheduler/jobs", right);
      const { id, warnings }: { id: number; warnings?: unknown } = JSON.parse(textOf(reply));
      assert.deepEqual([reply.code, warnings], ["2.01", undefined], textOf(reply));
      const path = segments(`/scheduler/jobs/${id}`);
      assert.equal((await server.request({ method: "DELETE", path })).code, "2.02");
    }
  });

  test("what may never run is added with a warning: a device that is away, a sun that is never so high", async () => {
    const warned = async (job: object): Promise<readonly string[]> => {
      const reply = await server.post("/scheduler/jobs", { ...NOON, ...job });
      const { id, warnings }: { id: number; warnings?: readonly string[] } = JSON.parse(textOf(reply));
      const path = segments(`/scheduler/jobs/${id}`);
      assert.equal((await server.request({ method: "DELETE", path })).code, "2.02", textOf(reply));
      return warnings ?? [];
    };
    const state = (serial: string) => ({
      when: {
        values: [{ path: `/spectrometers/${serial}/state`, field: "state", is: "=", value: "idle" }],
      },
    });
    assert.match(
      (await warned(state("FLMS01895"))).join("\n"),
      /not there now.* \/spectrometers\/FLMS01859\/state\?$/,
    );
    assert.deepEqual(await warned(state("FLMS01859")), []);
    const above = (min: number, job: object = {}) => warned({ when: { sunElevationDeg: { min } }, ...job });
    assert.match(
      (await above(60)).join(),
      /^no run is in sight: .* until 2091-06-2\d, it is 5\d.\d degrees high at most$/,
    );
    assert.deepEqual(await above(50), []);
    // Every day at midnight of the place.
    assert.equal((await above(20, { start: "2090-06-21T00:00:00Z" })).length, 1);
    assert.deepEqual(await above(57, { start: "2090-01-01T00:00:00Z", intervalS: 60 }), []);
    assert.equal((await above(57, { end: "2090-06-21T12:30:00Z", intervalS: 3600 })).length, 0);
    assert.equal((await above(20, { intervalS: undefined, sun: { event: "sunset" } })).length, 1);
    assert.equal(
      (await warned({ intervalS: undefined, sun: { event: "sunrise", elevationDeg: 70 } })).length,
      1,
    );
    assert.deepEqual(await warned({ intervalS: undefined, sun: { event: "sunrise", elevationDeg: 57 } }), []);
  });

  test("conditions read the tree itself: one that holds, one that does not, one that is not there", async () => {
    const { scheduler } = server.server.model;
    const when = (path: string, field: string | undefined, value: number) => ({
      action: { do: "dark", run: "tried" },
      when: { values: [{ path, ...(field === undefined ? {} : { field }), is: "<", value }] },
    });
    for (const job of [
      when("/sysinfo", "uptime.serverS", 1e6),
      when("/spectrometers/FLMS01859/integration-time/upwelling", undefined, 1),
      when("/spectrometers/AWAY01234/scans", undefined, 1),
    ])
      assert.equal((await server.post("/scheduler/jobs", job)).code, "2.01");
    const isOver = () =>
      scheduler.history
        .page({ offset: 0, limit: 9 })
        .rows.every(({ outcome }) => /done|skipped/.test(outcome));
    while (!isOver()) await new Promise((resolve) => scheduler.history.changes.subscribe(resolve));
    const { rows } = scheduler.history.page({ offset: 0, limit: 9 });
    assert.deepEqual(
      rows.map(({ outcome, message }) => `${outcome} ${message ?? ""}`),
      [
        "skipped /spectrometers/AWAY01234/scans: cannot be read, AWAY01234: no such spectrometer, there is FLMS01859, QEP00709",
        "skipped /spectrometers/FLMS01859/integration-time/upwelling: 100000, not < 1",
        "done ",
      ],
    );
    const shown = await server.get("/scheduler/history", { query: ["outcome=skipped", "limit=1"] });
    const { total, rows: page }: { total: number; rows: { job: number; reason: string }[] } = JSON.parse(
      textOf(shown),
    );
    assert.deepEqual([total, page.length, page[0]?.job, page[0]?.reason], [2, 1, rows[0]?.job, "condition"]);
  });

  test("quiet time is changed by its members", async () => {
    assert.equal(
      (await patch("/scheduler/quiet-time", { start: "21:30", timeZone: "Europe/London" })).code,
      "2.04",
    );
    assert.equal(
      (await server.put("/scheduler/quiet-time", { powerOff: true, powerDelayS: 60 })).code,
      "2.04",
    );
    assert.deepEqual(await read("/scheduler/quiet-time"), {
      enabled: false,
      start: "21:30:00",
      end: "04:00:00",
      timeZone: "Europe/London",
      powerOff: true,
      powerDelayS: 60,
    });
    for (const wrong of [{ start: "24:00" }, { end: 5 }, { timeZone: "Mars" }, { powerDelayS: "x" }])
      assert.equal((await patch("/scheduler/quiet-time", wrong)).code, "4.00", JSON.stringify(wrong));
  });

  test("the position is that of the configuration, and the sun stands as it does there", async () => {
    const place = { latitudeDeg: 55.92, longitudeDeg: -3.17, heightM: 80, source: "configuration", ageS: 0 };
    assert.deepEqual(await read("/position"), place);
    const text = textOf(await server.get("/sun"));
    const sun: { elevationDeg: number; refractedElevationDeg: number; noon: string } = JSON.parse(text);
    assert.ok(Math.abs(sun.elevationDeg) < 58 && sun.refractedElevationDeg >= sun.elevationDeg, text);
    assert.match(sun.noon, /T1[12]:/);
  });
});
