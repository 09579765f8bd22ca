// The thermoelectric cooler of QE65000 and NIRQuest. It tells its temperature only, so settings are remembered here.

import { definedOnly } from "../../base/defined-only.ts";
import { isVscopeError, messageOf } from "../../base/errors.ts";
import type { TecDriver, TecReading } from "./driver.ts";
import { slotTecDefaults } from "./eeprom.ts";
import type { Ooi } from "./ooi.ts";
import { TecStability } from "./tec-stability.ts";

// Set point of a device whose EEPROM has none; the QE65000's factory value.
const FACTORY_SETPOINT_C = -15;

class OoiTec implements TecDriver {
  readonly #ooi: Ooi;
  readonly #stability = new TecStability();
  #enabled: boolean;
  #setpointC: number;

  constructor(ooi: Ooi, enabled: boolean, setpointC: number) {
    this.#ooi = ooi;
    this.#enabled = enabled;
    this.#setpointC = setpointC;
  }

  async setEnabled(enabled: boolean, signal: AbortSignal): Promise<void> {
    await this.#ooi.setTecEnabled(enabled, signal);
    this.#enabled = enabled;
    this.#stability.restart();
  }

  async setSetpointC(celsius: number, signal: AbortSignal): Promise<void> {
    await this.#ooi.setTecSetpointC(celsius, signal);
    this.#setpointC = celsius;
    this.#stability.restart();
  }

  async read(signal: AbortSignal): Promise<TecReading> {
    const temperatureC = await this.#ooi.readTecTemperatureC(signal);
    const reading = { temperatureC, setpointC: this.#setpointC, enabled: this.#enabled };
    const stable = this.#stability.note(reading, this.#ooi.link.clock.nowUs());
    return { ...reading, ...definedOnly({ stable }) };
  }
}

/** The cooler with the defaults of the EEPROM's binary slot applied, where they are programmed. */
export async function openOoiTec(
  ooi: Ooi,
  binary: Uint8Array | undefined,
  signal: AbortSignal,
): Promise<TecDriver> {
  const defaults = binary === undefined ? undefined : slotTecDefaults(binary);
  const tec = new OoiTec(ooi, false, defaults?.setpointC ?? FACTORY_SETPOINT_C);
  if (defaults === undefined) {
    ooi.link.log.warn({}, `${ooi.link.subject}: no cooler settings in the EEPROM, the cooler stays as it is`);
    return tec;
  }
  try {
    await tec.setSetpointC(defaults.setpointC, signal);
    await tec.setEnabled(defaults.enabled, signal);
  } catch (error) {
    if (!isVscopeError(error, "DEVICE_PROTOCOL", "DEVICE_TIMEOUT")) throw error;
    ooi.link.log.warn(
      { reason: messageOf(error) },
      `${ooi.link.subject}: the cooler's settings were not applied`,
    );
  }
  return tec;
}
