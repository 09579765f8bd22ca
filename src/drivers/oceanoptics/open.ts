// Opens a spectrometer on the bus: the row of the model table picks the protocol.

import type { Clock } from "../../base/clock.ts";
import { VscopeError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { UsbDevice } from "../usb/port.ts";
import type { SpectrometerDriver } from "./driver.ts";
import { Link } from "./link.ts";
import { findModel, productName } from "./models.ts";
import { ObpDriver } from "./obp-driver.ts";
import { OoiDriver } from "./ooi-driver.ts";

export interface OpenOptions {
  readonly device: UsbDevice;
  readonly clock: Clock;
  readonly log: Log;
  readonly isSimulated: boolean;
}

/**
 * Opens, initialises and identifies a device; whatever an earlier session left in it is dropped. On failure the device
 * is closed again. Throws RESOURCE_NOT_FOUND for a model that the table lacks, DEVICE_FAULT without a serial number,
 * and what `UsbDevice.open` throws.
 */
export async function openDriver(
  { device, clock, log, isSimulated }: OpenOptions,
  signal: AbortSignal,
): Promise<SpectrometerDriver> {
  const model = findModel(device.vendorId, device.productId);
  if (model === undefined) {
    const id = [device.vendorId, device.productId]
      .map((part) => part.toString(16).padStart(4, "0"))
      .join(":");
    const name = productName(device.vendorId, device.productId);
    const fact =
      name === undefined ? "is not in the table of models" : `is a ${name}, which is not supported`;
    throw new VscopeError("RESOURCE_NOT_FOUND", `USB ${device.portPath}: ${id} ${fact}`);
  }
  const transport = await device.open(signal);
  const link = new Link({ transport, clock, log, subject: `${model.name} at USB ${device.portPath}` });
  try {
    const Driver = model.protocol === "ooi" ? OoiDriver : ObpDriver;
    return await Driver.open(link, model, { isSimulated }, signal);
  } catch (error) {
    await transport.close();
    throw error;
  }
}
