// Writing what devices keep without power: what was written is read by the next opening, the old content is in the log,
// and whatever goes wrong in between leaves every piece with its old or its new content and an error that names it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { NEVER } from "../../../src/base/abort.ts";
import { isVscopeError, messageOf } from "../../../src/base/errors.ts";
import type { StoredCalibration } from "../../../src/drivers/oceanoptics/controls.ts";
import { slotText } from "../../../src/drivers/oceanoptics/eeprom.ts";
import type { ModelName } from "../../../src/drivers/oceanoptics/models.ts";
import type { Fault, FaultKind } from "../../../src/emulator/usb/faults.ts";
import { openEmulated, SERIAL } from "./open-emulated.ts";

const NEW: StoredCalibration = {
  wavelengthCoefficients: [341.23456, 0.3712345, -1.2345678e-5, -2.3456789e-9],
  nonlinearityCoefficients: [0.99, 1.5e-7, -2.25e-12, 3e-17, -4e-22, 5e-27, -6.125e-32, 7.5e-37],
  strayLightConstant: 0.00123,
};

type Opened = Awaited<ReturnType<typeof openEmulated>>;

function write({ driver }: Opened, calibration: StoredCalibration): Promise<void> {
  return driver.controls.calibration?.write?.(calibration, NEVER) ?? assert.fail("cannot be written");
}

/** The largest relative difference of two lists of numbers. */
function difference(actual: readonly number[] = [], expected: readonly number[] = []): number {
  assert.equal(actual.length, expected.length);
  return Math.max(
    ...expected.map((value, index) => Math.abs((actual[index] ?? NaN) - value) / Math.abs(value)),
  );
}

function assertCalibrated(actual: StoredCalibration, expected: StoredCalibration, tolerance = 1e-7): void {
  for (const name of ["wavelengthCoefficients", "nonlinearityCoefficients"] as const)
    assert.ok(difference(actual[name], expected[name]) <= tolerance, `${name}: ${actual[name]?.join(" ")}`);
  assert.ok(
    difference([actual.strayLightConstant ?? NaN], [expected.strayLightConstant ?? NaN]) <= tolerance,
  );
}

