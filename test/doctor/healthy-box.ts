// A Raspberry Pi 4 with two spectrometers behind a powered hub, served by vscope-server: nothing is wrong with it.
// Paths and texts are those of a real kernel; attributes that nobody reads are left out.

import { readFileSync } from "node:fs";
import { sourceRoot } from "../support/sources.ts";
import type { FixtureBox } from "./fixture-box.ts";

export const SHIPPED_RULES = readFileSync(new URL("etc/60-vscope.rules", sourceRoot), "utf8");
export const USB = "/sys/bus/usb/devices";
export const HR4000 = `${USB}/1-1.2`;
export const USB2000 = `${USB}/1-1.3`;
export const HR4000_NODE = "/dev/bus/usb/001/004";
export const USB2000_NODE = "/dev/bus/usb/001/005";
export const RULES = "/etc/udev/rules.d/60-vscope.rules";
export const DATA = "/var/lib/vscope/vscope_data";
export const SERVER_PID = 712;
export const VSCOPE_UID = 990;
export const PLUGDEV = 46;
export const GPIO = 997;

const BOOT = "6f1a2b8e-0000-4000-8000-000000000001";
const UNIT = "[Service]\nUser=vscope\nWorkingDirectory=/var/lib/vscope\n";
const INSTRUMENT = readFileSync(new URL("pdata/vscope.config", sourceRoot), "utf8");

export interface UsbAttributes {
  readonly id: string;
  readonly address: number;
  readonly speed: number;
  readonly maxPowerMa: number;
  readonly isSelfPowered?: boolean;
  readonly product?: string;
}

/** The files of one device at a port of bus 1. */
export function usbFiles(
  path: string,
  { id, address, speed, maxPowerMa, ...more }: UsbAttributes,
): Record<string, string> {
  const [vendor = "", product = ""] = id.split(":");
  const attributes = {
    idVendor: vendor,
    idProduct: product,
    product: more.product ?? "Ocean Optics",
    busnum: "1",
    devnum: String(address),
    speed: String(speed),
    bMaxPower: `${maxPowerMa}mA`,
    bmAttributes: more.isSelfPowered === true ? "e0" : "80",
    bConfigurationValue: "1",
    authorized: "1",
    "power/control": "on",
    "power/autosuspend_delay_ms": "2000",
    "port/over_current_count": "0",
  };
  return Object.fromEntries(
    Object.entries(attributes).map(([name, text]) => [`${path}/${name}`, `${text}\n`]),
  );
}

export function healthyBox(): FixtureBox {
  const device = { mode: 0o660, uid: 0, gid: PLUGDEV };
  return {
    files: { ...usbTree(), ...system(), ...service() },
    links: {
      [`${HR4000}:1.0/driver`]: "../../../../../../bus/usb/drivers/usbfs",
      [`${USB2000}:1.0/driver`]: "../../../../../../bus/usb/drivers/usbfs",
      "/sys/class/gpio/gpiochip512/device": "../../../fe200000.gpio/gpiochip0",
      [`/proc/${SERVER_PID}/fd/20`]: HR4000_NODE,
      [`/proc/${SERVER_PID}/fd/21`]: USB2000_NODE,
      [`/proc/${SERVER_PID}/cwd`]: "/var/lib/vscope",
    },
    folders: [DATA, "/dev/disk/by-label"],
    owners: {
      [HR4000_NODE]: device,
      [USB2000_NODE]: device,
      "/dev/gpiochip0": { mode: 0o660, uid: 0, gid: GPIO },
      "/var/lib/vscope": { mode: 0o755, uid: VSCOPE_UID, gid: VSCOPE_UID },
      [DATA]: { mode: 0o755, uid: VSCOPE_UID, gid: VSCOPE_UID },
    },
    refused: [],
    uid: VSCOPE_UID,
    gids: [VSCOPE_UID, PLUGDEV, GPIO],
    space: { freeBytes: 20e9, totalBytes: 32e9 },
    ask: () => Promise.resolve("0.1.0"),
    configFile: undefined,
  };
}

function usbTree(): Record<string, string> {
  return {
    ...usbFiles(`${USB}/usb1`, {
      id: "1d6b:0002",
      address: 1,
      speed: 480,
      maxPowerMa: 0,
      isSelfPowered: true,
    }),
    ...usbFiles(`${USB}/1-1`, {
      id: "2109:3431",
      address: 2,
      speed: 480,
      maxPowerMa: 100,
      isSelfPowered: true,
    }),
    ...usbFiles(HR4000, { id: "2457:1012", address: 4, speed: 480, maxPowerMa: 400 }),
    // A model without high speed: 12 Mbit/s is all that it can.
    ...usbFiles(USB2000, { id: "2457:1002", address: 5, speed: 12, maxPowerMa: 100 }),
    [HR4000_NODE]: "",
    [USB2000_NODE]: "",
    "/sys/module/usbcore/parameters/usbfs_memory_mb": "16\n",
  };
}

function system(): Record<string, string> {
  return {
    "/dev/gpiochip0": "",
    "/sys/class/gpio/gpiochip512/label": "pinctrl-bcm2711\n",
    "/sys/devices/platform/soc/soc:firmware/get_throttled": "0\n",
    "/run/systemd/timesync/synchronized": "",
    "/etc/passwd": `root:x:0:0:root:/root:/bin/bash\nvscope:x:${VSCOPE_UID}:${VSCOPE_UID}::/var/lib/vscope:/bin/false\npi:x:1000:1000::/home/pi:/bin/bash\n`,
    "/etc/group": `root:x:0:\nplugdev:x:${PLUGDEV}:vscope\ngpio:x:${GPIO}:vscope\npi:x:1000:\n`,
    [RULES]: SHIPPED_RULES,
    "/usr/lib/udev/rules.d/50-udev-default.rules":
      'SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", MODE="0664", OPTIONS+="static_node=x"\n',
  };
}

function service(): Record<string, string> {
  return {
    "/etc/vscope.cfg": "[security]\n[daemon]\npid_file = /run/vscope-server.pid\n",
    "/etc/systemd/system/vscope-server.service": UNIT,
    [`${DATA}/vscope.config`]: INSTRUMENT,
    "/run/vscope-server.pid": `${SERVER_PID}\n${BOOT}/4321\n`,
    "/proc/sys/kernel/random/boot_id": `${BOOT}\n`,
    [`/proc/${SERVER_PID}/cmdline`]: "/usr/bin/node\0/usr/local/bin/vscope-server\0-s\0/etc/vscope.cfg\0",
    // 22nd field: the start time.
    [`/proc/${SERVER_PID}/stat`]: `${SERVER_PID} (node) S 1 ${"0 ".repeat(17)}4321 0\n`,
  };
}
