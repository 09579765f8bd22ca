// A driver opened on an emulated device, on the virtual clock.

import assert from "node:assert/strict";
import { NEVER } from "../../../src/base/abort.ts";
import { SILENT } from "../../../src/base/log.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import type { ModelName } from "../../../src/drivers/oceanoptics/models.ts";
import { openDriver } from "../../../src/drivers/oceanoptics/open.ts";
import type { Firmware } from "../../../src/emulator/device/spectrometer.ts";
import { createEmulatedInstrument } from "../../../src/emulator/instrument.ts";

export async function openEmulated(model: ModelName, firmware: Firmware = {}) {
  const clock = new VirtualClock();
  const serial = "TEST00001";
  const { bus, devices } = createEmulatedInstrument({
    clock,
    log: SILENT,
    spectrometers: [{ model, serial, firmware }],
  });
  const emulated = devices.get(serial) ?? assert.fail();
  const [usb = assert.fail()] = await bus.list();
  const driver = await clock.run(openDriver({ device: usb, clock, log: SILENT, isSimulated: true }, NEVER));
  const run = <T>(promise: Promise<T>): Promise<T> => clock.run(promise);
  return { clock, driver, emulated, device: emulated.spectrometer, run, close: () => run(driver.close()) };
}

export type EmulatedDriver = Awaited<ReturnType<typeof openEmulated>>;