describe("calibration", () => {
  for (const model of ["Flame-S", "USB2000", "STS", "QE Pro", "Spark", "Ventana"] as const) {
    test(`${model}: what is written is known at once and after the next opening; the rest stays`, async () => {
      const opened = await openEmulated(model);
      const { driver, run } = opened;
      const before = driver.identity.calibration;
      const { wavelengthCoefficients = [] } = NEW;
      await run(write(opened, { wavelengthCoefficients }));
      const { calibration } = driver.identity;
      assert.ok(difference(calibration.wavelengthCoefficients, wavelengthCoefficients) <= 1e-7);
      assert.deepEqual(calibration.nonlinearityCoefficients, before.nonlinearityCoefficients);
      assert.equal(calibration.strayLightConstant, before.strayLightConstant);
      await run(write(opened, NEW));
      assertCalibrated(driver.identity.calibration, NEW);
      await opened.close();
      const again = await opened.open();
      assertCalibrated(again.identity.calibration, NEW);
      await run(again.close());
    });
  }

  test("QE65000: wavelengths are those of the pixels, although the device counts from pixel 10", async () => {
    const opened = await openEmulated("QE65000");
    await opened.run(write(opened, NEW));
    assertCalibrated(opened.driver.identity.calibration, NEW, 1e-5);
    const slots = await opened.run(opened.driver.controls.eeprom?.read(NEVER) ?? assert.fail());
    const offset = Number(slotText(slots[1]?.bytes ?? assert.fail()));
    assert.ok(Math.abs(offset - (341.23456 + 3.712345 - 1.2345678e-3 - 2.3456789e-6)) < 1e-4, `${offset}`);
    await opened.close();
  });

  test("the old content is in the log, so that it can be restored; unchanged pieces are left alone", async () => {
    const opened = await openEmulated("Flame-S");
    const { driver, run, warnings } = opened;
    const held = driver.identity.calibration;
    const [first = 0, ...rest] = held.wavelengthCoefficients;
    const before = await run(driver.controls.eeprom?.read(NEVER) ?? assert.fail());
    await run(write(opened, { ...held, wavelengthCoefficients: [first + 0.5, ...rest] }));
    const old = before[1]?.bytes ?? assert.fail();
    assert.deepEqual(warnings, [
      {
        fields: { slot: 1, text: slotText(old), hex: Buffer.from(old).toString("hex") },
        message: `${SERIAL}: EEPROM slot 1 is overwritten`,
      },
    ]);
    await run(driver.controls.eeprom?.write?.([{ slot: 1, bytes: old }], NEVER) ?? assert.fail());
    assert.deepEqual(driver.identity.calibration, held);
    await opened.close();
  });

  test("fewer coefficients than the device holds: the others become 0, the polynomial shorter", async () => {
    const opened = await openEmulated("Flame-S");
    await opened.run(
      write(opened, { wavelengthCoefficients: [200, 0.5], nonlinearityCoefficients: [1, 1e-7] }),
    );
    const { calibration } = opened.driver.identity;
    assert.deepEqual(calibration.wavelengthCoefficients, [200, 0.5, 0, 0]);
    assert.deepEqual(calibration.nonlinearityCoefficients, [1, 1e-7]);
    await opened.close();
  });

  test("what does not fit is refused before anything is written", async () => {
    const cases: readonly (readonly [ModelName, StoredCalibration, RegExp])[] = [
      ["Flame-S", { wavelengthCoefficients: [1] }, /number of wavelength coefficients: 1 is outside 2\.\.4/],
      [
        "Flame-S",
        { nonlinearityCoefficients: [] },
        /number of nonlinearity coefficients: 0 is outside 1\.\.8/,
      ],
      [
        "Flame-S",
        { strayLightConstant: -1.23456749e-111 },
        /EEPROM slot 5: .* does not fit into 14 characters/,
      ],
      [
        "STS",
        { wavelengthCoefficients: [1, 2, 3, 4, 5] },
        /number of wavelength coefficients: 5 is outside 1\.\.4/,
      ],
      [
        "STS",
        { strayLightConstant: 1e-60 },
        /stray light constant 0: 1e-60 does not fit into a 32-bit float/,
      ],
      [
        "Flame-S",
        { wavelengthCoefficients: [300, -0.3] },
        /wavelengths do not rise from pixel to pixel of 2048/,
      ],
      ["STS", { wavelengthCoefficients: [300] }, /wavelengths do not rise from pixel to pixel of 1024/],
      ["Flame-S", { strayLightConstant: 1.5 }, /stray light constant: 1\.5 is outside 0\.\.1/],
    ];
    for (const [model, wrong, message] of cases) {
      const opened = await openEmulated(model);
      const before = opened.driver.identity.calibration;
      await assert.rejects(opened.run(write(opened, { ...NEW, ...wrong })), (error) => {
        assert.ok(isVscopeError(error, "VALUE_OUT_OF_RANGE"), String(error));
        assert.match(error.message, message);
        return true;
      });
      assert.deepEqual(opened.warnings, []);
      assert.deepEqual(
        await opened.run(opened.driver.controls.calibration?.read(NEVER) ?? assert.fail()),
        before,
      );
      await opened.close();
    }
  });

  test("the second dialect of OBP tells its calibration and cannot be written", async () => {
    const { driver, close } = await openEmulated("SR4");
    assert.ok(!("write" in (driver.controls.calibration ?? assert.fail())));
    await close();
  });

  test("every number of usual size finds its way into 14 characters and back", async () => {
    const opened = await openEmulated("Flame-S");
    const number = fc
      .tuple(
        fc.double({ min: 1, max: 9.9999999, noNaN: true }),
        fc.integer({ min: -60, max: 60 }),
        fc.boolean(),
      )
      .map(([digits, power, isNegative]) => (isNegative ? -1 : 1) * digits * 10 ** power);
    await fc.assert(
      fc.asyncProperty(number, async (value) => {
        await opened.run(write(opened, { nonlinearityCoefficients: [1, value] }));
        const [, held = NaN] = opened.driver.identity.calibration.nonlinearityCoefficients;
        assert.ok(difference([held], [value]) <= 1e-7, `${value} became ${held}`);
      }),
      { numRuns: 60 },
    );
    await opened.close();
  });
});

