import assert from "node:assert/strict";
import { test } from "node:test";
import { isVscopeError, VscopeError } from "../../../src/base/errors.ts";
import { openChardev } from "../../../src/drivers/gpio/chardev.ts";
import { lineNames } from "../../../src/drivers/gpio/raspberry-pi.ts";
import type { GpioBank } from "../../../src/drivers/gpio/port.ts";
import { REQUEST } from "../../../src/drivers/gpio/uapi.ts";
import { type FakeChip, FakeKernel } from "./fake-kernel.ts";

const nameless = (label: string, lines: number): FakeChip => ({ label, lineNames: Array(lines).fill("") });
const PI_4: FakeChip = {
  label: "pinctrl-bcm2711",
  lineNames: Array.from({ length: 58 }, (_, bcm) => `GPIO${bcm}`),
};

function bankOf(kernel: FakeKernel, chip?: string): GpioBank {
  const { bank, reason } = openChardev(kernel, chip);
  assert.ok(bank, reason);
  return bank;
}

test("a line is found by its name, driven, read and given back", async () => {
  const kernel = new FakeKernel([nameless("raspberrypi-exp-gpio", 8), PI_4]);
  const bank = bankOf(kernel);
  assert.equal(bank.description, "gpiochip character device, /dev/gpiochip1 (pinctrl-bcm2711)");
  const line = await bank.output(17, 1);
  assert.equal(kernel.levels.get("/dev/gpiochip1:17"), 1);
  assert.equal(kernel.consumers.get("/dev/gpiochip1:17"), "vscope-server");
  line.write(0);
  assert.equal(kernel.levels.get("/dev/gpiochip1:17"), 0);
  assert.equal(line.read(), 0);
  line.write(1);
  assert.equal(line.read(), 1);
  line.close();
  line.close();
  assert.equal(kernel.openDescriptors, 0);
  assert.throws(
    () => line.write(0),
    (error) => isVscopeError(error, "DEVICE_FAULT"),
  );
});

test("the first Pi 5 device trees name the header's pins", async () => {
  const names = Array.from({ length: 54 }, (_, bcm) => lineNames(bcm)[1] ?? "");
  const kernel = new FakeKernel([nameless("gpio-brcmstb", 4), { label: "rp1-somehow", lineNames: names }]);
  await bankOf(kernel).output(17, 0);
  assert.deepEqual([...kernel.levels.keys()], ["/dev/gpiochip1:17"]);
});

test("header pins of BCM numbers", () => {
  assert.deepEqual(lineNames(17), ["GPIO17", "PIN11"]);
  assert.deepEqual(lineNames(18), ["GPIO18", "PIN12"]);
  assert.deepEqual(lineNames(22), ["GPIO22", "PIN15"]);
  assert.deepEqual(lineNames(27), ["GPIO27", "PIN13"]);
  assert.deepEqual(lineNames(40), ["GPIO40"]);
  const pins = Array.from({ length: 28 }, (_, bcm) => lineNames(bcm)[1]);
  assert.equal(new Set(pins).size, 28);
});

test("without names a Raspberry Pi's chip is known by its label, pins are offsets", async () => {
  const kernel = new FakeKernel([nameless("other", 100), nameless("pinctrl-rp1", 54)]);
  await bankOf(kernel).output(22, 0);
  assert.deepEqual([...kernel.levels.keys()], ["/dev/gpiochip1:22"]);
});

for (const chip of ["/dev/gpiochip1", "gpiochip1", "gpio-mockup-A"]) {
  test(`a chip chosen as ${chip}`, async () => {
    const kernel = new FakeKernel([PI_4, nameless("gpio-mockup-A", 54)]);
    await bankOf(kernel, chip).output(17, 0);
    assert.deepEqual([...kernel.levels.keys()], ["/dev/gpiochip1:17"]);
  });
}

test("no suitable chip: the reason names what there is", () => {
  const { bank, reason } = openChardev(new FakeKernel([nameless("INT34C5:00", 20)]), undefined);
  assert.equal(bank, undefined);
  assert.equal(reason, "no chip with a Raspberry Pi's lines among /dev/gpiochip0 (INT34C5:00)");
  const chosen = openChardev(new FakeKernel([PI_4]), "pinctrl-rp1");
  assert.equal(chosen.reason, "no chip pinctrl-rp1 among /dev/gpiochip0 (pinctrl-bcm2711)");
});

