// How a Raspberry Pi names its 40-pin header to the kernel.

/** Labels of the chips whose line offsets are BCM numbers: Pi 1 to 3, Pi 4, Pi 5. */
export const HEADER_CHIP_LABELS: readonly string[] = ["pinctrl-bcm2835", "pinctrl-bcm2711", "pinctrl-rp1"];

/** Pins of the header by BCM number, 0 to 27: the first device trees of the Pi 5 name lines `PIN11`, not `GPIO17`. */
const HEADER_PINS = [
  27, 28, 3, 5, 7, 29, 31, 26, 24, 21, 19, 23, 32, 33, 8, 10, 36, 11, 12, 35, 38, 40, 15, 16, 18, 22, 37, 13,
] as const;

/** The names that a line can have in the device tree. */
export function lineNames(pin: number): string[] {
  const headerPin = HEADER_PINS[pin];
  return headerPin === undefined ? [`GPIO${pin}`] : [`GPIO${pin}`, `PIN${headerPin}`];
}
