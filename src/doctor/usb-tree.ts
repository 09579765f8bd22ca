// The USB devices as the kernel's sysfs shows them: Documentation/ABI/stable/sysfs-bus-usb and testing/sysfs-bus-usb.
// A device is named by its bus and ports, `1-1.2`; the root hub of bus 1 is `usb1`.

import { basename } from "node:path";
import type { Computer } from "./computer.ts";

export const USB_DEVICES = "/sys/bus/usb/devices";

export interface UsbInterface {
  /** `1-1.2:1.0`. */
  readonly name: string;
  /** The kernel's driver; `usbfs` while a program has the interface. */
  readonly driver: string | undefined;
}

export interface UsbDevice {
  readonly name: string;
  readonly vendorId: number;
  readonly productId: number;
  readonly product: string | undefined;
  readonly speedMbps: number | undefined;
  readonly busNumber: number;
  readonly deviceNumber: number;
  /** What the device asks of its port. */
  readonly maxPowerMa: number | undefined;
  /** Has, or says that it has, a supply of its own. */
  readonly isSelfPowered: boolean;
  /** False where the kernel has chosen no configuration, as for want of power. */
  readonly isConfigured: boolean;
  readonly isAuthorized: boolean;
  /** The kernel may suspend it. */
  readonly isAutosuspended: boolean;
  /** How often its port cut the power since the start; undefined where the kernel does not count. */
  readonly overCurrents: number | undefined;
  readonly interfaces: readonly UsbInterface[];
}

/** Every device on USB, hubs included. */
export async function readUsbTree(computer: Computer): Promise<readonly UsbDevice[]> {
  const names = await computer.names(USB_DEVICES);
  const devices = names.filter((name) => !name.includes(":"));
  const read = await Promise.all(devices.map((name) => readDevice(computer, name, names)));
  return read.filter((device) => device !== undefined);
}

/** `/dev/bus/usb/001/005`. */
export function nodeOf({ busNumber, deviceNumber }: UsbDevice): string {
  const three = (number: number): string => String(number).padStart(3, "0");
  return `/dev/bus/usb/${three(busNumber)}/${three(deviceNumber)}`;
}

/** The hub a device is plugged into. */
export function hubOf(device: UsbDevice, devices: readonly UsbDevice[]): UsbDevice | undefined {
  const [bus = "", ports = ""] = device.name.split("-");
  const above = ports.includes(".") ? `${bus}-${ports.slice(0, ports.lastIndexOf("."))}` : `usb${bus}`;
  return devices.find(({ name }) => name === above && name !== device.name);
}

async function readDevice(
  computer: Computer,
  name: string,
  names: readonly string[],
): Promise<UsbDevice | undefined> {
  const text = (attribute: string): Promise<string | undefined> =>
    computer.text(`${USB_DEVICES}/${name}/${attribute}`);
  const number = (attribute: string): Promise<number | undefined> =>
    computer.number(`${USB_DEVICES}/${name}/${attribute}`);
  const [vendorId, productId] = [hexNumber(await text("idVendor")), hexNumber(await text("idProduct"))];
  const [busNumber, deviceNumber] = [await number("busnum"), await number("devnum")];
  // Unplugged while we read.
  if (vendorId === undefined || productId === undefined) return undefined;
  if (busNumber === undefined || deviceNumber === undefined) return undefined;
  const delayMs = await number("power/autosuspend_delay_ms");
  return {
    name,
    vendorId,
    productId,
    product: await text("product"),
    speedMbps: await number("speed"),
    busNumber,
    deviceNumber,
    maxPowerMa: await number("bMaxPower"),
    // USB 2.0, table 9-10: bit 6 of bmAttributes.
    isSelfPowered: ((hexNumber(await text("bmAttributes")) ?? 0) & 0x40) !== 0,
    isConfigured: (await text("bConfigurationValue")) !== "",
    isAuthorized: (await number("authorized")) !== 0,
    isAutosuspended: (await text("power/control")) === "auto" && (delayMs ?? 0) >= 0,
    overCurrents: await number("port/over_current_count"),
    interfaces: await readInterfaces(
      computer,
      names.filter((other) => other.startsWith(`${name}:`)),
    ),
  };
}

function readInterfaces(computer: Computer, names: readonly string[]): Promise<readonly UsbInterface[]> {
  return Promise.all(
    names.map(async (name) => {
      const driver = await computer.link(`${USB_DEVICES}/${name}/driver`);
      return { name, driver: driver === undefined ? undefined : basename(driver) };
    }),
  );
}

function hexNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^[0-9a-f]+$/i.test(text) ? Number.parseInt(text, 16) : undefined;
}
