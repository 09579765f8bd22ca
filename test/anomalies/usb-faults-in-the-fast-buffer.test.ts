// The N-th fault loop over a mean of scans that comes through the fast buffer: every kind of fault in the first, second,
// third ... transfer, until the mean is there without reaching the fault. Each time: a device's error or a true mean, the
// shutter shut, nothing pending, and the next mean true.

import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { MS, SECOND } from "../../src/base/clock.ts";
import { isVscopeError, VscopeError } from "../../src/base/errors.ts";
import type { Fault, FaultKind } from "../../src/emulator/usb/faults.ts";
import { type Host, Station, type Wanted } from "../support/station.ts";

const KINDS: Readonly<Record<FaultKind, Omit<Fault, "kind" | "nth">>> = {
  stall: {},
  short: { direction: "read" },
  truncated: { direction: "read" },
  "wrong-sync": { direction: "read" },
  "wrong-checksum": { direction: "read" },
  garbage: { direction: "read" },
  silence: {},
  stuck: {},
  unplug: {},
  orphan: { direction: "read" },
  delay: { direction: "read", delayUs: 700 * MS },
  ignored: { direction: "write" },
};
/** Single wrong bits among the pixels: USB's own checksums catch them. */
const UNTOLD: readonly FaultKind[] = ["wrong-sync", "wrong-checksum"];

/** A transfer that hangs in the bus hangs until somebody gives up. */
const PATIENCE_US = 20 * SECOND;

/** As many as the emulator's log keeps with their counts; two questions to the buffer. */
const SCANS = 16;
const LIGHT: Wanted = { channel: "downwelling", kind: "light", integrationTimeUs: 20 * MS };
const LAST_POSSIBLE = 200;

describe("every USB transfer of a mean of scans fails once", () => {
  for (const fastBuffer of ["whole", "partial"] as const) {
    for (const kind of Object.keys(KINDS).filter((one): one is FaultKind => one in KINDS))
      test(`${fastBuffer} answers: ${kind}`, { timeout: 300_000 }, (context) =>
        loop(context, kind, new Station("Ocean FX", { fastBuffer })),
      );
  }
});

async function loop(context: TestContext, kind: FaultKind, station: Station): Promise<void> {
  const host = station.host();
  await station.run(host.start());
  let [tried, failed] = [0, 0];
  for (let nth = 1; nth < LAST_POSSIBLE; nth++) {
    const where = `${kind} in transfer ${nth}`;
    (await station.ready(host)).setScans(SCANS);
    // What the server does by itself after opening is not what is tested here.
    await station.clock.advance(SECOND);
    station.faults.start({ kind, nth, ...KINDS[kind] });
    const isTrue = await take(station, host, where);
    const hasFired = station.faults.fired.length > 0;
    station.faults.start();
    if (!hasFired) break;
    tried = nth;
    if (!isTrue) failed += 1;
    (await station.ready(host)).setScans(SCANS);
    station.assertTrue(await station.run(host.take(LIGHT)), `${where}, again`);
  }
  await station.run(host.close(kind));
  station.end();
  assert.ok(tried >= 8, `only ${tried} transfers were reached`);
  context.diagnostic(`${tried} faults tried, ${failed} told`);
}

/** False when the fault was told. */
async function take(station: Station, host: Host, where: string): Promise<boolean> {
  const enough = new AbortController();
  const gaveUp = new VscopeError("OPERATION_CANCELLED", "enough");
  const cancel = station.clock.after(PATIENCE_US, () => enough.abort(gaveUp));
  const [outcome] = await Promise.allSettled([station.run(host.take(LIGHT, enough.signal))]);
  cancel();
  station.assertDark(where);
  if (outcome.status === "fulfilled") {
    const isUntold = UNTOLD.some((kind) => where.startsWith(kind));
    if (!isUntold) station.assertTrue(outcome.value, where);
    return true;
  }
  const error: unknown = outcome.reason;
  const isDevice = isVscopeError(error, "DEVICE_PROTOCOL", "DEVICE_TIMEOUT", "DEVICE_NOT_CONNECTED");
  assert.ok(
    isDevice || (error === gaveUp && where.startsWith("stuck")),
    `${where}: ended with ${String(error)}`,
  );
  return false;
}