// What is sent arrives as it was sent or not at all; what is read can be anything.
const KINDS: readonly (readonly [FaultKind, direction?: "read" | "write"])[] = [
  ["stall"],
  ["silence"],
  ["ignored", "write"],
  ["truncated", "read"],
  ["unplug"],
];

describe("a calibration is written while the N-th transfer fails", () => {
  for (const model of ["Flame-S", "STS"] as const) {
    for (const [kind, direction] of KINDS) {
      test(`${model}: ${kind}: every coefficient is the old or the new one`, async (context) => {
        for (let nth = 1; ; nth++) {
          const failed = await failOnce(model, {
            kind,
            nth,
            ...(direction === undefined ? {} : { direction }),
          });
          if (!failed) {
            context.diagnostic(`${nth - 1} transfers failed once each`);
            assert.ok(nth > 20);
            return;
          }
        }
      });
    }
  }
});

const OLD_OR_NEW =
  /^TEST00001: (EEPROM slot \d+|\w[a-z ]+ \d) has its (old|old or new) content; rewritten: (nothing before it|[\w ,]+); /;

/** False when there was no such transfer. */
async function failOnce(model: ModelName, fault: Fault): Promise<boolean> {
  const opened = await openEmulated(model);
  const { driver, faults, run } = opened;
  const old = driver.identity.calibration;
  faults.start(fault);
  const outcome = await run(write(opened, NEW)).then(
    () => undefined,
    (error: unknown) => error,
  );
  const fired = faults.fired.length > 0;
  faults.start();
  if (!fired) {
    assert.equal(outcome, undefined);
    await opened.close();
    return false;
  }
  const where = `${model} ${fault.kind} ${fault.nth}`;
  const isUnplugged = fault.kind === "unplug";
  if (isUnplugged) {
    assert.ok(isVscopeError(outcome, "DEVICE_NOT_CONNECTED"), `${where}: ${messageOf(outcome)}`);
    opened.bus.attach(opened.device);
  } else if (outcome !== undefined) {
    assert.ok(isVscopeError(outcome, "DEVICE_PROTOCOL", "DEVICE_TIMEOUT"), `${where}: ${messageOf(outcome)}`);
    // The number of coefficients is asked for first, and all are read again in the end.
    if (outcome.message.includes("content")) assert.match(outcome.message, OLD_OR_NEW, where);
    await run(driver.resynchronize(NEVER));
  }
  const known = driver.identity.calibration;
  await opened.close();
  const again = await opened.open();
  const held = again.identity.calibration;
  if (!isUnplugged)
    assert.deepEqual(known, held, `${where}: the server knows another calibration than the device holds`);
  for (const name of ["wavelengthCoefficients", "nonlinearityCoefficients"] as const) {
    for (const [index, value] of held[name].entries()) {
      const isEither = [old[name], NEW[name] ?? []].some(
        (list) => difference([value], [list[index] ?? 0]) <= 1e-7,
      );
      assert.ok(isEither, `${where}: ${name} ${index} is ${value}`);
    }
  }
  // Once more, without a fault.
  await run(again.controls.calibration?.write?.(NEW, NEVER) ?? assert.fail());
  assertCalibrated(again.identity.calibration, NEW);
  await run(again.close());
  return true;
}

test("an abort between two slots stops the writing; the log tells how far it came", async () => {
  const opened = await openEmulated("Flame-S");
  const { driver, clock, warnings, run } = opened;
  const abort = new AbortController();
  const reason = new Error("the client is gone");
  const writing = driver.controls.calibration?.write?.(NEW, abort.signal) ?? assert.fail();
  const outcome = assert.rejects(writing, reason);
  await clock.advance(500_000);
  abort.abort(reason);
  await run(outcome);
  assert.match(
    warnings.at(-1)?.message ?? "",
    /EEPROM slot 3 has its old or new content; rewritten: EEPROM slot 1, EEPROM slot 2$/,
  );
  await opened.close();
});

