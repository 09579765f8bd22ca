// A healthy box raises nothing; each of its ailments raises one finding of its own, with the command that mends it.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { sourceFiles, sourceRoot } from "../support/sources.ts";
import { AILMENTS, CONFIG, configure, keys, removeAll, stick, stopServer, THROTTLED } from "./ailments.ts";
import { type FixtureBox, examined } from "./fixture-box.ts";
import {
  GPIO,
  healthyBox,
  HR4000,
  HR4000_NODE,
  RULES,
  SERVER_PID,
  SHIPPED_RULES,
  USB,
  USB2000,
  USB2000_NODE,
  VSCOPE_UID,
} from "./healthy-box.ts";

for (const { name, ail, check, mark, found, mend } of AILMENTS) {
  test(`${name}: ${mark}, and nothing else`, async () => {
    const box = healthyBox();
    ail(box);
    const { findings, faults, warnings } = await examined(box);
    const raised = findings.filter((finding) => finding.mark !== "ok");
    assert.equal([...new Set(raised.map((finding) => finding.check))].join(" "), check);
    const [first] = raised;
    assert.equal(first?.mark, mark);
    assert.match(first.found, found);
    assert.match(first.mend.join("\n"), mend);
    assert.equal(faults + warnings, raised.length);
    assert.ok(raised.every((finding) => finding.mend.length > 0));
  });
}

const HEALTHY: readonly (readonly [string, (box: FixtureBox) => void, RegExp])[] = [
  [
    "the box as it is",
    () => {},
    /HR4000 at 1-1\.2: 2457:1012, 480 Mbit\/s, 400 mA, \/dev\/bus\/usb\/001\/004, in use by vscope-server \(process 712\)\n/,
  ],
  ["no server, spectrometers free", (box) => stopServer(box), /USB2000 at 1-1\.3: .*, free\n/],
  [
    "the server's open files belong to another user",
    (box) => {
      delete box.links[`/proc/${SERVER_PID}/fd/20`];
      delete box.links[`/proc/${SERVER_PID}/cwd`];
    },
    /HR4000 at .*, in use; vscope-server runs \(process 712\), only root sees/,
  ],
  [
    "a server from a checkout",
    (box) => (box.files[`/proc/${SERVER_PID}/cmdline`] = "node\0--enable-source-maps\0dist/src/main.js\0"),
    /in use by vscope-server \(process 712\)/,
  ],
  [
    "twins are both named",
    (box) => (box.files[`${HR4000}/idProduct`] = "101e\n"),
    /USB2000\+ or Flame-S at 1-1\.2/,
  ],
  [
    "autosuspend with a negative delay never happens",
    (box) => {
      box.files[`${HR4000}/power/control`] = "auto\n";
      box.files[`${HR4000}/power/autosuspend_delay_ms`] = "-1000\n";
    },
    /HR4000/,
  ],
  [
    "a self-powered spectrometer on a hub without a supply",
    (box) => {
      box.files[`${USB}/1-1/bmAttributes`] = "80\n";
      box.files[`${HR4000}/bmAttributes`] = "c0\n";
    },
    /HR4000/,
  ],
  [
    "the kernel does not count over-current",
    (box) => delete box.files[`${HR4000}/port/over_current_count`],
    /HR4000/,
  ],
  [
    "rules by another package",
    (box) => {
      box.files["/usr/lib/udev/rules.d/10-oceanoptics.rules"] = SHIPPED_RULES;
      delete box.files[RULES];
    },
    /udev rules: all models by \/usr\/lib\/udev\/rules\.d\/10-oceanoptics\.rules\n/,
  ],
  [
    "a node that is open to all",
    (box) => {
      box.gids = [VSCOPE_UID, GPIO];
      for (const node of [HR4000_NODE, USB2000_NODE]) box.owners[node] = { mode: 0o666, uid: 0, gid: 0 };
    },
    /HR4000/,
  ],
  [
    "a chip by the parent of its device",
    (box) => {
      box.links["/sys/class/gpio/gpiochip512/device"] = "../../../devices/fe200000.gpio";
      box.files["/sys/devices/fe200000.gpio/gpiochip0/dev"] = "254:0\n";
    },
    /GPIO: gpiochip0 \(pinctrl-bcm2711\), open to vscope\n/,
  ],
  ["a chip without a label", (box) => removeAll(box, "/sys/class/gpio"), /GPIO: gpiochip0, open to vscope\n/],
  [
    "a chip that is named",
    (box) => {
      configure(box, "[hardware]\ngpio_chip = gpio-aspeed\n");
      box.files["/sys/class/gpio/gpiochip512/label"] = "gpio-aspeed\n";
    },
    /GPIO: gpiochip0 \(gpio-aspeed\)/,
  ],
  [
    "no shutters to drive",
    (box) => {
      configure(box, "[hardware]\ngpio = none\n");
      delete box.files["/dev/gpiochip0"];
    },
    /HR4000/,
  ],
  [
    "keys of the service's user",
    (box) => keys(box, { mode: 0o600, uid: VSCOPE_UID, gid: VSCOPE_UID }),
    /\/etc\/vscope\.keys: keys, for vscope only\n/,
  ],
  [
    "spectrometers on the network need none on USB",
    (box) => {
      configure(box, "[hardware]\nnetwork_spectrometers = 192.0.2.7\n");
      removeAll(box, HR4000);
      removeAll(box, USB2000);
    },
    /USB: none; those on the network are not looked for here/,
  ],
  [
    "emulated spectrometers need no USB and no rules",
    (box) => {
      configure(box, "[hardware]\nusb = emulated\n");
      removeAll(box, USB);
      delete box.files[RULES];
    },
    /USB: none, and hardware\.usb = emulated needs none\n/,
  ],
  [
    "the kernel's sensor without alarm",
    (box) => {
      delete box.files[THROTTLED];
      box.files["/sys/class/hwmon/hwmon1/name"] = "rpi_volt\n";
      box.files["/sys/class/hwmon/hwmon1/in0_lcrit_alarm"] = "0\n";
    },
    /no under-voltage \(hwmon1\)/,
  ],
  [
    "no configuration file",
    (box) => delete box.files[CONFIG],
    /\/etc\/vscope\.cfg: not there, the defaults hold\n/,
  ],
  [
    "a stick by its label",
    stick,
    /data directory: \/mnt\/vscope\/vscope_data, on LABEL=VSCOPE, writable, 20000 MB of 32000 MB free\n/,
  ],
  [
    "no limit for USB's memory",
    (box) => (box.files["/sys/module/usbcore/parameters/usbfs_memory_mb"] = "0\n"),
    /usbfs_memory_mb = 0\n/,
  ],
  [
    "chrony",
    (box) => {
      delete box.files["/run/systemd/timesync/synchronized"];
      box.files["/run/chrony/chronyd.pid"] = "501\n";
      box.files["/proc/501/comm"] = "chronyd\n";
    },
    /clock: chronyd runs \(process 501\)\n/,
  ],
];

