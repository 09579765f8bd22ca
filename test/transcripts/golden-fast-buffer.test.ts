// The fast buffer of an Ocean FX against a conversation written from the protocol reference by hand.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { MS } from "../../src/base/clock.ts";
import { SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import type { RawFrame } from "../../src/drivers/oceanoptics/driver.ts";
import { FastBuffer } from "../../src/drivers/oceanoptics/fast-buffer.ts";
import { Link } from "../../src/drivers/oceanoptics/link.ts";
import { modelNamed } from "../../src/drivers/oceanoptics/models.ts";
import { Obp } from "../../src/drivers/oceanoptics/obp.ts";
import { frameMacros, transcriptFile } from "./golden.ts";
import { OBP } from "./macros.ts";
import { ReplayTransport } from "./replay-transport.ts";

const MARKS = [
  [0, 0x0000, 0],
  [1, 0xffff, 65_535],
  [2135, 0x0102, 258],
] as const;
const PIXELS = frameMacros({ wirePixels: 2136, bytes: 2, marks: MARKS }, "linear");

// Table 3.5: version 1, 64 bytes of metadata, 4272 of pixels, counter, 100 000 us, format 1, number, last number, last us.
function scan(number = "", counterUs = ""): string {
  const metadata = ["0100", "4000", "B0100000", counterUs, "A0860100", "01000000", number, number, counterUs];
  return `${metadata.join("")}0100${"00".repeat(22)}${PIXELS["frame"]?.() ?? ""}DEADBEEF`;
}

test("three scans in two rounds, byte for byte", async () => {
  const clock = new VirtualClock();
  const transport = new ReplayTransport(transcriptFile("golden/fast-buffer"), {
    clock,
    macros: { ...OBP, ...PIXELS, scan },
  });
  await transport.device.open(NEVER);
  const link = new Link({ transport, clock, log: SILENT, subject: "FX00123" });
  const buffer = new FastBuffer(new Obp(link, modelNamed("Ocean FX")));
  const frames: RawFrame[] = [];
  const beganUs = clock.nowUs();
  const take = (frame: RawFrame): void => void frames.push(frame);
  const scans = { integrationTimeUs: 100 * MS, count: 3 };
  assert.equal(await clock.run(buffer.acquire(scans, take, NEVER)), true);
  assert.deepEqual(
    frames.map(({ exposureStartUs, exposureEndUs }) => [exposureStartUs - beganUs, exposureEndUs - beganUs]),
    [
      [0, 100_000],
      [100_648, 200_648],
      // The counter would have it end later than it came.
      [212_000, 312_000],
    ],
  );
  for (const { counts } of frames) {
    assert.equal(counts.length, 2136);
    for (const [pixel, , expected] of MARKS) assert.equal(counts[pixel], expected, `pixel ${pixel}`);
  }
  transport.finish();
  assert.equal(clock.pending, 0);
});
