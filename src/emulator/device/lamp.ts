// The lamp on a device's Lamp Enable line, and the strobe: what they add to an exposure. A filament, so that its
// spectrum is smooth and known; it lights the fibre whatever the scene's shutters do.

import type { SettingsSpan } from "./settings.ts";

/** A flash is worth this much of the lamp. */
export const FLASH_US = 1000;
const FILAMENT_K = 3000;
/** Second radiation constant, nm K (CODATA). */
const C2_NM_K = 1.438777e7;

/** Shape of the lamp's light: Planck's law, arbitrary unit. */
export function filament(nm: number): number {
  return nm ** -5 / Math.expm1(C2_NM_K / (nm * FILAMENT_K));
}

/** Microseconds of the lamp's light within a span: the lamp itself, flashes and the pulse of the single strobe. */
export function lampUs({ fromUs, toUs, sinceUs, values }: SettingsSpan, exposureStartUs: number): number {
  if (!values.isShutterOpen) return 0;
  const pulseFromUs = exposureStartUs + values.singleStrobeDelayUs;
  const pulseToUs = pulseFromUs + (values.isSingleStrobeOn ? values.singleStrobeWidthUs : 0);
  return (
    (values.isLampOn ? toUs - fromUs : 0) +
    FLASH_US * flashes(values.isStrobing ? values.strobePeriodUs : 0, fromUs - sinceUs, toUs - sinceUs) +
    Math.max(Math.min(pulseToUs, toUs) - Math.max(pulseFromUs, fromUs), 0)
  );
}

/** Multiples of the period in [from, to): the first flash comes when the strobe is switched on. */
function flashes(periodUs: number, fromUs: number, toUs: number): number {
  if (periodUs === 0) return 0;
  return Math.ceil(toUs / periodUs) - Math.ceil(fromUs / periodUs);
}
