// Which GPIO back end to use: the one that is named, or what the computer has.

import { messageOf, VscopeError } from "../../base/errors.ts";
import { openChardev } from "./chardev.ts";
import { type GpioKernel, linuxGpioKernel } from "./kernel.ts";
import type { GpioBank } from "./port.ts";
import { absentBank, idleBank } from "./substitutes.ts";
import { linuxSysfs, openSysfs, type Sysfs } from "./sysfs.ts";

export type GpioBackend = "auto" | "chardev" | "onoff" | "emulated" | "none";

export interface GpioOptions {
  readonly backend: GpioBackend;
  /** Path or label of the chip; found by the lines' names when absent. */
  readonly chip?: string | undefined;
}

/** How the back ends reach the system; `emulated` comes from whoever has an emulator. */
export interface GpioSystem {
  readonly kernel: () => Promise<GpioKernel>;
  readonly sysfs: () => Promise<Sysfs>;
  readonly emulated?: () => GpioBank;
}

export const LINUX_GPIO: GpioSystem = { kernel: linuxGpioKernel, sysfs: linuxSysfs };

interface Probe {
  readonly bank?: GpioBank;
  readonly reason: string;
}

/**
 * Opens a bank. `auto` takes the character device, else sysfs, else a bank that refuses every line with the reason,
 * so that the server can say what is missing. `none` drives nothing.
 * A back end that was asked for by name and is not there throws DEVICE_NOT_CONNECTED.
 */
export async function openGpioBank(
  { backend, chip }: GpioOptions,
  system: GpioSystem = LINUX_GPIO,
): Promise<GpioBank> {
  switch (backend) {
    case "chardev":
      return required("chardev", await probeChardev(system, chip));
    case "onoff":
      return required("onoff", await probeSysfs(system, chip));
    case "emulated":
      return required("emulated", { ...emulatedBank(system), reason: "there is no emulator here" });
    case "none":
      return idleBank();
    case "auto":
      return automatic(system, chip);
  }
}

async function automatic(system: GpioSystem, chip: string | undefined): Promise<GpioBank> {
  const chardev = await probeChardev(system, chip);
  if (chardev.bank !== undefined) return chardev.bank;
  const sysfs = await probeSysfs(system, chip);
  if (sysfs.bank !== undefined) return sysfs.bank;
  return absentBank(
    `${chardev.reason}; ${sysfs.reason}; set hardware.gpio = none when this computer does not drive the shutters`,
  );
}

async function probeChardev(system: GpioSystem, chip: string | undefined): Promise<Probe> {
  try {
    return openChardev(await system.kernel(), chip);
  } catch (error) {
    return { reason: messageOf(error) };
  }
}

async function probeSysfs(system: GpioSystem, chip: string | undefined): Promise<Probe> {
  try {
    return openSysfs(await system.sysfs(), chip);
  } catch (error) {
    return { reason: messageOf(error) };
  }
}

function emulatedBank({ emulated }: GpioSystem): { bank?: GpioBank } {
  return emulated === undefined ? {} : { bank: emulated() };
}

function required(backend: string, { bank, reason }: Probe): GpioBank {
  if (bank !== undefined) return bank;
  throw new VscopeError("DEVICE_NOT_CONNECTED", `GPIO by ${backend}: ${reason}`);
}
