// The shutter as an exposure sees it.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Aperture } from "../../../src/emulator/light/aperture.ts";

test("a closed aperture passes nothing, an open one everything", () => {
  assert.equal(new Aperture(false).openUs(0, 1000), 0);
  assert.equal(new Aperture(true).openUs(250, 1000), 750);
});

test("an opening blade passes half the light while it travels", () => {
  const aperture = new Aperture(false);
  aperture.move(true, 1000, 400);
  assert.equal(aperture.opennessAt(999), 0);
  assert.equal(aperture.opennessAt(1100), 0.25);
  assert.equal(aperture.opennessAt(1400), 1);
  assert.equal(aperture.openUs(0, 1000), 0);
  assert.equal(aperture.openUs(0, 1400), 200);
  assert.equal(aperture.openUs(1000, 2000), 200 + 600);
  assert.equal(aperture.openUs(1500, 2000), 500);
});

test("a blade that turns around starts from where it is", () => {
  const aperture = new Aperture(false);
  aperture.move(true, 0, 100);
  aperture.move(false, 50, 100);
  assert.equal(aperture.opennessAt(50), 0.5);
  assert.equal(aperture.opennessAt(75), 0.25);
  assert.equal(aperture.opennessAt(100), 0);
  assert.equal(aperture.openUs(0, 1000), 25);
});

test("a move that changes nothing changes nothing", () => {
  const aperture = new Aperture(true);
  aperture.move(true, 10, 100);
  assert.equal(aperture.openUs(0, 1000), 1000);
});

test("light adds up: any cut of an interval gives the same sum, whatever moves there were", () => {
  const moves = fc.array(fc.record({ gapUs: fc.nat(5000), isOpen: fc.boolean(), travelUs: fc.nat(3000) }), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(moves, fc.nat(20_000), fc.nat(20_000), fc.nat(20_000), (list, a, b, c) => {
      const aperture = new Aperture(false);
      let atUs = 0;
      for (const { gapUs, isOpen, travelUs } of list) {
        atUs += gapUs;
        aperture.move(isOpen, atUs, travelUs);
      }
      const [from = 0, cut = 0, to = 0] = [a, b, c].sort((x, y) => x - y);
      const whole = aperture.openUs(from, to);
      assert.ok(Math.abs(whole - aperture.openUs(from, cut) - aperture.openUs(cut, to)) < 1e-6);
      assert.ok(whole >= 0 && whole <= to - from + 1e-6);
    }),
  );
});
