import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, writeSync } from "node:fs";
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

test("what can be read is told from a thread of its own, until nobody wants to know", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "vscope-fifo-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "events");
  execFileSync("mkfifo", [path]);
  const descriptor = openSync(path, constants.O_RDWR);
  t.after(() => closeSync(descriptor));
  const kernel = await linuxGpioKernel();
  const seen: string[] = [];
  for (const text of ["first", "second"]) {
    await new Promise<void>((resolve) => {
      const unwatch = kernel.onReadable(descriptor, () => {
        const bytes = Buffer.alloc(16);
        seen.push(bytes.toString("latin1", 0, kernel.read(descriptor, bytes)));
        unwatch();
        resolve();
      });
      writeSync(descriptor, text);
    });
  }
  assert.deepEqual(seen, ["first", "second"]);
});
