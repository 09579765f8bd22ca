// Registers of the FPGA in OOI devices: strobes, delays, pins, version. Numbers and units: vendor's data sheets of
// USB2000+, HR4000 and Flame; the two generations of the FPGA count the strobe's period in different ways.

import { MS } from "../../base/clock.ts";
import { requireWithin } from "../../base/errors.ts";
import type { ContinuousStrobe, Control, Gpio } from "./controls.ts";
import type { Ooi } from "./ooi.ts";

const REGISTER = {
  version: 0x04,
  strobeDivisor: 0x08,
  strobeCount: 0x0c,
  acquisitionDelay: 0x28,
  gpioOutputs: 0x50,
  gpioLevels: 0x54,
} as const;
const WORD = 65_536;
/** Counts of the 48 MHz clock in a microsecond. */
const CLOCKS_PER_US = 48;
const MAX_DELAY_US = Math.floor((WORD - 1) / CLOCKS_PER_US);
/** From this version on the period is one number of 32 bits. */
const NEW_FPGA = 3;

/** Major, minor and patch number of the FPGA, as a text and as the major number alone. */
export async function readFpgaVersion(
  ooi: Ooi,
  signal: AbortSignal,
): Promise<{ readonly major: number; readonly text: string }> {
  const version = await ooi.readRegister(REGISTER.version, signal);
  const minor = String((version >> 4) & 0xff).padStart(2, "0");
  return { major: version >> 12, text: `FPGA ${version >> 12}.${minor}.${version & 0xf}` };
}

/** Lamp and strobe share the Lamp Enable line, so enabling the one enables the other. */
export function continuousStrobe(ooi: Ooi, lamp: Control<boolean>): Control<ContinuousStrobe> {
  return {
    async read(signal) {
      const divisor = await ooi.readRegister(REGISTER.strobeDivisor, signal);
      const count = await ooi.readRegister(REGISTER.strobeCount, signal);
      const { major } = await readFpgaVersion(ooi, signal);
      const clocks = major >= NEW_FPGA ? divisor * WORD + count : divisor * (count + 1);
      return { enabled: await lamp.read(signal), periodUs: Math.round(clocks / CLOCKS_PER_US) };
    },
    async write({ enabled, periodUs }, signal) {
      const { major } = await readFpgaVersion(ooi, signal);
      const [divisor, count] = major >= NEW_FPGA ? newPeriod(ooi, periodUs) : oldPeriod(ooi, periodUs);
      await ooi.writeRegister(REGISTER.strobeDivisor, divisor, signal);
      await ooi.writeRegister(REGISTER.strobeCount, count, signal);
      await lamp.write?.(enabled, signal);
    },
  };
}

function newPeriod({ link }: Ooi, periodUs: number): [number, number] {
  const max = Math.floor((WORD * WORD - 1) / CLOCKS_PER_US);
  requireWithin(`${link.subject}: strobe period`, periodUs, { min: 1, max, unit: "us" });
  const clocks = Math.round(periodUs * CLOCKS_PER_US);
  return [Math.floor(clocks / WORD), clocks % WORD];
}

// A timer of 1 us, or of 1 ms for periods that need more than 16 bits.
function oldPeriod({ link }: Ooi, periodUs: number): [number, number] {
  requireWithin(`${link.subject}: strobe period`, periodUs, { min: 1, max: WORD * MS, unit: "us" });
  if (periodUs <= WORD) return [CLOCKS_PER_US, Math.round(periodUs) - 1];
  return [CLOCKS_PER_US * MS, Math.round(periodUs / MS) - 1];
}

/** From the trigger to the exposure, up to 1365 us. */
export function acquisitionDelay(ooi: Ooi): Control<number> {
  return {
    read: async (signal) => (await ooi.readRegister(REGISTER.acquisitionDelay, signal)) / CLOCKS_PER_US,
    async write(us, signal) {
      const limits = { min: 0, max: MAX_DELAY_US, unit: "us" };
      requireWithin(`${ooi.link.subject}: acquisition delay`, us, limits);
      await ooi.writeRegister(REGISTER.acquisitionDelay, Math.round(us * CLOCKS_PER_US), signal);
    },
  };
}

export function gpio(ooi: Ooi): Control<Gpio> {
  return {
    async read(signal) {
      const outputs = await ooi.readRegister(REGISTER.gpioOutputs, signal);
      return { outputs, levels: await ooi.readRegister(REGISTER.gpioLevels, signal) };
    },
    // Levels first: a pin that becomes an output begins with the level wanted.
    async write({ outputs, levels }, signal) {
      for (const mask of [outputs, levels])
        requireWithin(`${ooi.link.subject}: pins`, mask, { min: 0, max: WORD - 1 });
      await ooi.writeRegister(REGISTER.gpioLevels, levels, signal);
      await ooi.writeRegister(REGISTER.gpioOutputs, outputs, signal);
    },
  };
}