test("a chip that may not be opened is named in the reason; the others are used", async () => {
  const locked = { ...PI_4, refusal: "EACCES" };
  const { reason } = openChardev(new FakeKernel([locked]), undefined);
  assert.match(
    reason,
    /^no chip .* among no usable \/dev\/gpiochip\*; \/dev\/gpiochip0: EACCES.*60-vscope\.rules$/,
  );
  const kernel = new FakeKernel([locked, PI_4]);
  await bankOf(kernel).output(4, 0);
  assert.deepEqual([...kernel.levels.keys()], ["/dev/gpiochip1:4"]);
});

test("a line that somebody has is DEVICE_BUSY and names who", async () => {
  const kernel = new FakeKernel([PI_4]);
  kernel.consumers.set("/dev/gpiochip0:18", "fan-control");
  await assert.rejects(bankOf(kernel).output(18, 0), (error) => {
    assert.ok(isVscopeError(error, "DEVICE_BUSY"));
    assert.equal(error.message, "GPIO18: in use by fan-control");
    return true;
  });
  assert.equal(kernel.openDescriptors, 0);
});

test("a pin beyond the chip is RESOURCE_NOT_FOUND", async () => {
  await assert.rejects(bankOf(new FakeKernel([PI_4])).output(58, 0), (error) =>
    isVscopeError(error, "RESOURCE_NOT_FOUND"),
  );
});

const REFUSALS = [
  ["EPERM", "DEVICE_PERMISSION"],
  ["ENODEV", "DEVICE_NOT_CONNECTED"],
  ["EIO", "DEVICE_FAULT"],
] as const;

for (const [code, expected] of REFUSALS) {
  test(`a request refused with ${code} is ${expected}`, async () => {
    const kernel = new FakeKernel([PI_4]);
    const bank = bankOf(kernel);
    kernel.failure = { request: REQUEST.line, code };
    await assert.rejects(bank.output(17, 0), (error) => isVscopeError(error, expected));
    assert.equal(kernel.openDescriptors, 0);
  });

  test(`a write refused with ${code} is ${expected}`, async () => {
    const kernel = new FakeKernel([PI_4]);
    const line = await bankOf(kernel).output(17, 0);
    kernel.failure = { request: REQUEST.setValues, code };
    assert.throws(
      () => line.write(1),
      (error) => isVscopeError(error, expected),
    );
  });
}

test("closing the bank gives all lines back", async () => {
  const kernel = new FakeKernel([PI_4]);
  const bank = bankOf(kernel);
  await bank.output(17, 0);
  await bank.output(18, 0);
  assert.equal(kernel.openDescriptors, 2);
  await bank.close();
  assert.equal(kernel.openDescriptors, 0);
});

test("an input is claimed with both edges and its resistor; every edge is told with its level", async () => {
  const kernel = new FakeKernel([PI_4]);
  const bank = bankOf(kernel);
  const seen: number[] = [];
  const onEdge = (level: 0 | 1): void => void seen.push(level);
  const line = await bank.input(23, { pull: "up", onEdge, onLost: assert.fail });
  // INPUT, EDGE_RISING, EDGE_FALLING, BIAS_PULL_UP
  assert.equal(kernel.flags.get("/dev/gpiochip0:23"), 0b1_0011_0100n);
  kernel.edges("/dev/gpiochip0", 23, [0, 1, 0]);
  assert.deepEqual(seen, [0, 1, 0]);
  assert.equal(line.read(), 0);
  await assert.rejects(bank.input(23, { pull: "none", onEdge, onLost: assert.fail }), (error) =>
    isVscopeError(error, "DEVICE_BUSY"),
  );
  line.close();
  kernel.edges("/dev/gpiochip0", 23, [1]);
  assert.deepEqual(seen, [0, 1, 0]);
  assert.equal(kernel.openDescriptors, 0);
});

test("a line that goes away is told once", async () => {
  const kernel = new FakeKernel([PI_4]);
  const bank = bankOf(kernel);
  const lost: string[] = [];
  const line = await bank.input(23, {
    pull: "none",
    onEdge: () => assert.fail(),
    onLost: ({ message }) => void lost.push(message),
  });
  kernel.edges("/dev/gpiochip0", 23, []);
  kernel.edges("/dev/gpiochip0", 23, []);
  assert.deepEqual(lost, ["GPIO23: the line is gone"]);
  line.close();
});

test("a kernel that tells of no events any more is told to the owner of the line", async () => {
  const kernel = new FakeKernel([PI_4]);
  const lost: unknown[] = [];
  const onLost = (reason: unknown): void => void lost.push(reason);
  const line = await bankOf(kernel).input(23, { pull: "none", onEdge: () => assert.fail(), onLost });
  const reason = new VscopeError("DEVICE_FAULT", "poll: has failed for 60 s, no event will be seen");
  kernel.endEvents(reason);
  kernel.endEvents(reason);
  assert.deepEqual(lost, [reason]);
  line.close();
});
