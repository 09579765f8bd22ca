import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isVscopeError } from "../../../src/base/errors.ts";
import { type OnoffGpio, openSysfs, type Sysfs } from "../../../src/drivers/gpio/sysfs.ts";
import { systemError } from "./fake-kernel.ts";

/** A sysfs folder with chips, and exports that are written down. */
async function fakeSysfs(
  t: TestContext,
  chips: Record<string, { label: string; base: number; ngpio: number }>,
) {
  const folder = await mkdtemp(join(tmpdir(), "vscope-sysfs-"));
  t.after(() => rm(folder, { recursive: true }));
  for (const [name, files] of Object.entries(chips)) {
    await mkdir(join(folder, name));
    for (const [file, content] of Object.entries(files))
      await writeFile(join(folder, name, file), `${content}\n`);
  }
  const events: string[] = [];
  const sysfs: Sysfs = {
    folder,
    exportOutput(number, direction): OnoffGpio {
      if (number === 512 + 13) throw systemError("EBUSY");
      if (number === 512 + 14) throw systemError("EACCES");
      events.push(`export ${number} ${direction}`);
      let level: 0 | 1 = direction === "high" ? 1 : 0;
      return {
        writeSync: (next) => {
          events.push(`write ${number} ${next}`);
          level = next;
        },
        readSync: () => level,
        watch: () => {},
        unwatchAll: () => {},
        unexport: () => void events.push(`unexport ${number}`),
      };
    },
    exportInput(number): OnoffGpio {
      events.push(`export ${number} in`);
      return {
        writeSync: () => {
          throw systemError("EPERM");
        },
        readSync: () => 1,
        watch: (listener) => {
          listener(undefined, 1);
          listener(systemError("ENODEV"), 0);
        },
        unwatchAll: () => void events.push(`unwatch ${number}`),
        unexport: () => void events.push(`unexport ${number}`),
      };
    },
  };
  return { sysfs, events };
}

const PI_4 = {
  gpiochip504: { label: "raspberrypi-exp-gpio", base: 504, ngpio: 8 },
  gpiochip512: { label: "pinctrl-bcm2711", base: 512, ngpio: 58 },
};

test("lines are numbered from the base of the labelled chip", async (t) => {
  const { sysfs, events } = await fakeSysfs(t, PI_4);
  const { bank } = openSysfs(sysfs, undefined);
  assert.equal(bank?.description, "sysfs by onoff, pinctrl-bcm2711 from 512");
  const line = await bank.output(17, 0);
  line.write(1);
  assert.equal(line.read(), 1);
  line.close();
  line.close();
  assert.deepEqual(events, ["export 529 low", "write 529 1", "unexport 529"]);
});

test("a chip chosen by label or folder; closing the bank gives the lines back", async (t) => {
  const { sysfs, events } = await fakeSysfs(t, PI_4);
  for (const chip of ["raspberrypi-exp-gpio", "gpiochip504"]) {
    const { bank } = openSysfs(sysfs, chip);
    await bank?.output(2, 1);
    await bank?.close();
  }
  assert.deepEqual(events, ["export 506 high", "unexport 506", "export 506 high", "unexport 506"]);
});

test("no suitable chip, or no sysfs at all, is a reason", async (t) => {
  const { sysfs } = await fakeSysfs(t, { gpiochip0: { label: "INT34C5:00", base: 0, ngpio: 20 } });
  const { bank, reason } = openSysfs(sysfs, undefined);
  assert.equal(bank, undefined);
  assert.match(reason, /^no chip pinctrl-bcm2835, .* \(gpiochip0 \(INT34C5:00\)\)$/);
  assert.match(
    openSysfs({ ...sysfs, folder: "/nonexistent" }, "x").reason,
    /^no chip x in \/nonexistent \(empty\)$/,
  );
});

test("refusals have their codes", async (t) => {
  const { sysfs } = await fakeSysfs(t, PI_4);
  const { bank } = openSysfs(sysfs, undefined);
  assert.ok(bank);
  await assert.rejects(bank.output(13, 0), (error) => isVscopeError(error, "DEVICE_BUSY"));
  await assert.rejects(bank.output(14, 0), (error) => isVscopeError(error, "DEVICE_PERMISSION"));
  await assert.rejects(bank.output(58, 0), (error) => isVscopeError(error, "RESOURCE_NOT_FOUND"));
});

test("an input is watched and given back; a resistor is refused, since sysfs has none", async (t) => {
  const { sysfs, events } = await fakeSysfs(t, PI_4);
  const { bank } = openSysfs(sysfs, undefined);
  assert.ok(bank);
  const seen: number[] = [];
  const lost: string[] = [];
  const line = await bank.input(23, {
    pull: "none",
    onEdge: (level) => void seen.push(level),
    onLost: ({ code }) => void lost.push(code),
  });
  assert.equal(line.read(), 1);
  assert.deepEqual([seen, lost], [[1], ["DEVICE_NOT_CONNECTED"]]);
  line.close();
  await bank.close();
  assert.deepEqual(events, ["export 535 in", "unwatch 535", "unwatch 535", "unexport 535"]);
  await assert.rejects(
    bank.input(24, { pull: "up", onEdge: () => assert.fail(), onLost: assert.fail }),
    /sysfs sets no resistor/,
  );
});
