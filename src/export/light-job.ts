// A light of a run with the darks that were chosen for it: by their facts, then with their counts.

import type { Weighted } from "../spectra/around.ts";
import type { PicoSpectrum } from "../spectra/pico.ts";
import { type DarkChoice, darkened, type Darkened } from "../spectra/processing/dark-choice.ts";
import type { Indexed, InputRun } from "./input-run.ts";

export interface LightJob {
  readonly light: Indexed;
  /** None at the level of counts. */
  readonly darks: readonly Weighted<Indexed>[];
  readonly how: DarkChoice<Indexed>["how"] | "none";
}

export async function exposedOf(run: InputRun, { light, darks }: LightJob): Promise<Darkened> {
  const weighed: Weighted<PicoSpectrum>[] = [];
  for (const { item, weight } of darks) weighed.push({ item: await run.spectrum(item), weight });
  return darkened(await run.spectrum(light), weighed);
}

export function filesOf({ light, darks }: LightJob): readonly string[] {
  return [light.file, ...darks.map(({ item }) => item.file)];
}
