// The thermoelectric cooler of QE Pro and, where fitted, Ventana.

import { definedOnly } from "../../base/defined-only.ts";
import type { TecDriver, TecReading } from "./driver.ts";
import type { Obp } from "./obp.ts";
import { f32, OBP1, readF32, u8 } from "./obp-messages.ts";
import { TecStability } from "./tec-stability.ts";

export class ObpTec implements TecDriver {
  readonly #obp: Obp;
  // For devices that refuse the question.
  readonly #stability = new TecStability();

  constructor(obp: Obp) {
    this.#obp = obp;
  }

  setEnabled(enabled: boolean, signal: AbortSignal): Promise<void> {
    this.#stability.restart();
    return this.#obp.command({ type: OBP1.setTecEnabled, data: u8(enabled ? 1 : 0) }, signal);
  }

  setSetpointC(celsius: number, signal: AbortSignal): Promise<void> {
    this.#stability.restart();
    return this.#obp.command({ type: OBP1.setTecSetpoint, data: f32(celsius) }, signal);
  }

  async read(signal: AbortSignal): Promise<TecReading> {
    const temperatureC = await this.readTemperatureC(signal);
    const setpointC = await this.#readF32(OBP1.tecSetpoint, "set point", signal);
    const [enabled = 0] = await this.#obp.query({ type: OBP1.tecEnabled }, signal);
    const reading = { temperatureC, setpointC, enabled: enabled !== 0 };
    const seen = this.#stability.note(reading, this.#obp.link.clock.nowUs());
    const told = (await this.#obp.queryIfPresent({ type: OBP1.tecStable }, signal))?.[0];
    return { ...reading, ...definedOnly({ stable: told === undefined ? seen : told !== 0 }) };
  }

  readTemperatureC(signal: AbortSignal): Promise<number> {
    return this.#readF32(OBP1.tecTemperature, "detector temperature", signal);
  }

  async #readF32(type: number, what: string, signal: AbortSignal): Promise<number> {
    const value = readF32(await this.#obp.query({ type }, signal));
    if (value === undefined) throw this.#obp.link.protocolError(`${what} is not a number`);
    return value;
  }
}
