// How fast an exposure of a minute ends when somebody aborts it, and how close together two spectrometers begin theirs. The
// guest's kernel and the emulated devices tell, not the server. A host that is busy with something else stalls the
// emulated processor, so times are printed beside their targets; what is asserted is what no stall can feign: that nothing
// waits for the end of the exposure, and that one does not begin after the other.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { z } from "zod";
import { NEVER } from "../../src/base/abort.ts";
import { MS, SECOND, SystemClock } from "../../src/base/clock.ts";
import type { VscopeClient } from "../../src/client/vscope-client.ts";
import type { TrueExposure } from "../../src/emulator/device/truth.ts";
import { type GuestServer, until } from "./rig/guest-server.ts";
import { Rig } from "./rig/rig.ts";
import type { RigSpectrometerOptions } from "./rig/spectrometer.ts";
import { endTraces, mark, startTraces, type Witness } from "./rig/traces.ts";

const USUAL = "FLMS01859";
const SECOND_USUAL = "FLMS01861";
const BUFFERED = "QEP00709";
const SPECTROMETERS: readonly RigSpectrometerOptions[] = [
  { model: "Flame-S", serial: USUAL },
  { model: "Flame-S", serial: SECOND_USUAL },
  { model: "QE Pro", serial: BUFFERED },
];
const CHANNEL = "upwelling";
const PINS = { open: 18, close: 17 } as const;
const FOLDER = "/var/lib/vscope";
const CONFIG = `[datadir]\ndatadir = ${FOLDER}\n[hardware]\ngpio = chardev\ngpio_chip = gpio-mockup-A\n`;
const TEXT = `[channels]\n  [[shutter_1]]\n    direction = ${CHANNEL}\n`;
const PATIENCE_MS = 300_000;

const LONG_US = 60 * SECOND;
const ABORTS = 2;
const ABORT_TARGET_US = 200 * MS;
/** Most of the exposure is left when it is aborted. */
const ABORT_LIMIT_US = LONG_US / 4;
const SEQUENCES = 200;
const SKEW_TARGET_US = 20 * MS;
/** As in the field. Where this is less than the lateness of the guest, a frame cannot be proven fresh and is exposed again. */
const INTEGRATION_TIME_US = 150 * MS;
/** Starting one after the other would be a whole exposure apart, every time. */
const SKEW_LIMIT_US = INTEGRATION_TIME_US / 2;
/** Between exposures of one sequence, tried again, is less; the shutter needs more. */
const GAP_US = 60 * MS;
/** A stall makes one of the two expose again; if that reaches into the next sequence, its exposures are left out. */
const LEAST_SHARE = 0.5;

const clock = new SystemClock();
let rig: Rig;
let server: GuestServer | undefined;
let serials: readonly string[] = [];
let client: VscopeClient;
before(async () => {
  const scene = { source: "hg-ar", channels: { fibre: "sky" } } as const;
  rig = await Rig.boot("exposures", {
    spectrometers: SPECTROMETERS.map((one) => ({ ...one, scene, isSteady: true })),
  });
  await rig.insertGpioMockup(0);
});
after(() => rig.end());

/** A server that has found these and no other. */
async function serve(...present: readonly string[]): Promise<void> {
  await server?.stop();
  for (const one of rig.spectrometers) {
    if (present.includes(one.serial)) one.plug();
    else one.unplug();
  }
  serials = present;
  server = await rig.serve({ config: CONFIG, instrument: { folder: FOLDER, text: TEXT } });
  client = server.client;
  await allIdle();
}

test("an exposure of a minute is aborted at once, and the next spectrum is right", async (context) => {
  await serve(USUAL, BUFFERED);
  const tookUs: number[] = [];
  for (let abort = 1; abort <= ABORTS; abort++) {
    const { outsideUs, witness } = await aborted();
    const insideUs = answeredAfterUs(witness);
    const closedUs = lineAfterUs(witness, PINS.close);
    context.diagnostic(
      `abort ${abort}: answered after ${ms(insideUs)} ms in the guest, ${ms(outsideUs)} ms from outside; shutter told to close after ${ms(closedUs)} ms`,
    );
    tookUs.push(insideUs);
    assert.equal(await client.get(["shutters", CHANNEL]), "closed");
    await nextIsRight(20 * MS + abort);
  }
  context.diagnostic(`median ${ms(share(tookUs, 0.5))} ms (target ${ms(ABORT_TARGET_US)})`);
  assert.ok(share(tookUs, 1) < ABORT_LIMIT_US);
});

for (const { name, pair } of [
  { name: "two Flame-S", pair: [USUAL, SECOND_USUAL] },
  { name: "Flame-S and QE Pro", pair: [USUAL, BUFFERED] },
]) {
  test(`two spectrometers begin together: ${name}`, async (context) => {
    await serve(...pair);
    // Whoever was found last is not ready for the first one.
    await skewsUs(50 * MS, 1);
    const us = await skewsUs(INTEGRATION_TIME_US, SEQUENCES);
    const [p50, p99, max] = [0.5, 0.99, 1].map((wanted) => ms(share(us, wanted)));
    context.diagnostic(
      `${us.length} exposures: p50 ${p50} ms, p99 ${p99} ms (target ${ms(SKEW_TARGET_US)}), max ${max} ms`,
    );
    assert.ok(share(us, 0.5) < SKEW_LIMIT_US, `median ${p50} ms`);
  });
}

