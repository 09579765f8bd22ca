// The model table as code sees it. The numbers are compared in models-reference.test.ts.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { SpectrometerModel } from "../../../src/drivers/oceanoptics/model.ts";
import {
  findModel,
  hasTwin,
  MODELS,
  modelNamed,
  productName,
  twinOf,
} from "../../../src/drivers/oceanoptics/models.ts";

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
    assert.match(model.source, /^[PCDT](, [PCDT])*$/);
    assert.ok(model.remark === undefined || !model.remark.includes("|"));
    assert.ok(triggers.every(({ fpgaMajorFrom }, index) => (index === 0) === (fpgaMajorFrom === 0)));
  });
}

test("a model is found by vendor and product id", () => {
  assert.equal(findModel(0x2457, 0x1022)?.name, "USB4000");
  assert.equal(findModel(0x0999, 0x1002)?.name, "SR4");
  assert.equal(findModel(0x2457, 0x1002)?.name, "USB2000");
  assert.equal(findModel(0x2457, 0x9999), undefined);
});

test("a product that is not supported has a name all the same", () => {
  assert.equal(productName(0x2457, 0x1006), "SAS");
  assert.equal(productName(0x2457, 0x101e), "USB2000+");
  assert.equal(productName(0x2457, 0x9999), undefined);
  assert.equal(productName(0x0999, 0x1006), "HR6");
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
