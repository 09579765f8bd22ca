// The emulated devices asked as python-seabreeze asks real ones when it opens them, and with the reference's golden
// frames: they serve programs that have never heard of our driver.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { MODELS, type ModelName, modelNamed } from "../../src/drivers/oceanoptics/models.ts";
import { createEmulatedInstrument } from "../../src/emulator/instrument.ts";
import { transcriptFile } from "./golden.ts";
import { playHost } from "./host.ts";
import { OBP, OBP2 } from "./macros.ts";

const TRACES: Readonly<Record<string, readonly ModelName[]>> = {
  "register-status-saturation": ["USB2000+", "Flame-S"],
  "status-saturation": ["USB4000", "Torus", "Maya2000 Pro", "MayaLSL", "Apex"],
  status: ["HR4000", "HR2000+", "QE65000", "Maya2000"],
  saturation: ["NIRQuest512", "NIRQuest256", "Jaz"],
  legacy: ["USB2000", "HR2000", "USB650"],
  obp: ["STS", "Spark", "QE Pro", "HDX", "Ocean FX"],
  "obp-ventana": ["Ventana"],
  obp2: ["ST", "SR2", "SR4", "SR6", "HR2", "HR4", "HR6"],
};
/** The reference has no trace: only the vendor's library knows the one, python-seabreeze opens the other in its own way. */
const WITHOUT_TRACE: readonly ModelName[] = ["Flame-NIR", "ADC1000-USB"];

async function play(model: ModelName, name: string): Promise<readonly Uint8Array[]> {
  const clock = new VirtualClock();
  const spectrometers = [{ model, serial: "TEST00001" }];
  const { bus } = createEmulatedInstrument({ clock, log: SILENT, spectrometers });
  const [device] = await bus.list();
  assert.ok(device);
  assert.equal(device.vendorId, modelNamed(model).vendorId);
  assert.equal(device.productId, modelNamed(model).productId);
  const transport = await device.open(NEVER);
  // Byte 14 of the status: python-seabreeze raises if it is neither of these.
  const speed = (): string => (transport.speed === "high" ? "80" : "00");
  const macros = { ...(modelNamed(model).protocol === "obp2" ? OBP2 : OBP), speed };
  const answers = await clock.run(playHost({ transport, clock, macros, transcript: transcriptFile(name) }));
  await transport.close();
  return answers;
}

for (const [name, models] of Object.entries(TRACES)) {
  for (const model of models) {
    test(`${model} answers when python-seabreeze opens it`, async () => {
      const answers = await play(model, `seabreeze/${name}`);
      for (const answer of answers) (ANSWERS[answer[0] ?? 0] ?? nothing)(answer);
    });
  }
}

// What python-seabreeze makes of an answer, by its first byte.
const ANSWERS: Readonly<Record<number, (answer: Uint8Array) => void>> = {
  0x05: assertSlot,
  0xc1: assertCoefficients,
};

function nothing(): void {}

// Its text must end with a NUL, or python-seabreeze raises; that of slots 1 to 4 must be a number.
function assertSlot(answer: Uint8Array): void {
  const slot = answer[1] ?? 0;
  if (slot > 4) return;
  const end = answer.indexOf(0, 2);
  assert.ok(end > 2, `slot ${slot} has no NUL`);
  const text = Buffer.from(answer.subarray(2, end)).toString("ascii");
  if (slot > 0) assert.ok(Number.isFinite(Number(text)), `slot ${slot}: ${text}`);
}

function assertCoefficients(answer: Uint8Array): void {
  const view = Buffer.from(answer);
  const type = view.readUInt32LE(8);
  if (type === 0x0018_0101) assert.ok(Number.isFinite(view.readFloatLE(24)));
  if (type === 0x0000_1100) {
    const numbers = [0, 1, 2, 3, 4].map((index) => view.readFloatLE(44 + 4 * index));
    assert.ok(numbers.every(Number.isFinite), numbers.join(" "));
    assert.ok((numbers[2] ?? 0) > 0, "the second of the coefficients is nm a pixel");
  }
}

test("every model has a trace, or is known to have none", () => {
  const traced = [...Object.values(TRACES).flat(), ...WITHOUT_TRACE];
  assert.deepEqual(traced.toSorted(), MODELS.map(({ name }) => name).toSorted());
});

test("the register with the FPGA's version tells USB2000+ from Flame-S as python-seabreeze does", async () => {
  const [register] = await play("Flame-S", "seabreeze/register-status-saturation");
  assert.ok(register);
  const [echo = 0, low = 0, high = 0] = register;
  assert.ok([0x04, 0xfe].includes(echo), "python-seabreeze knows these echoes only");
  assert.ok(((high << 8) | low) >> 12 >= 3);
});

for (const [model, name] of [
  ["STS", "frames-sts"],
  ["QE Pro", "frames-qepro"],
  ["SR4", "frames-sr4"],
] as const) {
  test(`${model} answers the golden frames of the protocol reference`, async () => {
    assert.ok((await play(model, `seabreeze/${name}`)).length > 0);
  });
}