for (const [name, change, shown] of HEALTHY) {
  test(`${name}: nothing is wrong`, async () => {
    const box = healthyBox();
    change(box);
    const { findings, faults, warnings } = await examined(box);
    assert.deepEqual(
      findings.filter(({ mark }) => mark !== "ok"),
      [],
    );
    assert.deepEqual([faults, warnings], [0, 0]);
    assert.match(findings.map(({ subject, found }) => `${subject}: ${found}\n`).join(""), shown);
  });
}

test("what was not measured is not mentioned", async () => {
  const box = healthyBox();
  delete box.files[THROTTLED];
  delete box.files["/run/vscope-server.pid"];
  configure(box, "[hardware]\ngpio = none\n[coap]\nenabled = False\n");
  const { findings } = await examined(box);
  const checks = findings.map(({ check }) => check);
  for (const check of ["under-voltage", "throttled", "pid-file", "gpio-chip", "server-answers"])
    assert.ok(!checks.includes(check), check);
});

test("every check that can complain has an ailment here and a word in the manual", async () => {
  const manual = await readFile(new URL("docs/how-to/find-a-problem.md", sourceRoot), "utf8");
  const inSource = sourceFiles("src/doctor").flatMap(({ text }) => [
    ...[...text.matchAll(/\b(?:fault|warning|make|mark)\(\s*"([a-z-]+)"/g)].map(([, check]) => check ?? ""),
    ...[...text.matchAll(/check(?: =|:) "([a-z-]+)"/g)].map(([, check]) => check ?? ""),
  ]);
  const checks = [...new Set(inSource)].sort();
  assert.ok(checks.length >= 30, `${checks.length} checks found in the source`);
  const raised = [...new Set(AILMENTS.flatMap(({ check }) => check.split(" ")))].sort();
  assert.deepEqual(
    checks.filter((check) => !raised.includes(check)),
    [],
  );
  for (const check of [...checks, ...raised])
    assert.ok(manual.includes(`\`${check}\``), `${check} is not in the manual`);
});
