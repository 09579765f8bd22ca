// The N-th fault loop: the first, second, third ... USB transfer of a batch fails, until none is left to fail.
// After each: the error has the right group, shutters are closed, what was recorded is true, the next batch works.

import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import type { OperationStatus } from "../../src/acquisition/operation.ts";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { MS, SECOND } from "../../src/base/clock.ts";
import { ERRORS, isErrorCode } from "../../src/base/errors.ts";
import type { Fault, FaultKind } from "../../src/emulator/usb/faults.ts";
import { TestInstrument } from "../support/instrument.ts";

/** What is sent arrives as it was sent or not at all (USB checks and repeats packets); what is read can be anything. */
const KINDS: readonly (readonly [kind: FaultKind, direction?: "read" | "write"])[] = [
  ["stall"],
  ["short", "read"],
  ["truncated", "read"],
  ["wrong-sync", "read"],
  ["wrong-checksum", "read"],
  ["silence"],
  ["unplug"],
  ["orphan", "read"],
  ["delay", "read"],
  ["ignored", "write"],
];
/** No recovery takes longer in virtual time; without a limit a stuck device would be waited for. */
const RECOVERY_US = 300 * SECOND;
const SERIALS = ["FLMS01859", "QEP00709"];
const RUN = "faults";

describe("every USB transfer of a batch fails once", () => {
  for (const serial of SERIALS) {
    for (const [kind, direction] of KINDS) {
      const fault = { kind, delayUs: 700 * MS, ...(direction === undefined ? {} : { direction }) };
      test(`${serial}: ${kind}`, { timeout: 300_000 }, (context) => loop(context, serial, fault));
    }
  }
});

async function loop(context: TestContext, serial: string, fault: Omit<Fault, "nth">): Promise<void> {
  const { kind } = fault;
  const instrument = await TestInstrument.start(context);
  setTimes(instrument);
  let reached = 0;
  for (let nth = 1; ; nth++) {
    const { faults } = instrument.device(serial);
    faults.start({ ...fault, nth });
    const status = await instrument.record({ run: RUN });
    const fired = faults.fired.length > 0;
    faults.start();
    if (!fired) break;
    reached = nth;
    await checkOutcome(instrument, status, `${serial} ${kind} ${nth}`);
    await comeBack(instrument, serial);
    const next = await instrument.record({ run: RUN });
    assert.equal(next.state, "done", `after ${kind} at transfer ${nth}: ${next.error?.message}`);
    await checkTruth(instrument, `after ${kind} ${nth}`);
  }
  assert.ok(reached >= 4, `only ${reached} transfers were reached`);
  context.diagnostic(`${reached} transfers failed once each`);
}

function setTimes({ model }: TestInstrument): void {
  for (const spectrometer of model.rack.spectrometers.value) {
    spectrometer.setIntegrationTimeUs("downwelling", 20 * MS);
    spectrometer.setIntegrationTimeUs("upwelling", 50 * MS);
  }
}

async function checkOutcome(
  instrument: TestInstrument,
  status: OperationStatus,
  where: string,
): Promise<void> {
  for (const { channel, state } of instrument.model.shutters.list())
    assert.equal(state.value, "closed", `${where}: ${channel}`);
  if (status.state === "failed") {
    const code = status.error?.code ?? "";
    assert.ok(
      isErrorCode(code) && ERRORS[code].group === "device",
      `${where}: ${code} ${status.error?.message}`,
    );
  } else {
    assert.equal(status.state, "done", where);
  }
  await checkTruth(instrument, where);
}

/** Whatever is in the newest files was really exposed with the time and in the window that the file tells. */
async function checkTruth(instrument: TestInstrument, where: string): Promise<void> {
  const startUtcUs = instrument.clock.utcUs() - instrument.clock.nowUs();
  for (const file of (await instrument.files(RUN)).slice(-2)) {
    for (const { serial, channel, exposureStartUtcUs, integrationTimeUs } of (
      await instrument.read(RUN, file)
    ).spectra) {
      const claimedUs = exposureStartUtcUs - startUtcUs;
      const { exposures } = instrument.device(serial).spectrometer.truth;
      const isTrue = exposures.some(
        (one) => one.integrationTimeUs === integrationTimeUs && Math.abs(one.startUs - claimedUs) < 10 * MS,
      );
      assert.ok(isTrue, `${where}: ${file} ${serial} ${channel} was not exposed as the file says`);
    }
  }
}

async function comeBack(instrument: TestInstrument, serial: string): Promise<void> {
  const { bus } = instrument.emulated;
  const { spectrometer } = instrument.device(serial);
  if (!bus.isAttached(spectrometer)) bus.attach(spectrometer, { faults: instrument.device(serial).faults });
  const { status } = instrument.model.rack.spectrometer(serial);
  await instrument.clock.run(
    until(status, ({ state }) => state === "idle", NEVER),
    RECOVERY_US,
  );
}
