import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemCodeOf } from "../../../src/base/errors.ts";
import { chipPaths, linuxGpioKernel } from "../../../src/drivers/gpio/kernel.ts";
import { REQUEST, SIZE } from "../../../src/drivers/gpio/uapi.ts";

test("chips come in order of their numbers", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "vscope-dev-"));
  t.after(() => rm(folder, { recursive: true }));
  for (const name of ["gpiochip10", "gpiochip2", "gpiomem", "gpiochip0", "null"])
    await writeFile(join(folder, name), "");
  assert.deepEqual(
    chipPaths(folder),
    ["gpiochip0", "gpiochip2", "gpiochip10"].map((name) => join(folder, name)),
  );
});

test("the real ioctl reaches the kernel, and its refusal has the system's code", async () => {
  const kernel = await linuxGpioKernel();
  const descriptor = kernel.open("/dev/null");
  try {
    assert.throws(
      () => kernel.ioctl(descriptor, REQUEST.chipInfo, Buffer.alloc(SIZE.chipInfo)),
      (error) => systemCodeOf(error) === "ENOTTY",
    );
  } finally {
    kernel.close(descriptor);
  }
});

test("a descriptor that is not open is refused", async () => {
  const kernel = await linuxGpioKernel();
  assert.throws(
    () => kernel.ioctl(-1, REQUEST.chipInfo, Buffer.alloc(SIZE.chipInfo)),
    (error) => systemCodeOf(error) === "EBADF",
  );
});
