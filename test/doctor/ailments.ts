// What can be wrong with a box: a change to the healthy one, the finding that it raises, and what mends it.

import { VscopeError } from "../../src/base/errors.ts";
import type { Ownership } from "../../src/doctor/computer.ts";
import type { FixtureBox } from "./fixture-box.ts";
import {
  DATA,
  GPIO,
  HR4000,
  HR4000_NODE,
  PLUGDEV,
  RULES,
  SERVER_PID,
  SHIPPED_RULES,
  USB,
  USB2000,
  USB2000_NODE,
  usbFiles,
  VSCOPE_UID,
} from "./healthy-box.ts";

export const THROTTLED = "/sys/devices/platform/soc/soc:firmware/get_throttled";
export const CONFIG = "/etc/vscope.cfg";

export function configure(box: FixtureBox, text: string): void {
  box.files[CONFIG] = `[daemon]\npid_file = /run/vscope-server.pid\n[security]\n${text}`;
}

export function stopServer(box: FixtureBox): void {
  for (const path of Object.keys(box.files))
    if (path.startsWith(`/proc/${SERVER_PID}/`)) delete box.files[path];
  for (const path of Object.keys(box.links))
    if (path.startsWith(`/proc/${SERVER_PID}/`)) delete box.links[path];
  delete box.links[`${HR4000}:1.0/driver`];
  delete box.links[`${USB2000}:1.0/driver`];
  delete box.files["/run/vscope-server.pid"];
  // Without a driver the interface is still there.
  box.folders.push(`${HR4000}:1.0`, `${USB2000}:1.0`);
}

function silent(): Promise<string> {
  return Promise.reject(new VscopeError("DEVICE_TIMEOUT", "no answer from coap://localhost:5683 within 2 s"));
}

function hold(box: FixtureBox, pid: number, command: string): void {
  stopServer(box);
  box.links[`${HR4000}:1.0/driver`] = "../../bus/usb/drivers/usbfs";
  box.files[`/proc/${pid}/cmdline`] = command.replaceAll(" ", "\0");
}

export function removeAll(box: FixtureBox, prefix: string): void {
  for (const path of Object.keys(box.files)) if (path.startsWith(prefix)) delete box.files[path];
  for (const path of Object.keys(box.links)) if (path.startsWith(prefix)) delete box.links[path];
}

const MOUNTED = "[datadir]\nmount = True\ndevice = LABEL=VSCOPE\nmntpnt = /mnt/vscope\n";

export function keys(box: FixtureBox, ownership: Ownership): void {
  box.files["/etc/vscope.keys"] = "";
  box.owners["/etc/vscope.keys"] = ownership;
}

export function stick(box: FixtureBox): void {
  configure(box, MOUNTED);
  box.files["/dev/sda1"] = "";
  box.links["/dev/disk/by-label/VSCOPE"] = "../../sda1";
  box.files["/sys/dev/block/8:1/size"] = "1";
  box.files["/proc/self/mountinfo"] = "36 35 8:1 / /mnt/vscope rw - vfat /dev/sda1 rw\n";
  box.files["/mnt/vscope/vscope_data/vscope.config"] = box.files[`${DATA}/vscope.config`] ?? "";
  box.owners["/mnt/vscope/vscope_data"] = { mode: 0o755, uid: VSCOPE_UID, gid: VSCOPE_UID };
}

/** No other finding than `check` may be raised. */
export interface Ailment {
  readonly name: string;
  readonly ail: (box: FixtureBox) => void;
  readonly check: string;
  readonly mark: "warn" | "fault";
  readonly found: RegExp;
  readonly mend: RegExp;
}

