// The shipped udev rules against the model table, and the reading of rules.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import {
  gpioUdevDevice,
  hex4,
  parseRules,
  rulesFor,
  type UdevDevice,
  usbUdevDevice,
} from "../../src/doctor/udev-rules.ts";
import type { SpectrometerModel } from "../../src/drivers/oceanoptics/model.ts";
import { MODELS } from "../../src/drivers/oceanoptics/models.ts";
import { sourceRoot } from "../support/sources.ts";

const TEXT = readFileSync(new URL("etc/60-vscope.rules", sourceRoot), "utf8");
const ROWS: readonly SpectrometerModel[] = MODELS;
const idOf = ({ vendorId, productId }: SpectrometerModel): string => `${hex4(vendorId)}:${hex4(productId)}`;

// Read without the doctor's own reader: a rule's line by its vendor and, where it names one, its product.
const LINES = TEXT.split("\n").filter((line) => line.includes("idVendor"));
const lineFor = (id: string): string | undefined => {
  const [vendor = "", product = ""] = id.split(":");
  return LINES.find(
    (line) =>
      line.includes(`ATTR{idVendor}=="${vendor}"`) &&
      (!line.includes("idProduct") || line.includes(`ATTR{idProduct}=="${product}"`)),
  );
};

// Sold or named by the vendor, and in no row of the table: reference section 1.2.
const OTHERS = [
  ["SAS", "2457:1006"],
  ["NIR512", "2457:100c"],
  ["NIR256", "2457:1010"],
  ["USB325", "2457:1024"],
  ["USB250", "2457:1030"],
  ["generic module", "2457:7002"],
] as const;

for (const [name, id] of [...ROWS.map((model) => [model.name, idOf(model)] as const), ...OTHERS]) {
  test(`${name} (${id}) is opened by a rule, to plugdev and the seat`, () => {
    const line = lineFor(id);
    assert.ok(line !== undefined, "no rule");
    for (const part of [
      'SUBSYSTEM=="usb"',
      'ENV{DEVTYPE}=="usb_device"',
      'MODE="0660"',
      'GROUP="plugdev"',
      'TAG+="uaccess"',
    ])
      assert.ok(line.includes(part), part);
    // The doctor reads the same.
    const [vendor, product] = id.split(":").map((part) => Number.parseInt(part, 16));
    const [rule, ...more] = rulesFor(parseRules(TEXT, "x"), usbUdevDevice(vendor ?? 0, product ?? 0));
    assert.deepEqual(more, []);
    assert.deepEqual([rule?.group, rule?.mode, rule?.isForSeat], ["plugdev", 0o660, true]);
  });
}

test("no rule opens what is not the vendor's, and none is for a model that is not in the table", () => {
  const ids = ROWS.map(idOf);
  for (const line of LINES) {
    const [, vendor = ""] = /ATTR\{idVendor\}=="([0-9a-f]{4})"/.exec(line) ?? [];
    const [, product] = /ATTR\{idProduct\}=="([0-9a-f]{4})"/.exec(line) ?? [];
    if (product === undefined) assert.equal(vendor, "2457", line);
    else assert.ok(ids.includes(`${vendor}:${product}`), line);
  }
  for (const [vendor, product] of [
    [0x0999, 0x0fff],
    [0x0999, 0x1007],
    [0x1d6b, 2],
    [0x04b4, 0x8613],
  ] as const)
    assert.deepEqual(rulesFor(parseRules(TEXT, "x"), usbUdevDevice(vendor, product)), []);
});

test("every line that is no comment is a rule that udev can read, below 73-seat-late.rules", () => {
  const rules = TEXT.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  for (const line of rules)
    assert.match(line, /^[A-Z]+(\{\w+\})?(==|=|\+=)"[^"]*"(, [A-Z]+(\{\w+\})?(==|=|\+=)"[^"]*")*$/);
  const [name = ""] = readdirSync(new URL("etc", sourceRoot)).filter((file) => file.endsWith(".rules"));
  assert.ok(Number(/^(\d+)-/.exec(name)?.[1]) < 73, name);
});

test("the GPIO rule opens every chip to gpio, and nothing else of GPIO", () => {
  const rules = parseRules(TEXT, "x");
  for (const name of ["gpiochip0", "gpiochip12"])
    assert.deepEqual(
      rulesFor(rules, gpioUdevDevice(name)).map(({ group, mode }) => [group, mode]),
      [["gpio", 0o660]],
    );
  assert.deepEqual(rulesFor(rules, gpioUdevDevice("gpio17")), []);
});

const HR4000 = usbUdevDevice(0x2457, 0x1012);
const READINGS: readonly (readonly [string, string, UdevDevice, boolean])[] = [
  ["a parent's attribute", 'SUBSYSTEMS=="usb", ATTRS{idVendor}=="2457", MODE:="0666"', HR4000, true],
  ["alternatives", 'ATTR{idVendor}=="0999|2457", GROUP="plugdev"', HR4000, true],
  ["a pattern", 'ATTR{idVendor}=="24??", ATTR{idProduct}=="10*", TAG+="uaccess"', HR4000, true],
  ["a rule over two lines", 'ATTR{idVendor}=="2457", \\\n  MODE="0666"', HR4000, true],
  ["an action that is not unplugging", 'ACTION!="remove", ATTR{idVendor}=="2457", MODE="0666"', HR4000, true],
  ["another product", 'ATTR{idVendor}=="2457", ATTR{idProduct}=="1002", MODE="0666"', HR4000, false],
  ["all but this", 'ATTR{idVendor}!="2457", MODE="0666"', HR4000, false],
  [
    "a condition that is not known here",
    'ATTR{idVendor}=="2457", ATTR{serial}=="X", MODE="0666"',
    HR4000,
    false,
  ],
  ["a rule that opens nothing", 'ATTR{idVendor}=="2457", MODE="0664", SYMLINK+="hr4000"', HR4000, false],
  ["a comment", '# ATTR{idVendor}=="2457", MODE="0666"', HR4000, false],
  ["a dot is no pattern", 'ATTR{idVendor}=="24.7", MODE="0666"', HR4000, false],
];

for (const [name, text, device, opens] of READINGS) {
  test(`${name} ${opens ? "opens" : "does not open"} an HR4000`, () =>
    assert.equal(rulesFor(parseRules(text, "x"), device).length, opens ? 1 : 0));
}