/** How far apart the two began each exposure of a batch. */
async function skewsUs(integrationTimeUs: number, sequences: number): Promise<number[]> {
  await setIntegrationTimes(integrationTimeUs);
  const fromUs = clock.nowUs();
  const operation = await client.record({ run: "skew", sequences });
  await operation.result(AbortSignal.timeout(PATIENCE_MS));
  const [first = [], second = []] = serials.map((serial) => {
    const { exposures } = rig.spectrometer(serial).device.truth;
    return exposures.filter((one) => one.integrationTimeUs === integrationTimeUs && one.startUs > fromUs);
  });
  const pairs = keptTogether(first, second);
  assert.ok(pairs.length >= LEAST_SHARE * sequences, `${pairs.length} exposures of ${sequences}`);
  return pairs.map(([a, b]) => Math.abs(a.startUs - b.startUs));
}

/** The value that a share of all does not exceed. */
function share(values: readonly number[], wanted: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(wanted * sorted.length) - 1] ?? Number.NaN;
}

const ms = (us: number): string => (us / MS).toFixed(1);

async function setIntegrationTimes(us: number): Promise<void> {
  for (const serial of serials) {
    await client.put(["spectrometers", serial, "integration-time", CHANNEL], us);
  }
}

const status = z.looseObject({ phase: z.string() });
const state = z.looseObject({ state: z.string() });
const shelf = z.looseObject({ spectrometers: z.array(state.extend({ serial: z.string() })) });

function allAre(wanted: string): Promise<true> {
  return until(`all spectrometers to be ${wanted}`, async () => {
    const { spectrometers } = await client.getAs("/spectrometers", shelf);
    const are = spectrometers.filter((one) => one.state === wanted).map(({ serial }) => serial);
    return serials.every((serial) => are.includes(serial)) ? true : undefined;
  });
}

const allIdle = (): Promise<true> => allAre("idle");

async function aborted(): Promise<{ readonly outsideUs: number; readonly witness: Witness }> {
  await setIntegrationTimes(LONG_US);
  await startTraces(rig.machine);
  const operation = await client.record({ run: "abort", sequences: 1 });
  // The dark takes a minute.
  await until("a light", async () => {
    const { phase } = await client.getAs("/acquisition/status", status);
    return phase === "light" ? true : undefined;
  });
  await allAre("exposing");
  await clock.delay(SECOND, NEVER);
  await mark(rig.machine, "abort");
  const startUs = clock.nowUs();
  await client.abort();
  const outsideUs = clock.nowUs() - startUs;
  await mark(rig.machine, "answered");
  const witness = await endTraces(rig.machine);
  const { state: end } = await operation.status(NEVER);
  assert.equal(end, "cancelled");
  return { outsideUs, witness };
}

/** From the packet with the request to the one with the answer, at the guest's network card; an empty one goes before. */
function answeredAfterUs(witness: Witness): number {
  const untilUs = markedUs(witness, "answered");
  const answer = witness.packets.findLast(({ atUs, direction }) => direction === "out" && atUs < untilUs);
  return (answer?.atUs ?? assert.fail("no answer")) - arrivalUs(witness);
}

/** From the packet with the request to the moment in which a line rises. */
function lineAfterUs(witness: Witness, line: number): number {
  const fromUs = arrivalUs(witness);
  const risen = witness.lines.find((one) => one.line === line && one.level === 1 && one.atUs > fromUs);
  return (risen?.atUs ?? assert.fail("the shutter does not close")) - fromUs;
}

function arrivalUs(witness: Witness): number {
  const fromUs = markedUs(witness, "abort");
  const request = witness.packets.find(({ atUs, direction }) => direction === "in" && atUs > fromUs);
  return request?.atUs ?? assert.fail("no request");
}

function markedUs({ marks }: Witness, wanted: string): number {
  return marks.find(({ text }) => text === wanted)?.atUs ?? assert.fail(`no mark ${wanted}`);
}

const spectrum = z.looseObject({
  integrationTimeUs: z.number(),
  kind: z.string(),
  counts: z.array(z.number()),
});

/** The server's newest spectrum is that of the exposure of this length that the device made last. */
async function nextIsRight(integrationTimeUs: number): Promise<void> {
  await allIdle();
  await setIntegrationTimes(integrationTimeUs);
  const operation = await client.record({ run: "abort", sequences: 1 });
  await operation.result(AbortSignal.timeout(PATIENCE_MS));
  for (const serial of serials) {
    const { truth, detector } = rig.spectrometer(serial).device;
    const made = truth.exposures.findLast((one) => one.integrationTimeUs === integrationTimeUs);
    assert.ok(made !== undefined, `${serial} has made no such exposure`);
    const kept = await client.getAs(["spectrometers", serial, "spectrum", CHANNEL], spectrum);
    assert.deepEqual([kept.kind, kept.integrationTimeUs], ["light", integrationTimeUs]);
    // A detector without noise gives the same counts again.
    assert.deepEqual(kept.counts, [...detector.expose(made)]);
  }
}

type Pair = readonly [TrueExposure, TrueExposure];

/** The exposures that were kept, by sequence: the last of each, as one that the server tries again follows at once. */
function keptTogether(first: readonly TrueExposure[], second: readonly TrueExposure[]): Pair[] {
  const pairs: Pair[] = [];
  let [a, b]: (TrueExposure | undefined)[] = [];
  for (const exposure of [...first, ...second].sort((one, other) => one.startUs - other.startUs)) {
    if (a !== undefined && b !== undefined && exposure.startUs - Math.max(a.endUs, b.endUs) > GAP_US) {
      pairs.push([a, b]);
      a = b = undefined;
    }
    if (first.includes(exposure)) a = exposure;
    else b = exposure;
  }
  if (a !== undefined && b !== undefined) pairs.push([a, b]);
  return pairs;
}
