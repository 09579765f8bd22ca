import assert from "node:assert/strict";
import { test } from "node:test";
import { isVscopeError } from "../../../src/base/errors.ts";
import { type GpioSystem, openGpioBank } from "../../../src/drivers/gpio/select.ts";
import { idleBank } from "../../../src/drivers/gpio/substitutes.ts";
import type { Sysfs } from "../../../src/drivers/gpio/sysfs.ts";
import { type FakeChip, FakeKernel } from "./fake-kernel.ts";

const PI: FakeChip = { label: "pinctrl-bcm2835", lineNames: Array(54).fill("") };
const notReached = (): never => {
  throw new Error("not reached");
};
const NO_SYSFS: Sysfs = { folder: "/nonexistent", exportOutput: notReached, exportInput: notReached };

function systemWith(chips: readonly FakeChip[]): GpioSystem {
  return { kernel: async () => new FakeKernel(chips), sysfs: async () => NO_SYSFS };
}

test("auto takes the character device where there is a suitable chip", async () => {
  const bank = await openGpioBank({ backend: "auto" }, systemWith([PI]));
  assert.match(bank.description, /^gpiochip character device/);
});

test("auto without GPIO gives a bank that tells why, so that the server starts", async () => {
  const bank = await openGpioBank({ backend: "auto" }, systemWith([]));
  assert.match(bank.description, /^no GPIO: no chip .*; set hardware\.gpio = none when/);
  await assert.rejects(bank.output(17, 0), (error) => {
    assert.ok(isVscopeError(error, "DEVICE_NOT_CONNECTED"));
    assert.match(error.message, /^GPIO17: no chip with a Raspberry Pi's lines/);
    return true;
  });
  await bank.close();
});

test("auto survives back ends that cannot be loaded", async () => {
  const broken: GpioSystem = {
    kernel: () => Promise.reject(new Error("no koffi here")),
    sysfs: () => Promise.reject(new Error("no onoff here")),
  };
  const { description } = await openGpioBank({ backend: "auto" }, broken);
  assert.match(description, /no koffi here; no onoff here/);
});

for (const backend of ["chardev", "onoff", "emulated"] as const) {
  test(`${backend} by name fails where there is none`, async () => {
    await assert.rejects(openGpioBank({ backend }, systemWith([])), (error) => {
      assert.ok(isVscopeError(error, "DEVICE_NOT_CONNECTED"));
      assert.match(error.message, new RegExp(`^GPIO by ${backend}: `));
      return true;
    });
  });
}

test("emulated is what the caller provides", async () => {
  const emulated = idleBank();
  assert.equal(
    await openGpioBank({ backend: "emulated" }, { ...systemWith([]), emulated: () => emulated }),
    emulated,
  );
});

test("none drives nothing and refuses nothing", async () => {
  const bank = await openGpioBank({ backend: "none" }, systemWith([PI]));
  const line = await bank.output(17, 1);
  assert.equal(line.read(), 1);
  line.write(0);
  assert.equal(line.read(), 0);
  line.close();
  await bank.close();
});

test("on this computer auto settles, whatever GPIO it has", async () => {
  const bank = await openGpioBank({ backend: "auto" });
  assert.ok(bank.description.length > 0);
  await bank.close();
});
