// Two spectrometers and two shutters: the kernel's traces prove that each exposure lies within the time that its
// shutter was open, and that both spectrometers expose together; by every way to reach a GPIO line.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { VscopeClient } from "../../src/client/vscope-client.ts";
import { modelNamed } from "../../src/drivers/oceanoptics/models.ts";
import { Rig } from "./rig/rig.ts";
import { endTraces, type LineSet, startTraces, type Witness } from "./rig/traces.ts";

const INTEGRATION_TIME_US = 400_000;
const SEQUENCES = 3;
// Long enough that a shutter moved at a wrong time cannot hide in the guest's slowness.
const SPECTROMETERS = [
  { model: "Flame-S", serial: "FLMS01859" },
  { model: "QE Pro", serial: "QEP00709" },
] as const;
const CHANNELS = [
  { channel: "downwelling", openPin: 18, closePin: 17 },
  { channel: "upwelling", openPin: 22, closePin: 27 },
] as const;
const FOLDER = "/var/lib/vscope";
const INSTRUMENT = `[channels]
  [[shutter_1]]
    direction = downwelling
  [[shutter_2]]
    direction = upwelling
`;

let rig: Rig;
before(async () => {
  rig = await Rig.boot("recording", { spectrometers: SPECTROMETERS });
});
after(() => rig.end());

const BANKS = [
  { name: "the character device", gpio: "chardev", base: 0 },
  { name: "onoff on a chip that begins at 0", gpio: "onoff", base: 0 },
  { name: "onoff on a chip that begins at 512", gpio: "onoff", base: 512 },
] as const;

for (const { name, gpio, base } of BANKS) {
  test(`every exposure lies within the opening of its shutter: ${name}`, async (context) => {
    await rig.insertGpioMockup(base);
    const witness = await recorded(gpio);
    await rig.removeGpioMockup();
    for (const { channel, openPin, closePin } of CHANNELS) {
      const openings = openingsOf(witness.lines, base + openPin, base + closePin);
      assert.equal(openings.length, SEQUENCES, channel);
      const together = openings.map((opening) => {
        const exposures = SPECTROMETERS.map(({ model }) => {
          const { startUs, endUs } = exposureIn(witness, model, opening);
          const margins = `${model} ${channel}: begins ${startUs - opening.openUs} us after the shutter opened, ends ${opening.closeUs - endUs} us before it closes`;
          context.diagnostic(margins);
          assert.ok(startUs > opening.openUs && endUs < opening.closeUs, margins);
          return { startUs, endUs };
        });
        const latestStart = Math.max(...exposures.map(({ startUs }) => startUs));
        return (Math.min(...exposures.map(({ endUs }) => endUs)) - latestStart) / INTEGRATION_TIME_US;
      });
      // A frame that this busy host noticed too late to be sure of is exposed again, on its own: so the best counts.
      const shares = together.map((share) => `${(100 * share).toFixed(0)} %`).join(", ");
      context.diagnostic(`${channel}: both expose together for ${shares} of the exposure`);
      // Never, when one begins after the other has ended; how much of it, a busy host decides.
      assert.ok(Math.max(...together) > 0.1, shares);
    }
  });
}

/** The kernel's traces of one batch. */
async function recorded(gpio: string): Promise<Witness> {
  const config = `[datadir]\ndatadir = ${FOLDER}\n[hardware]\ngpio = ${gpio}\ngpio_chip = gpio-mockup-A\n`;
  const server = await rig.serve({ config, instrument: { folder: FOLDER, text: INSTRUMENT } });
  await setIntegrationTimes(server.client);
  await startTraces(rig.machine);
  const operation = await server.client.record({ run: gpio, sequences: SEQUENCES });
  const status = await operation.result(AbortSignal.timeout(120_000));
  const witness = await endTraces(rig.machine);
  assert.equal(status.state, "done", JSON.stringify(status));
  await server.stop();
  return witness;
}

async function setIntegrationTimes(client: VscopeClient): Promise<void> {
  for (const { serial } of SPECTROMETERS) {
    for (const { channel } of CHANNELS) {
      await client.put(["spectrometers", serial, "integration-time", channel], INTEGRATION_TIME_US);
    }
  }
}

interface Opening {
  readonly openUs: number;
  readonly closeUs: number;
}

/** Each from the end of a pulse on the open line to the next pulse on the close line. */
function openingsOf(lines: readonly LineSet[], openLine: number, closeLine: number): Opening[] {
  const levels = (line: number, level: number): number[] =>
    lines.filter((one) => one.line === line && one.level === level).map(({ atUs }) => atUs);
  const falls = levels(openLine, 0);
  const closes = levels(closeLine, 1);
  return levels(openLine, 1).map((rise) => {
    const openUs = falls.find((atUs) => atUs > rise) ?? assert.fail("the pulse does not end");
    const closeUs = closes.find((atUs) => atUs > rise) ?? assert.fail("it stays open");
    assert.ok(openUs < closeUs, "the shutter closes before it is open");
    return { openUs, closeUs };
  });
}

/**
 * The exposure of the last spectrum that a device delivered while the shutter was open. It cannot have begun later
 * than its integration time before the spectrum arrived, nor earlier than the read-out before that.
 */
function exposureIn(
  { transfers }: Witness,
  model: (typeof SPECTROMETERS)[number]["model"],
  opening: Opening,
) {
  const { readoutMaxUs } = modelNamed(model);
  const spectra = transfers.filter(
    ({ product, endpoint, bytes, atUs }) =>
      product === model &&
      endpoint >= 0x80 &&
      bytes > 2000 &&
      atUs > opening.openUs &&
      atUs < opening.closeUs,
  );
  const endUs = spectra.at(-1)?.atUs ?? assert.fail(`${model}: no spectrum while the shutter was open`);
  return { startUs: endUs - readoutMaxUs - INTEGRATION_TIME_US, endUs };
}
