// udev's rule files, as far as they say who may use a device: udev(7). Read to tell why a device is closed to a user;
// conditions beyond those of a USB device or GPIO chip count as not fulfilled.

import type { Computer } from "./computer.ts";

/** First folder wins for files of one name (udev(7)). */
const FOLDERS = [
  "/etc/udev/rules.d",
  "/run/udev/rules.d",
  "/usr/local/lib/udev/rules.d",
  "/usr/lib/udev/rules.d",
  "/lib/udev/rules.d",
] as const;

export interface UdevRule {
  /** The file it stands in. */
  readonly path: string;
  readonly conditions: readonly Term[];
  readonly group: string | undefined;
  /** Permission bits; undefined when the rule leaves them alone. */
  readonly mode: number | undefined;
  /** systemd-logind adds whoever sits at the computer. */
  readonly isForSeat: boolean;
}

interface Term {
  /** `SUBSYSTEM`, `ATTR{idVendor}`. */
  readonly key: string;
  readonly isEqual: boolean;
  readonly pattern: string;
}

/** What a rule is held against; `ATTRS` of parents count as the device's own. */
export type UdevDevice = Readonly<Record<string, string>>;

export function usbUdevDevice(vendorId: number, productId: number): UdevDevice {
  return {
    SUBSYSTEM: "usb",
    "ENV{DEVTYPE}": "usb_device",
    ACTION: "add",
    "ATTR{idVendor}": hex4(vendorId),
    "ATTR{idProduct}": hex4(productId),
  };
}

export function gpioUdevDevice(name: string): UdevDevice {
  return { SUBSYSTEM: "gpio", KERNEL: name, ACTION: "add" };
}

export function hex4(id: number): string {
  return id.toString(16).padStart(4, "0");
}

/** The rules that are in force, in udev's order. */
export async function readRules(computer: Computer): Promise<readonly UdevRule[]> {
  const paths = new Map<string, string>();
  for (const folder of FOLDERS) {
    for (const name of await computer.names(folder)) {
      if (name.endsWith(".rules") && !paths.has(name)) paths.set(name, `${folder}/${name}`);
    }
  }
  const files = [...paths].sort(([a], [b]) => (a < b ? -1 : 1));
  const texts = await Promise.all(files.map(([, path]) => computer.text(path)));
  return files.flatMap(([, path], index) => parseRules(texts[index] ?? "", path));
}

/** Rules that give a user or group access; all others are left out. */
export function parseRules(text: string, path: string): readonly UdevRule[] {
  const lines = text.replaceAll("\\\n", " ").split("\n");
  return lines.filter((line) => !/^\s*(#|$)/.test(line)).flatMap((line) => parseRule(line, path));
}

/** The rules that open the device to somebody, in udev's order. */
export function rulesFor(rules: readonly UdevRule[], device: UdevDevice): readonly UdevRule[] {
  return rules.filter(({ conditions }) => conditions.every((term) => holds(term, device)));
}

/** Opens a device to users who do not sit at the computer, such as that of a service. */
export function opensToAll({ group, mode }: UdevRule): boolean {
  return group !== undefined || ((mode ?? 0) & 0o006) === 0o006;
}

function parseRule(line: string, path: string): readonly UdevRule[] {
  const terms = [...line.matchAll(/([A-Z]+(?:\{[^}]*\})?)\s*(==|!=|\+=|:=|-=|=)\s*"([^"]*)"/g)];
  const isCondition = (operator = ""): boolean => operator === "==" || operator === "!=";
  const value = (wanted: string): string | undefined =>
    terms.findLast(([, key, operator]) => key === wanted && !isCondition(operator))?.[3];
  const octal = value("MODE");
  const mode = octal === undefined ? undefined : Number.parseInt(octal, 8);
  const group = value("GROUP");
  const isForSeat = terms.some(
    ([, key, operator, tag]) => key === "TAG" && operator === "+=" && tag === "uaccess",
  );
  const isOpening = isForSeat || group !== undefined || ((mode ?? 0) & 0o006) === 0o006;
  const conditions = terms.flatMap(([, key = "", operator, pattern = ""]) =>
    isCondition(operator) ? [{ key, isEqual: operator === "==", pattern }] : [],
  );
  return isOpening ? [{ path, conditions, group, mode, isForSeat }] : [];
}

function holds({ key, isEqual, pattern }: Term, device: UdevDevice): boolean {
  const own = key.replace(/^(ATTR|SUBSYSTEM|KERNEL)S(?=\{|$)/, "$1");
  const value = device[own];
  return value !== undefined && isMatch(pattern, value) === isEqual;
}

// Shell patterns with alternatives: `add|bind`, `gpiochip*`.
function isMatch(pattern: string, value: string): boolean {
  const source = pattern
    .replaceAll(/[.+^${}()\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^(?:${source})$`).test(value);
}