export const AILMENTS: readonly Ailment[] = [
  {
    name: "no udev rule opens the node",
    ail: (box) => {
      box.files[RULES] = "# nothing\n";
      box.owners[HR4000_NODE] = { mode: 0o664, uid: 0, gid: 0 };
    },
    check: "usb-permission udev-rules",
    mark: "fault",
    found: /^\/dev\/bus\/usb\/001\/004 is closed to vscope: no udev rule opens it$/,
    mend: /^sudo cp \/.*\/etc\/60-vscope\.rules \/etc\/udev\/rules\.d\/\nsudo udevadm control --reload && sudo udevadm trigger$/,
  },
  {
    name: "a rule opens the node to the seat only",
    ail: (box) => {
      delete box.files[RULES];
      const rule = 'ATTR{idVendor}=="2457", MODE="0660", TAG+="uaccess"';
      box.files["/usr/lib/udev/rules.d/70-seat.rules"] = rule;
      box.owners[HR4000_NODE] = { mode: 0o660, uid: 0, gid: 0 };
    },
    check: "usb-permission udev-rules",
    mark: "fault",
    found: /70-seat\.rules opens it only to who sits at the computer$/,
    mend: /^sudo cp /,
  },
  {
    name: "the rule is installed and not applied",
    ail: (box) => (box.owners[HR4000_NODE] = { mode: 0o664, uid: 0, gid: 0 }),
    check: "usb-permission",
    mark: "fault",
    found: /60-vscope\.rules opens it but is not applied, it is root's with mode 0664$/,
    mend: /^sudo udevadm control --reload && sudo udevadm trigger$/,
  },
  {
    name: "the rule's group is applied and its mode is not",
    ail: (box) => (box.owners[HR4000_NODE] = { mode: 0o640, uid: 0, gid: PLUGDEV }),
    check: "usb-permission",
    mark: "fault",
    found: /opens it but is not applied, it is plugdev's with mode 0640$/,
    mend: /^sudo udevadm control --reload/,
  },
  {
    name: "the rule's group does not exist",
    ail: (box) => {
      box.files["/etc/group"] = `gpio:x:${GPIO}:vscope\n`;
      box.owners[HR4000_NODE] = { mode: 0o660, uid: 0, gid: 0 };
    },
    check: "usb-permission",
    mark: "fault",
    found: /names group plugdev, which does not exist$/,
    mend: /^sudo groupadd --system plugdev\n/,
  },
  {
    name: "the user is not in the group",
    ail: (box) => {
      box.gids = [VSCOPE_UID, GPIO];
      box.files["/etc/group"] = `plugdev:x:${PLUGDEV}:pi\ngpio:x:${GPIO}:vscope\n`;
      box.owners[USB2000_NODE] = { mode: 0o666, uid: 0, gid: PLUGDEV };
    },
    check: "usb-permission",
    mark: "fault",
    found: /closed to vscope: vscope is not in group plugdev$/,
    mend: /^sudo usermod --append --groups plugdev vscope\nthen log out and in again$/,
  },
  {
    name: "the user is in the group from the next login on",
    ail: (box) => {
      box.gids = [VSCOPE_UID, GPIO];
      box.owners[USB2000_NODE] = { mode: 0o666, uid: 0, gid: PLUGDEV };
    },
    check: "usb-permission",
    mark: "fault",
    found: /vscope is in group plugdev, but not yet in this login$/,
    mend: /^log out and in again/,
  },
  {
    name: "a container refuses the node",
    ail: (box) => box.refused.push(HR4000_NODE),
    check: "usb-permission",
    mark: "fault",
    found:
      /closed to vscope: though it is plugdev's with mode 0660; a container or a security module refuses$/,
    mend: /^run it outside of the container/,
  },
  {
    name: "there is no node",
    ail: (box) => delete box.files[HR4000_NODE],
    check: "usb-permission",
    mark: "fault",
    found: /^\/dev\/bus\/usb\/001\/004 is not there$/,
    mend: /^sudo udevadm trigger\n/,
  },
  {
    name: "another program has the spectrometer",
    ail: (box) => {
      hold(box, 4242, "/usr/bin/python3 -m seabreeze");
      box.links["/proc/4242/fd/5"] = HR4000_NODE;
    },
    check: "usb-busy",
    mark: "fault",
    found: /^in use by process 4242: \/usr\/bin\/python3 -m seabreeze$/,
    mend: /^kill 4242$/,
  },
  {
    name: "a program that cannot be seen has the spectrometer",
    ail: (box) => hold(box, 4242, "/usr/bin/python3 -m seabreeze"),
    check: "usb-busy",
    mark: "fault",
    found: /^in use by a program whose open files this user may not see/,
    mend: /^sudo fuser -v \/dev\/bus\/usb\/001\/004$/,
  },
  {
    name: "a kernel driver has the interface",
    ail: (box) => {
      stopServer(box);
      box.links[`${USB2000}:1.0/driver`] = "../../bus/usb/drivers/usbserial_generic";
    },
    check: "usb-driver",
    mark: "warn",
    found: /^kernel driver usbserial_generic has interface 1-1\.3:1\.0/,
    mend: /^echo 1-1\.3:1\.0 \| sudo tee \/sys\/bus\/usb\/drivers\/usbserial_generic\/unbind$/,
  },
  {
    name: "full speed by the cable",
    ail: (box) => (box.files[`${HR4000}/speed`] = "12\n"),
    check: "usb-speed",
    mark: "warn",
    found: /^runs at 12 of 480 Mbit\/s: cable or port$/,
    mend: /shorter cable/,
  },
  {
    name: "full speed by the hub",
    ail: (box) => {
      box.files[`${HR4000}/speed`] = "12\n";
      box.files[`${USB}/1-1/speed`] = "12\n";
    },
    check: "usb-speed",
    mark: "warn",
    found: /^runs at 12 of 480 Mbit\/s: hub 1-1 is no faster$/,
    mend: /USB 2\.0 hub/,
  },
  {
    name: "autosuspend",
    ail: (box) => (box.files[`${HR4000}/power/control`] = "auto\n"),
    check: "usb-autosuspend",
    mark: "warn",
    found: /power\/control = auto/,
    mend: /^echo on \| sudo tee \/sys\/bus\/usb\/devices\/1-1\.2\/power\/control\n/,
  },
  {
    name: "a hub without a supply",
    ail: (box) => (box.files[`${USB}/1-1/bmAttributes`] = "80\n"),
    check: "usb-power",
    mark: "warn",
    found:
      /^hub 1-1 has no supply of its own: 400 mA are more than the 100 mA of a port, its devices ask for 500 of 400 mA$/,
    mend: /powered hub/,
  },
  {
    name: "over-current",
    ail: (box) => (box.files[`${USB2000}/port/over_current_count`] = "3\n"),
    check: "usb-over-current",
    mark: "warn",
    found: /^its port has reported over-current 3 times$/,
    mend: /powered hub/,
  },
  {
    name: "no configuration",
    ail: (box) => (box.files[`${HR4000}/bConfigurationValue`] = "\n"),
    check: "usb-configured",
    mark: "fault",
    found: /^the kernel gives it no configuration, which asks for 400 mA: too little power/,
    mend: /powered hub/,
  },
  {
    name: "not authorised",
    ail: (box) => (box.files[`${HR4000}/authorized`] = "0\n"),
    check: "usb-authorized",
    mark: "fault",
    found: /authorized = 0/,
    mend: /^echo 1 \| sudo tee \/sys\/bus\/usb\/devices\/1-1\.2\/authorized$/,
  },
  {
    name: "an unknown product of the vendor",
    ail: (box) =>
      Object.assign(
        box.files,
        usbFiles(`${USB}/1-2`, { id: "2457:1006", address: 9, speed: 12, maxPowerMa: 100, product: "SAS" }),
      ),
    check: "usb-model",
    mark: "warn",
    found: /^2457:1006 \(SAS\) is in no row of the model table$/,
    mend: /docs\/devices\.md/,
  },
  {
    name: "a blank chip",
    ail: (box) =>
      Object.assign(
        box.files,
        usbFiles(`${USB}/1-2`, { id: "04b4:8613", address: 9, speed: 480, maxPowerMa: 100 }),
      ),
    check: "usb-blank",
    mark: "warn",
    found: /^04b4:8613 is a blank Cypress chip/,
    mend: /plug it in again/,
  },
  {
    name: "no spectrometer",
    ail: (box) => {
      removeAll(box, HR4000);
      removeAll(box, USB2000);
    },
    check: "usb-found",
    mark: "fault",
    found: /^no spectrometer among 2 USB devices$/,
    mend: /lsusb -d 2457:/,
  },
  {
    name: "a kernel without USB",
    ail: (box) => removeAll(box, `${USB}/`),
    check: "usb-host",
    mark: "fault",
    found: /^the kernel has no USB controller$/,
    mend: /^sudo modprobe xhci_pci/,
  },
  {
    name: "USB that programs cannot reach",
    ail: (box) => removeAll(box, "/dev/bus/usb"),
    check: "usb-permission usbfs",
    mark: "fault",
    found: /is not there$/,
    mend: /^sudo udevadm trigger\nin a container/,
  },
  {
    name: "little memory for USB",
    ail: (box) => (box.files["/sys/module/usbcore/parameters/usbfs_memory_mb"] = "1\n"),
    check: "usbfs-memory",
    mark: "warn",
    found: /^usbfs_memory_mb = 1, usual are 16$/,
    mend: /^echo 16 \| sudo tee \/sys\/module\/usbcore\/parameters\/usbfs_memory_mb$/,
  },
  {
    name: "no GPIO chip, where one was found automatically",
    ail: (box) => delete box.files["/dev/gpiochip0"],
    check: "gpio-chip",
    mark: "warn",
    found: /^there is no \/dev\/gpiochip\*$/,
    mend: /hardware\.gpio = none/,
  },
  {
    name: "no GPIO chip, where one was asked for",
    ail: (box) => {
      configure(box, "[hardware]\ngpio = chardev\n");
      delete box.files["/dev/gpiochip0"];
    },
    check: "gpio-chip",
    mark: "fault",
    found: /^there is no \/dev\/gpiochip\*$/,
    mend: /CONFIG_GPIO_CDEV/,
  },
  {
    name: "another GPIO chip than the header's",
    ail: (box) => (box.files["/sys/class/gpio/gpiochip512/label"] = "INT34C5:00\n"),
    check: "gpio-chip",
    mark: "warn",
    found: /^no Raspberry Pi header among gpiochip0 \(INT34C5:00\)$/,
    mend: /^name the chip: hardware\.gpio_chip = LABEL/,
  },
  {
    name: "a GPIO chip that is closed",
    ail: (box) => {
      box.gids = [VSCOPE_UID, PLUGDEV];
      box.files["/etc/group"] = `plugdev:x:${PLUGDEV}:vscope\ngpio:x:${GPIO}:\n`;
    },
    check: "gpio-permission",
    mark: "fault",
    found: /^\/dev\/gpiochip0 is closed to vscope: vscope is not in group gpio$/,
    mend: /^sudo usermod --append --groups gpio vscope\n/,
  },
  {
    name: "sysfs lines that are closed",
    ail: (box) => {
      configure(box, "[hardware]\ngpio = onoff\n");
      box.files["/sys/class/gpio/export"] = "";
    },
    check: "gpio-permission",
    mark: "fault",
    found: /^\/sys\/class\/gpio\/export is closed to vscope$/,
    mend: /--groups gpio vscope/,
  },
  {
    name: "a kernel without sysfs lines",
    ail: (box) => configure(box, "[hardware]\ngpio = onoff\n"),
    check: "gpio-sysfs",
    mark: "fault",
    found: /^\/sys\/class\/gpio\/export is not there$/,
    mend: /hardware\.gpio = auto/,
  },
  {
    name: "under-voltage now",
    // Bits 0 and 16, and 18 of the past.
    ail: (box) => (box.files[THROTTLED] = "50001\n"),
    check: "under-voltage throttled",
    mark: "fault",
    found: /^under-voltage now \(below 4\.63 V\) \(bit 0 of 0x50001\)$/,
    mend: /5\.1 V and 3 A/,
  },
  {
    name: "under-voltage in the past",
    ail: (box) => (box.files[THROTTLED] = "10000\n"),
    check: "under-voltage",
    mark: "warn",
    found: /^there was under-voltage since the start \(bit 16 of 0x10000\)$/,
    mend: /5\.1 V and 3 A/,
  },
  {
    name: "throttled now",
    ail: (box) => (box.files[THROTTLED] = "0x4\n"),
    check: "throttled",
    mark: "warn",
    found: /^throttled now \(bit 2 of 0x4\)$/,
    mend: /cooling/,
  },
  {
    name: "throttled in the past",
    ail: (box) => (box.files[THROTTLED] = "40000\n"),
    check: "throttled",
    mark: "warn",
    found: /^was throttled since the start \(bit 18 of 0x40000\)$/,
    mend: /cooling/,
  },
  {
    name: "under-voltage by the kernel's sensor",
    ail: (box) => {
      delete box.files[THROTTLED];
      box.files["/sys/class/hwmon/hwmon1/name"] = "rpi_volt\n";
      box.files["/sys/class/hwmon/hwmon1/in0_lcrit_alarm"] = "1\n";
    },
    check: "under-voltage",
    mark: "fault",
    found: /^under-voltage \(hwmon1, in0_lcrit_alarm = 1\)$/,
    mend: /5\.1 V/,
  },
  {
    name: "rules of another version that cover all models",
    ail: (box) => (box.files[RULES] = `# an older head\n${SHIPPED_RULES}`),
    check: "udev-rules",
    mark: "warn",
    found: /^\/etc\/udev\/rules\.d\/60-vscope\.rules is of another version$/,
    mend: /^sudo cp /,
  },
  {
    name: "rules of another version that lack models",
    ail: (box) => (box.files[RULES] = SHIPPED_RULES.replaceAll(/^.*"0999".*\n/gm, "")),
    check: "udev-rules",
    mark: "fault",
    found: /is of another version, 7 of \d+ models are not covered$/,
    mend: /^sudo cp /,
  },
  {
    name: "rules that are masked",
    ail: (box) => {
      delete box.files[RULES];
      box.files["/usr/lib/udev/rules.d/60-vscope.rules"] = SHIPPED_RULES;
      box.links[RULES] = "/dev/null";
    },
    check: "udev-rules",
    mark: "fault",
    found: /is empty, (\d+) of \1 models are not covered$/,
    mend: /^sudo rm \/etc\/udev\/rules\.d\/60-vscope\.rules\nsudo cp /,
  },
  {
    name: "no rules",
    ail: (box) => delete box.files[RULES],
    check: "udev-rules",
    mark: "fault",
    found: /^\/etc\/udev\/rules\.d\/60-vscope\.rules is not there, (\d+) of \1 models are not covered$/,
    mend: /^sudo cp /,
  },
  {
    name: "another user than the service's",
    ail: (box) => {
      box.uid = 1000;
      box.gids = [1000, PLUGDEV, GPIO];
      box.owners[DATA] = { mode: 0o777, uid: VSCOPE_UID, gid: VSCOPE_UID };
    },
    check: "account",
    mark: "warn",
    found: /^looks as pi, the service runs as vscope$/,
    mend: /^sudo -u vscope vscope doctor$/,
  },
  {
    name: "a configuration file with a mistake",
    ail: (box) => (box.files[CONFIG] = "[coap]\nport = 70000\n[datdir]\n"),
    check: "config-file",
    mark: "fault",
    found:
      /^not valid: line 2: coap\.port: '70000' is not an integer in 0\.\.65535; line 3: datdir: unknown section, did you mean datadir\?$/,
    mend: /^correct it: sudo nano \/etc\/vscope\.cfg/,
  },
  {
    name: "a configuration file that was named and is not there",
    ail: (box) => (box.configFile = "/etc/other.cfg"),
    check: "config-file",
    mark: "fault",
    found: /^not there$/,
    mend: /^sudo cp \/.*\/etc\/vscope\.cfg \/etc\/other\.cfg$/,
  },
  {
    name: "a configuration file that cannot be read",
    ail: (box) => {
      delete box.files[CONFIG];
      box.folders.push(CONFIG);
    },
    check: "config-file",
    mark: "fault",
    found: /^cannot be read: EISDIR/,
    mend: /sudo chmod a\+r \/etc\/vscope\.cfg$/,
  },
  {
    name: "an instrument configuration that cannot be read",
    ail: (box) => {
      delete box.files[`${DATA}/vscope.config`];
      box.folders.push(`${DATA}/vscope.config`);
    },
    check: "instrument-file",
    mark: "fault",
    found: /vscope\.config may not be read$/,
    mend: /^sudo chmod a\+r \/var/,
  },
  {
    name: "no data directory",
    ail: (box) => configure(box, "[datadir]\ndatadir = elsewhere\n"),
    check: "data-directory",
    mark: "fault",
    found: /^\/var\/lib\/vscope\/elsewhere is not there$/,
    mend: /^sudo install -d -o vscope \/var\/lib\/vscope\/elsewhere$/,
  },
  {
    name: "a data directory that is not writable",
    ail: (box) => (box.owners[DATA] = { mode: 0o755, uid: 0, gid: 0 }),
    check: "data-directory-permission",
    mark: "fault",
    found: /^\/var\/lib\/vscope\/vscope_data is not writable by vscope$/,
    mend: /^sudo chown -R vscope \/var\/lib\/vscope\/vscope_data$/,
  },
  {
    name: "less space than the reserve",
    ail: (box) => (box.space = { freeBytes: 63e6, totalBytes: 32e9 }),
    check: "space",
    mark: "fault",
    found: /^63 MB free, 64 MB stay in reserve: nothing is recorded$/,
    mend: /remove/,
  },
  {
    name: "little space",
    ail: (box) => (box.space = { freeBytes: 255e6, totalBytes: 32e9 }),
    check: "space",
    mark: "warn",
    found: /^255 MB free, 64 MB stay in reserve$/,
    mend: /remove/,
  },
  {
    name: "space that cannot be read",
    ail: (box) => (box.space = new VscopeError("DATADIR_IO", "EIO: i/o error")),
    check: "space",
    mark: "fault",
    found: /^\/var\/lib\/vscope\/vscope_data: free space cannot be read: EIO: i\/o error$/,
    mend: /^dmesg/,
  },
  {
    name: "no instrument configuration",
    ail: (box) => delete box.files[`${DATA}/vscope.config`],
    check: "instrument-file",
    mark: "fault",
    found: /^\/var\/lib\/vscope\/vscope_data\/vscope\.config is not there$/,
    mend: /^cp \/.*\/pdata\/vscope\.config \/var\/lib\/vscope\/vscope_data\/vscope\.config,/,
  },
  {
    name: "an instrument configuration with a mistake",
    ail: (box) =>
      (box.files[`${DATA}/vscope.config`] =
        "[channels]\n  [[shutter_1]]\n    direction = up\n    pulse = 3\n"),
    check: "instrument-file",
    mark: "fault",
    found: /^not valid: line 4: channels\.shutter_1\.pulse: unknown key/,
    mend: /^correct it: sudo nano \/var\/lib\/vscope\/vscope_data\/vscope\.config/,
  },
  {
    name: "a configuration from before there were roles",
    ail: (box) => (box.files[CONFIG] = "[daemon]\npid_file = /run/vscope-server.pid\n"),
    check: "config-file",
    mark: "warn",
    found: /no \[security\]: clients without a key now only read/,
    mend: /^sudo nano \/etc\/vscope\.cfg$/,
  },
  {
    name: "keys that others can read",
    ail: (box) => keys(box, { mode: 0o640, uid: VSCOPE_UID, gid: 0 }),
    check: "keys",
    mark: "fault",
    found: /^mode 0640 lets others at the keys, so none of them holds$/,
    mend: /^sudo chmod 600 \/etc\/vscope\.keys$/,
  },
  {
    name: "keys that the server cannot read",
    ail: (box) => keys(box, { mode: 0o600, uid: 0, gid: 0 }),
    check: "keys",
    mark: "fault",
    found: /^belongs to root, so that vscope cannot read it$/,
    mend: /^sudo chown vscope \/etc\/vscope\.keys$/,
  },
  {
    name: "a folder for the state that the server cannot make",
    ail: (box) => {
      keys(box, { mode: 0o600, uid: VSCOPE_UID, gid: 0 });
      configure(box, "state = /var/lib/other\n");
    },
    check: "state",
    mark: "fault",
    found: /^not writable by vscope, so that keys do not work with OSCORE$/,
    mend: /^sudo install -d -o vscope -m 0700 \/var\/lib\/other$/,
  },
  {
    name: "a stick that is not plugged in",
    ail: (box) => configure(box, MOUNTED),
    check: "medium",
    mark: "fault",
    found: /^LABEL=VSCOPE is not plugged in$/,
    mend: /^plug it in/,
  },
  {
    name: "a stick that is not mounted",
    ail: (box) => {
      stick(box);
      box.files["/proc/self/mountinfo"] = "36 35 179:2 / / rw - ext4 /dev/root rw\n";
    },
    check: "medium",
    mark: "warn",
    found: /^LABEL=VSCOPE is not mounted at \/mnt\/vscope/,
    mend: /^sudo mount LABEL=VSCOPE \/mnt\/vscope$/,
  },
  {
    name: "another stick is mounted",
    ail: (box) => {
      stick(box);
      box.files["/proc/self/mountinfo"] = "36 35 8:1 / /mnt/vscope rw - vfat /dev/sdb1 rw\n";
    },
    check: "medium",
    mark: "fault",
    found: /^\/mnt\/vscope holds \/dev\/sdb1, not LABEL=VSCOPE$/,
    mend: /^sudo umount \/mnt\/vscope$/,
  },
  {
    name: "a stick that was pulled out",
    ail: (box) => {
      stick(box);
      delete box.files["/sys/dev/block/8:1/size"];
    },
    check: "medium",
    mark: "fault",
    found: /^\/dev\/sda1 was pulled out while mounted$/,
    mend: /sudo umount -l \/mnt\/vscope$/,
  },
  {
    name: "a mount point of fstab with nothing on it",
    ail: (box) => {
      box.files["/etc/fstab"] = "LABEL=VSCOPE /var/lib/vscope/vscope_data ext4 nofail 0 2\n";
      box.files["/proc/self/mountinfo"] = "36 35 179:2 / / rw - ext4 /dev/root rw\n";
    },
    check: "medium",
    mark: "fault",
    found: /^nothing is mounted at \/var\/lib\/vscope\/vscope_data; the server waits for it$/,
    mend: /^sudo mount \/var\/lib\/vscope\/vscope_data$/,
  },
  {
    name: "a medium that is required and not there",
    ail: (box) => {
      configure(box, "[datadir]\nrequire_mount = True\n");
      box.files["/proc/self/mountinfo"] = "36 35 179:2 / / rw - ext4 /dev/root rw\n";
    },
    check: "medium",
    mark: "fault",
    found: /^no medium is mounted for \/var\/lib\/vscope\/vscope_data/,
    mend: /^plug it in/,
  },
  {
    name: "a medium that the kernel has made read-only",
    ail: (box) => {
      stick(box);
      box.files["/proc/self/mountinfo"] = "36 35 8:1 / /mnt/vscope rw - ext4 /dev/sda1 ro\n";
    },
    check: "medium-read-only",
    mark: "fault",
    found: /^\/dev\/sda1 at \/mnt\/vscope is read-only: nothing is recorded$/,
    mend: /sudo umount \/mnt\/vscope && sudo fsck -a \/dev\/sda1 && sudo mount/,
  },
  {
    name: "another data directory than the configured one",
    ail: (box) => {
      configure(box, "[datadir]\nuuid = 0f1f2f3f-0000-4000-8000-00000000000a\n");
      const id = { uuid: "0f1f2f3f-0000-4000-8000-00000000000b", madeUtc: "", host: "" };
      box.files[`${DATA}/.vscope-id`] = JSON.stringify(id);
    },
    check: "uuid",
    mark: "fault",
    found: /is 0f1f2f3f-0000-4000-8000-00000000000b, datadir\.uuid is 0f1f2f3f-0000-4000-8000-00000000000a$/,
    mend: /^plug in the right medium/,
  },
  {
    name: "a user who may not mount",
    ail: (box) => {
      stick(box);
      box.files["/etc/sudoers"] = "root ALL=(ALL:ALL) ALL\n";
      box.files["/etc/sudoers.d/vscope"] = "vscope ALL=(root) NOPASSWD: /usr/bin/umount /mnt\n";
    },
    check: "sudoers",
    mark: "fault",
    found: /^vscope may not mount at \/mnt\/vscope without a password$/,
    mend: /^sudo install -m 0440 \/.*\/etc\/vscope\.sudoers \/etc\/sudoers\.d\/vscope/,
  },
  {
    name: "the PID file of a server that is gone",
    ail: (box) => {
      const pidFile = box.files["/run/vscope-server.pid"] ?? "";
      stopServer(box);
      box.files["/run/vscope-server.pid"] = pidFile;
    },
    check: "pid-file",
    mark: "warn",
    found: /^\/run\/vscope-server\.pid: process 712 is gone/,
    mend: /log/,
  },
  {
    name: "the PID file of a server whose number another process has",
    ail: (box) => {
      const stat = box.files[`/proc/${SERVER_PID}/stat`] ?? "";
      box.files[`/proc/${SERVER_PID}/stat`] = stat.replace("4321", "9999");
    },
    check: "pid-file",
    mark: "warn",
    found: /process 712 is gone/,
    mend: /log/,
  },
  {
    name: "a server that runs and does not answer",
    ail: (box) => (box.ask = silent),
    check: "server-answers",
    mark: "fault",
    found: /^process 712 runs, but no answer from coap:\/\/localhost:5683 within 2 s$/,
    mend: /^sudo systemctl restart vscope-server\njournalctl/,
  },
  {
    name: "no server",
    ail: (box) => {
      stopServer(box);
      box.ask = silent;
    },
    check: "server-answers",
    mark: "warn",
    found: /^no answer from coap:\/\/localhost:5683 within 2 s$/,
    mend: /^sudo systemctl start vscope-server$/,
  },
  {
    name: "no server, but one of another configuration, which is left alone",
    ail: (box) => {
      hold(box, 4711, "/usr/bin/node /usr/local/bin/vscope-server -s mast.cfg");
      box.links["/proc/4711/cwd"] = "/home/pi";
      box.files["/run/vscope-server.pid"] = "4711\n";
      box.files["/proc/4711/stat"] = `4711 (node) S 1 ${"0 ".repeat(17)}4321 0\n`;
      box.ask = silent;
    },
    check: "server-answers",
    mark: "warn",
    found: /^no answer from coap:\/\/localhost:5683 within 2 s; process 4711 serves \/home\/pi\/mast\.cfg$/,
    mend: /^sudo systemctl start vscope-server$/,
  },
  {
    name: "a server of this configuration by another way of writing it, which does not answer",
    ail: (box) => {
      hold(box, 4711, "/usr/bin/vscope-server --server-config=../../../etc/vscope.cfg -D");
      box.links["/proc/4711/cwd"] = "/var/lib/vscope";
      box.ask = silent;
    },
    check: "server-answers",
    mark: "fault",
    found: /^process 4711 runs, but no answer from coap:\/\/localhost:5683 within 2 s$/,
    mend: /^sudo systemctl restart vscope-server\njournalctl/,
  },
  {
    name: "a clock that nobody sets",
    ail: (box) => delete box.files["/run/systemd/timesync/synchronized"],
    check: "clock",
    mark: "warn",
    found: /^not synchronised since the start/,
    mend: /^sudo timedatectl set-ntp true\n/,
  },
];
