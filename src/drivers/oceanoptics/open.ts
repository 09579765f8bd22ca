// Opens a spectrometer on the bus: the row of the model table picks the protocol.
// A USB device tells its model before it is opened, one on a network only then.

import type { Clock } from "../../base/clock.ts";
import { VscopeError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { GuardedTransport } from "../usb/guarded-transport.ts";
import { placeOf, type UsbDevice } from "../usb/port.ts";
import type { SpectrometerDriver } from "./driver.ts";
import { Link } from "./link.ts";
import type { SpectrometerModel } from "./model.ts";
import { findModel, productName } from "./models.ts";
import { Obp } from "./obp.ts";
import { readSerial } from "./obp-calibration.ts";
import { ObpDriver } from "./obp-driver.ts";
import { OoiDriver } from "./ooi-driver.ts";

export interface OpenOptions {
  readonly device: UsbDevice;
  readonly clock: Clock;
  readonly log: Log;
  readonly isSimulated: boolean;
  /** Throws when the device with this serial number is in use by another way. Asked for devices on a network. */
  readonly requireFree?: (serial: string) => void;
}

/**
 * Opens, initialises and identifies a device; whatever an earlier session left in it is dropped. On failure the device
 * is closed again. Throws RESOURCE_NOT_FOUND for a model that the table lacks, DEVICE_FAULT without a serial number,
 * and what `UsbDevice.open` throws.
 */
export async function openDriver(options: OpenOptions, signal: AbortSignal): Promise<SpectrometerDriver> {
  const { device, clock, log, isSimulated } = options;
  const known = device.kind === "network" ? undefined : modelOf(device);
  const place = placeOf(device);
  const transport = new GuardedTransport(await device.open(signal), { clock, place });
  try {
    const model = known ?? modelOf(device);
    const link = new Link({ transport, clock, log, subject: `${model.name} at ${place}` });
    if (device.kind === "network") await requireFree(options, { link, model }, signal);
    const Driver = model.protocol === "ooi" ? OoiDriver : ObpDriver;
    return await Driver.open(link, model, { isSimulated }, signal);
  } catch (error) {
    await transport.close();
    throw error;
  }
}

function modelOf(device: UsbDevice): SpectrometerModel {
  const model = findModel(device.vendorId, device.productId);
  const id = [device.vendorId, device.productId].map((part) => part.toString(16).padStart(4, "0")).join(":");
  if (model === undefined) {
    const name = productName(device.vendorId, device.productId);
    const fact =
      name === undefined ? "is not in the table of models" : `is a ${name}, which is not supported`;
    throw new VscopeError("RESOURCE_NOT_FOUND", `${placeOf(device)}: ${id} ${fact}`);
  }
  if (device.kind === "network" && model.hasNetwork !== true)
    throw new VscopeError("DEVICE_PROTOCOL", `${placeOf(device)}: ${model.name} (${id}) has no network`);
  return model;
}

// The device may be measuring for us on USB, or at its former address: opening it would disturb that.
async function requireFree(
  { requireFree: check }: OpenOptions,
  { link, model }: { readonly link: Link; readonly model: SpectrometerModel },
  signal: AbortSignal,
): Promise<void> {
  if (check !== undefined) check(await readSerial(new Obp(link, model), signal));
}
