// An emulated spectrometer, opened by its driver on a virtual clock, for tests of what drivers read and write.

import assert from "node:assert/strict";
import { NEVER } from "../../../src/base/abort.ts";
import { type Log, SILENT } from "../../../src/base/log.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import type { ModelName } from "../../../src/drivers/oceanoptics/models.ts";
import { openDriver } from "../../../src/drivers/oceanoptics/open.ts";
import type { Firmware } from "../../../src/emulator/device/spectrometer.ts";
import { createEmulatedInstrument } from "../../../src/emulator/instrument.ts";

export const SERIAL = "TEST00001";

/** A line of the log at `warn`. */
export interface Warning {
  readonly fields: object;
  readonly message: string;
}

export async function openEmulated(model: ModelName, firmware: Firmware = {}) {
  const clock = new VirtualClock();
  const { bus, devices } = createEmulatedInstrument({
    clock,
    log: SILENT,
    spectrometers: [{ model, serial: SERIAL, firmware }],
  });
  const { spectrometer: device, faults } = devices.get(SERIAL) ?? assert.fail();
  const warnings: Warning[] = [];
  const log: Log = {
    ...SILENT,
    warn: (fields, message) => warnings.push({ fields, message }),
    child: () => log,
  };
  const run = <T>(promise: Promise<T>): Promise<T> => clock.run(promise);
  const open = async () => {
    const [usb = assert.fail()] = await bus.list();
    return await run(openDriver({ device: usb, clock, log, isSimulated: true }, NEVER));
  };
  const driver = await open();
  warnings.length = 0;
  return { driver, device, bus, faults, warnings, clock, run, open, close: () => run(driver.close()) };
}

/** An emulated device with the driver that has opened it. */
export type Opened = Awaited<ReturnType<typeof openEmulated>>;