test("slots: all are read, any but the serial number is written and read back", async () => {
  const opened = await openEmulated("Flame-S");
  const { driver, run, device } = opened;
  const { eeprom } = driver.controls;
  const slots = await run(eeprom?.read(NEVER) ?? assert.fail());
  assert.equal(slots.length, device.model.eepromSlots);
  assert.equal(slotText(slots[0]?.bytes ?? assert.fail()), SERIAL);
  const bytes = Uint8Array.from({ length: 15 }, (_, index) => 17 * index);
  await run(eeprom?.write?.([{ slot: 19, bytes }], NEVER) ?? assert.fail());
  assert.deepEqual((await run(eeprom?.read(NEVER) ?? assert.fail()))[19]?.bytes, bytes);
  for (const slot of [0, -1, 30, Number.NaN]) {
    const refused = run(eeprom?.write?.([{ slot, bytes }], NEVER) ?? assert.fail());
    await assert.rejects(refused, (error) => isVscopeError(error, "VALUE_OUT_OF_RANGE"), String(slot));
  }
  await opened.close();
});

test("firmware that loses what comes while its EEPROM is busy is waited for", async () => {
  const opened = await openEmulated("Flame-S", { whileEepromIsBusy: "ignored" });
  await opened.run(write(opened, NEW));
  assertCalibrated(opened.driver.identity.calibration, NEW);
  await opened.close();
});

for (const model of ["Flame-S", "STS", "QE Pro"] as const) {
  test(`${model}: an irradiance calibration is written whole and read back`, async () => {
    const { driver, device, run, close, warnings } = await openEmulated(model);
    const { irradiance } = driver.controls;
    assert.deepEqual(await run(irradiance?.read(NEVER) ?? assert.fail()), []);
    const { pixels } = device.model.frame;
    const values = Array.from({ length: pixels }, (_, index) => Math.fround(1e-9 * (index + 1)));
    await run(irradiance?.write?.(values, NEVER) ?? assert.fail());
    assert.deepEqual(await run(irradiance?.read(NEVER) ?? assert.fail()), values);
    const blocks = device.model.protocol === "ooi" ? Math.ceil(pixels / 15) : 1;
    assert.equal(warnings.length, blocks);
    const refused = run(irradiance?.write?.(values.slice(1), NEVER) ?? assert.fail());
    await assert.rejects(refused, (error) => isVscopeError(error, "VALUE_OUT_OF_RANGE"));
    await close();
  });
}

test("the buffer tells its size and what waits in it, and is emptied", async () => {
  const { driver, run, close } = await openEmulated("QE Pro", { leftoverFrames: 3 });
  const { buffer } = driver.controls;
  const held = await run(buffer?.read(NEVER) ?? assert.fail());
  assert.deepEqual(held, { enabled: true, capacity: 1024, spectra: 0 }, "opening empties it");
  await run(buffer?.write?.({ ...held, spectra: 0 }, NEVER) ?? assert.fail());
  const refused = run(buffer?.write?.({ ...held, spectra: 1 }, NEVER) ?? assert.fail());
  await assert.rejects(refused, (error) => isVscopeError(error, "VALUE_OUT_OF_RANGE"));
  await close();
});

test("an irradiance calibration with a number that no 32-bit float holds is refused before anything is written", async () => {
  for (const model of ["HR4000", "STS"] as const) {
    const opened = await openEmulated(model);
    const values = Array.from({ length: opened.driver.identity.pixels }, () => 1);
    values[3] = 1e39;
    await assert.rejects(
      opened.run(opened.driver.controls.irradiance?.write?.(values, NEVER) ?? assert.fail()),
      {
        code: "VALUE_OUT_OF_RANGE",
        message: "TEST00001: irradiance calibration: value 3: 1e+39 does not fit into a 32-bit float",
      },
    );
    assert.deepEqual(opened.warnings, []);
    await opened.close();
  }
});
