import assert from "node:assert/strict";
import { test } from "node:test";
import { frameBytes } from "../../../src/drivers/oceanoptics/decode.ts";
import type { SpectrometerModel } from "../../../src/drivers/oceanoptics/model.ts";
import { findModel, hasTwin, MODELS, modelNamed, twinOf } from "../../../src/drivers/oceanoptics/models.ts";

// Written down a second time from the protocol reference: name, vendor:product, pixels, bytes on the wire,
// shortest and longest integration time in us, its unit, largest counts.
const FACTS = `
USB2000      2457:1002 2048 4097   3000  655350000 1000  4095
ADC1000-USB  2457:1004 2048 4097   5000   65535000 1000 65535
HR2000       2457:100a 2048 4097   3000  655350000 1000  4095
HR4000       2457:1012 3648 7681     10  655350000    1 16383
USB650       2457:1014 2048 4097   3000  655350000 1000  4095
HR2000+      2457:1016 2048 4097   1000  655350000    1 16383
QE65000      2457:1018 1044 2561   8000 1600000000 1000 65535
USB2000+     2457:101e 2048 4097   1000  655350000    1 65535
Flame-S      2457:101e 2048 4097   1000  655350000    1 65535
USB4000      2457:1022 3648 7681     10   65535000    1 65535
NIRQuest512  2457:1026  512 1025   1000 1600000000 1000 65535
NIRQuest256  2457:1028  256  513   1000 1600000000 1000 65535
Maya2000_Pro 2457:102a 2068 4609   7200   65000000    1 64000
Maya2000     2457:102c 2080 4609  15000 1600000000    1 65535
Torus        2457:1040 2048 4097   1000  655350000    1 65535
Apex         2457:1044 2068 4609   7200 1600000000    1 64000
MayaLSL      2457:1046 2068 4609   7200   65000000    1 64000
Flame-NIR    2457:104b  128  256   1000  655350000    1 65535
Jaz          2457:2000 2048 4096   1000  655350000    1 65535
Ocean_FX     2457:2001 2136 4272     10   10000000    1 65535
HDX          2457:2003 2068 4136   6000   10000000    1 65535
STS          2457:4000 1024 2048     10   85000000    1 16383
QE_Pro       2457:4004 1044 4208   8000 1600000000    1 262143
Spark        2457:4200 1024 2048     10   85000000    1 16383
Ventana      2457:5000 1024 2048  22000   60000000    1 65535
ST           0999:1000 1516 6096   1560    6000000   10 16383
SR2          0999:1001 2110 4252      1    2000000    1 65535
SR4          0999:1002 3648 7328   3800   10000000    1 65535
HR2          0999:1003 2110 4252      1    2000000    1 65535
HR4          0999:1004 3648 7328   3800   10000000    1 65535
SR6          0999:1005 2048 4128   7200    5000000    1 65535
HR6          0999:1006 2048 4128   7200    5000000    1 65535`;

test("the table has every model of the reference, with its numbers", () => {
  const rows = MODELS.map((model: SpectrometerModel) => {
    const id = [model.vendorId, model.productId].map((part) => part.toString(16).padStart(4, "0")).join(":");
    const { min, max, base } = model.integrationTimeUs;
    return [
      model.name.replace(" ", "_"),
      id,
      model.frame.pixels,
      frameBytes(model.frame),
      min,
      max,
      base,
      model.maxCounts,
    ];
  });
  const facts = FACTS.trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/));
  assert.deepEqual(
    rows.map((row) => row.map(String)),
    facts,
  );
});

for (const model of MODELS as readonly SpectrometerModel[]) {
  test(`${model.name}: the row does not contradict itself`, () => {
    const { frame, integrationTimeUs, darkPixelRanges, opticalPixelRange, triggers } = model;
    assert.ok(frame.pixels <= frame.wirePixels);
    assert.equal(integrationTimeUs.step % integrationTimeUs.base, 0);
    assert.ok(
      Math.floor(integrationTimeUs.max / integrationTimeUs.base) < 256 ** integrationTimeUs.wireBytes,
    );
    for (const [from, to] of [...darkPixelRanges, opticalPixelRange])
      assert.ok(from < to && to <= frame.pixels);
    assert.ok(model.readoutUs <= model.readoutMaxUs);
    assert.ok(triggers.every(({ modes }) => modes.normal === 0));
    assert.equal(model.protocol === "ooi", model.eepromSlots > 0);
    assert.equal(model.protocol === "ooi", model.exposure === "free-running");
    assert.match(model.source, /P|C|D/);
  });
}

test("a model is found by vendor and product id", () => {
  assert.equal(findModel(0x2457, 0x1022)?.name, "USB4000");
  assert.equal(findModel(0x0999, 0x1002)?.name, "SR4");
  assert.equal(findModel(0x2457, 0x1002)?.name, "USB2000");
  assert.equal(findModel(0x2457, 0x9999), undefined);
});

test("the FPGA version tells a Flame-S from a USB2000+", () => {
  const shared = modelNamed("USB2000+");
  assert.equal(twinOf(shared, 2).name, "USB2000+");
  assert.equal(twinOf(shared, 3).name, "Flame-S");
  assert.equal(twinOf(shared, 4).name, "Flame-S");
  assert.ok(hasTwin(shared));
  assert.equal(twinOf(modelNamed("USB4000"), 3).name, "USB4000");
  assert.ok(!hasTwin(modelNamed("USB4000")));
});

test("endpoints, corrections and quirks of the families", () => {
  assert.deepEqual(modelNamed("USB2000").endpoints, { out: 0x02, answer: 0x87, spectrum: 0x82 });
  assert.deepEqual(modelNamed("USB4000").endpoints.spectrumFirst, { endpoint: 0x86, bytes: 2048 });
  assert.deepEqual(modelNamed("Ventana").endpoints, { out: 0x01, answer: 0x82, spectrum: 0x82 });
  const xors = MODELS.filter(({ frame }) => frame.xor !== 0).map(({ name, frame }) => [name, frame.xor]);
  assert.deepEqual(xors, [
    ["HR4000", 0x2000],
    ["HR2000+", 0x2000],
    ["QE65000", 0x8000],
    ["NIRQuest512", 0x8000],
    ["NIRQuest256", 0x8000],
  ]);
  assert.deepEqual(
    MODELS.filter(({ frame }) => frame.wavelengthOffset !== 0).map(({ name }) => name),
    ["QE65000"],
  );
  assert.deepEqual(
    MODELS.filter((model: SpectrometerModel) => model.saturation !== undefined)
      .map(({ name }) => name)
      .join(" "),
    "USB2000+ Flame-S USB4000 NIRQuest512 NIRQuest256 Maya2000 Pro Torus Apex MayaLSL Flame-NIR Jaz",
  );
});
