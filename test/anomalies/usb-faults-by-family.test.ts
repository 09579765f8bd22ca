// The N-th fault loop over the protocols: the first, second, third ... transfer of a whole session (open, prepare, set
// the integration time, light through a shutter, dark, close) fails, until the session ends without reaching the fault.
// Each time: an error of the right code or none, every shutter shut, nothing pending, the next spectrum right, and no
// garbage taken for a spectrum or a calibration.

import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { MS } from "../../src/base/clock.ts";
import { type ErrorCode, isVscopeError } from "../../src/base/errors.ts";
import type { ModelName } from "../../src/drivers/oceanoptics/models.ts";
import type { Fault, FaultKind } from "../../src/emulator/usb/faults.ts";
import type { InstrumentIdentity } from "../../src/spectra/spectrum.ts";
import { type Host, Station, type Wanted } from "../support/station.ts";
import { FAMILIES, type Family } from "./families.ts";

interface Row {
  readonly kind: FaultKind;
  /** USB checks and repeats packets: what is sent arrives as it was sent or not at all. */
  readonly direction?: "read" | "write";
  /** What may become of the question or spectrum that was hit, when asking again does not help. */
  readonly codes: readonly ErrorCode[];
}

const KINDS: readonly Row[] = [
  { kind: "stall", codes: ["DEVICE_PROTOCOL"] },
  // An OBP message that ends too early is waited for.
  { kind: "short", direction: "read", codes: ["DEVICE_PROTOCOL", "DEVICE_TIMEOUT"] },
  { kind: "garbage", direction: "read", codes: ["DEVICE_PROTOCOL", "DEVICE_TIMEOUT"] },
  { kind: "silence", codes: ["DEVICE_TIMEOUT"] },
  { kind: "unplug", codes: ["DEVICE_NOT_CONNECTED"] },
];

/**
 * What garbage of the right length can stand for unnoticed, because the protocol has nothing to tell it by: pixels that
 * no sync byte follows, and the register with the version that tells a Flame-S from its twin. (Status and temperatures
 * cannot be told either; neither is a spectrum or a calibration. Single wrong bits are left to USB's own checksums.)
 */
const UNTOLD: Partial<Record<ModelName, "pixels" | "version">> = {
  "Flame-S": "version",
  USB4000: "pixels",
  Jaz: "pixels",
  "Flame-NIR": "pixels",
};

const LIGHT: Wanted = { channel: "downwelling", kind: "light", integrationTimeUs: 40 * MS };
const DARK: Wanted = { channel: "downwelling", kind: "dark", integrationTimeUs: 40 * MS };
const LAST_POSSIBLE = 1000;

describe("every USB transfer of a session fails once", () => {
  for (const family of FAMILIES) {
    for (const row of KINDS)
      test(`${family.name} (${family.model}): ${row.kind}`, { timeout: 300_000 }, (context) =>
        loop(context, family, row),
      );
  }
});

async function loop(context: TestContext, { model }: Family, row: Row): Promise<void> {
  const station = new Station(model);
  const identity = await session(station, { row, where: `${model}, no fault` });
  const { kind, direction } = row;
  let tried = 0;
  for (let nth = 1; nth < LAST_POSSIBLE; nth++) {
    const fault: Fault = { kind, nth, ...(direction === undefined ? {} : { direction }) };
    station.faults.start(fault);
    const untold = kind === "garbage" ? UNTOLD[model] : undefined;
    await session(station, { row, where: `${model}, ${kind} in transfer ${nth}`, identity, untold });
    if (station.faults.fired.length === 0) break;
    tried = nth;
  }
  station.end();
  assert.ok(tried >= 8, `only ${tried} transfers were reached`);
  context.diagnostic(`${tried} faults tried`);
}

interface Session {
  readonly row: Row;
  readonly untold?: "pixels" | "version" | undefined;
  readonly where: string;
  /** As an undisturbed session found it. */
  readonly identity?: InstrumentIdentity;
}

async function session(station: Station, what: Session): Promise<InstrumentIdentity> {
  const { row, where } = what;
  const host = station.host();
  await station.run(host.start());
  for (const { code, message } of host.rack.problems.value)
    assert.ok(row.codes.includes(code), `${where}: opening ended with ${code} ${message}`);
  const { identity } = await station.ready(host);
  for (const wanted of [LIGHT, DARK]) await takeSurely(station, host, wanted, what);
  if (what.untold !== "version")
    assert.deepEqual(identity, what.identity ?? identity, `${where}: the device told something else`);
  await station.run(host.close(where));
  station.assertDark(where);
  return identity;
}

/** A spectrum; when the fault hits it, an error of the right code, and then a spectrum. */
async function takeSurely(
  station: Station,
  host: Host,
  wanted: Wanted,
  { row, where, untold }: Session,
): Promise<void> {
  const [outcome] = await Promise.allSettled([station.run(host.take(wanted))]);
  station.assertDark(where);
  if (outcome.status === "rejected") {
    const error: unknown = outcome.reason;
    assert.ok(isVscopeError(error, ...row.codes), `${where}: ${wanted.kind} ended with ${String(error)}`);
    assert.match(error.message, /^TEST00001: /, where);
    await station.ready(host);
  } else if (untold !== "pixels" || station.wasExposed(outcome.value)) {
    station.assertTrue(outcome.value, where);
    return;
  }
  station.assertTrue(await station.run(host.take(wanted)), `${where}, again`);
  station.assertDark(where);
}
