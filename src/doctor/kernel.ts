// What the kernel must have: USB for programs, and GPIO lines for the shutters.

import { HEADER_CHIP_LABELS } from "../drivers/gpio/raspberry-pi.ts";
import { whyClosed } from "./access.ts";
import type { Box } from "./box.ts";
import { type Computer, WRITE } from "./computer.ts";
import { complain, fault, type Finding, fine, warning } from "./finding.ts";
import { gpioUdevDevice } from "./udev-rules.ts";

const SECTION = "kernel";
const USBFS = "/dev/bus/usb";
const USBFS_MEMORY = "/sys/module/usbcore/parameters/usbfs_memory_mb";
/** The kernel's default. */
const USUAL_USBFS_MB = 16;

export async function checkKernel(box: Box): Promise<readonly Finding[]> {
  const { usb } = box.config.hardware;
  return [...(usb === "libusb" ? await checkUsbfs(box) : []), ...(await checkGpio(box))];
}

async function checkUsbfs({ computer, usb }: Box): Promise<readonly Finding[]> {
  if (usb.length === 0) {
    const model = await computer.text("/proc/device-tree/model");
    const mend = model?.startsWith("Raspberry Pi")
      ? "add dtoverlay=dwc2,dr_mode=host to /boot/firmware/config.txt, then: sudo reboot"
      : "sudo modprobe xhci_pci; the kernel needs CONFIG_USB and the driver of its USB controller";
    return [complain(SECTION, "USB", fault("usb-host", "the kernel has no USB controller", mend))];
  }
  if (!(await computer.isThere(USBFS))) {
    const mend = "the kernel needs CONFIG_DEVTMPFS and udev; a container: --volume /dev/bus/usb:/dev/bus/usb";
    return [
      complain(SECTION, "USB", fault("usbfs", `${USBFS} is not there, programs cannot reach USB`, mend)),
    ];
  }
  const memoryMb = await computer.number(USBFS_MEMORY);
  // 0 means no limit.
  if (memoryMb !== undefined && memoryMb > 0 && memoryMb < USUAL_USBFS_MB) {
    const found = `usbfs_memory_mb = ${memoryMb}, usual are ${USUAL_USBFS_MB}`;
    const mend = `echo ${USUAL_USBFS_MB} | sudo tee ${USBFS_MEMORY}`;
    return [complain(SECTION, "USB", warning("usbfs-memory", found, mend))];
  }
  const memory = memoryMb === undefined ? "" : `, usbfs_memory_mb = ${memoryMb}`;
  return [fine(SECTION, "usbfs", "USB", `${USBFS} with ${usb.length} devices${memory}`)];
}

interface Chip {
  readonly name: string;
  /** Undefined where the kernel has no /sys/class/gpio. */
  readonly label: string | undefined;
}

async function checkGpio(box: Box): Promise<readonly Finding[]> {
  const { gpio } = box.config.hardware;
  if (gpio === "none" || gpio === "emulated") return [];
  if (gpio === "onoff") return [await checkExport(box)];
  const chips = await readChips(box.computer);
  const mark = gpio === "auto" ? warning : fault;
  const unused = "where it does not drive the shutters: hardware.gpio = none in the configuration file";
  if (chips.length === 0) {
    const mend = "the kernel needs CONFIG_GPIO_CDEV and the driver of its GPIO chip";
    return [complain(SECTION, "GPIO", mark("gpio-chip", "there is no /dev/gpiochip*", mend, unused))];
  }
  const wanted = chips.filter((chip) => isWanted(chip, box.config.hardware.gpioChip));
  if (wanted.length === 0) {
    const asked = box.config.hardware.gpioChip ?? "Raspberry Pi header";
    const mend = "name the chip: hardware.gpio_chip = LABEL in the configuration file";
    return [
      complain(SECTION, "GPIO", mark("gpio-chip", `no ${asked} among ${namesOf(chips)}`, mend, unused)),
    ];
  }
  const closed = await Promise.all(wanted.map((chip) => closedChip(box, chip)));
  const complaints = closed.flat();
  return complaints.length > 0
    ? complaints
    : [fine(SECTION, "gpio-chip", "GPIO", `${namesOf(wanted)}, open to ${box.account.name}`)];
}

function namesOf(chips: readonly Chip[]): string {
  return chips.map(({ name, label }) => (label === undefined ? name : `${name} (${label})`)).join(", ");
}

async function closedChip(box: Box, { name, label }: Chip): Promise<readonly Finding[]> {
  const path = `/dev/${name}`;
  const complaint = await whyClosed(box, { check: "gpio-permission", path, device: gpioUdevDevice(name) });
  const subject = label === undefined ? "GPIO" : `GPIO ${label}`;
  return complaint === undefined ? [] : [complain(SECTION, subject, complaint)];
}

// The server finds lines by their names first, which only an open chip tells: a chip without label may be the one.
function isWanted({ name, label }: Chip, asked: string | undefined): boolean {
  if (asked !== undefined) return label === undefined || [name, `/dev/${name}`, label].includes(asked);
  return label === undefined || HEADER_CHIP_LABELS.includes(label);
}

async function readChips(computer: Computer): Promise<readonly Chip[]> {
  const labels = await readLabels(computer);
  const names = (await computer.names("/dev")).filter((name) => /^gpiochip\d+$/.test(name));
  const number = (name: string): number => Number(name.slice("gpiochip".length));
  return names.sort((a, b) => number(a) - number(b)).map((name) => ({ name, label: labels.get(name) }));
}

// /sys/class/gpio/gpiochip512 is the chip by the number of its first line. Its `device` is the chip, or what has it.
async function readLabels(computer: Computer): Promise<ReadonlyMap<string, string>> {
  const folder = "/sys/class/gpio";
  const labels = new Map<string, string>();
  for (const entry of (await computer.names(folder)).filter((name) => /^gpiochip\d+$/.test(name))) {
    const label = await computer.text(`${folder}/${entry}/label`);
    const device = (await computer.link(`${folder}/${entry}/device`))?.split("/").at(-1) ?? "";
    const below = await computer.names(`${folder}/${entry}/device`);
    const name = [device, ...below].find((candidate) => /^gpiochip\d+$/.test(candidate));
    if (name !== undefined && label !== undefined) labels.set(name, label);
  }
  return labels;
}

async function checkExport({ computer, account }: Box): Promise<Finding> {
  const path = "/sys/class/gpio/export";
  if (!(await computer.isThere(path))) {
    const mend = "hardware.gpio = auto in the configuration file; the kernel has no CONFIG_GPIO_SYSFS";
    return complain(SECTION, "GPIO", fault("gpio-sysfs", `${path} is not there`, mend));
  }
  if (await computer.may(path, WRITE))
    return fine(SECTION, "gpio-sysfs", "GPIO", `${path}, open to ${account.name}`);
  const mend = `sudo usermod --append --groups gpio ${account.name}, then log out and in again`;
  return complain(SECTION, "GPIO", fault("gpio-permission", `${path} is closed to ${account.name}`, mend));
}
