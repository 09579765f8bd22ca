// What our driver makes of every spectrometer on USB, over libusb: the counterpart of read_spectrometers.py, with the same
// arguments. Runs in the guest.
//
//     read-spectrometers.js read 20000 OUT     identity and a spectrum of 20 ms of each
//     read-spectrometers.js time 10000x20 OUT  how long each of 20 spectra of 10 ms takes

import { writeFileSync } from "node:fs";
import { NEVER } from "../../../src/base/abort.ts";
import { SystemClock } from "../../../src/base/clock.ts";
import { openLog } from "../../../src/base/log.ts";
import type { SpectrometerDriver } from "../../../src/drivers/oceanoptics/driver.ts";
import { findModel } from "../../../src/drivers/oceanoptics/models.ts";
import { openDriver } from "../../../src/drivers/oceanoptics/open.ts";
import { LibusbBus } from "../../../src/drivers/usb/libusb.ts";
import type { Timing } from "../rig/readings.ts";

const clock = new SystemClock();
const { log } = openLog({ level: "warn" });

async function read(driver: SpectrometerDriver, integrationTimeUs: number): Promise<object> {
  const { counts } = await driver.acquire({ integrationTimeUs, notBeforeUs: clock.nowUs() }, NEVER);
  return { ...driver.identity, counts: [...counts] };
}

/** Each spectrum is begun after it was asked for, as after a shutter has moved. */
async function time(driver: SpectrometerDriver, plan: string): Promise<Timing> {
  const [integrationTimeUs = 0, spectra = 0] = plan.split("x").map(Number);
  const tookUs: number[] = [];
  // The first is not counted: code that runs for the first time is slow.
  for (let spectrum = 0; spectrum <= spectra; spectrum++) {
    const startUs = clock.nowUs();
    await driver.acquire({ integrationTimeUs, notBeforeUs: startUs }, NEVER);
    if (spectrum > 0) tookUs.push(clock.nowUs() - startUs);
  }
  return { serial: driver.identity.serial, tookUs: { vscope: tookUs } };
}

const [mode, what = "", out = ""] = process.argv.slice(2);
const results: object[] = [];
for (const device of await new LibusbBus({ log }).list()) {
  if (findModel(device.vendorId, device.productId) === undefined) continue;
  const driver = await openDriver({ device, clock, log, isSimulated: true }, NEVER);
  await driver.prepare?.(NEVER);
  results.push(mode === "read" ? await read(driver, Number(what)) : await time(driver, what));
  await driver.close();
}
writeFileSync(out, JSON.stringify(results));
