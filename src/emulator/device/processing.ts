// What the firmware of an OBP device makes of a frame: the mean of several scans, a moving mean, binning.

import type { Detector } from "./detector.ts";
import type { Exposed } from "./exposures.ts";
import type { DeviceSettings } from "./settings.ts";

/** Counts of an exposure: the mean of its scans, rounded. */
export function read(detector: Detector, exposed: Exposed): Uint32Array {
  const { scans = [] } = exposed;
  if (scans.length <= 1) return detector.expose(exposed);
  const frames = scans.map((scan) => detector.expose(scan));
  const sum = new Float64Array(detector.model.frame.pixels);
  for (const frame of frames) frame.forEach((counts, pixel) => (sum[pixel] = (sum[pixel] ?? 0) + counts));
  return Uint32Array.from(sum, (total) => Math.round(total / frames.length));
}

/** Binning first, so that the half width of the moving mean counts pixels of the frame that the host gets. */
export function processed(
  counts: Uint32Array,
  { binning, boxcarHalfWidth }: Pick<DeviceSettings, "binning" | "boxcarHalfWidth">,
): Uint32Array {
  return smoothed(binned(counts, binning), boxcarHalfWidth);
}

/** Means of 2^factor neighbours. */
function binned(counts: Uint32Array, factor: number): Uint32Array {
  const width = 2 ** factor;
  return Uint32Array.from({ length: Math.floor(counts.length / width) }, (_, index) =>
    mean(counts, index * width, (index + 1) * width),
  );
}

/** Means over a pixel and `halfWidth` neighbours on either side; fewer at the ends. */
function smoothed(counts: Uint32Array, halfWidth: number): Uint32Array {
  if (halfWidth === 0) return counts;
  return counts.map((_, pixel) =>
    mean(counts, Math.max(pixel - halfWidth, 0), Math.min(pixel + halfWidth + 1, counts.length)),
  );
}

function mean(counts: Uint32Array, from: number, to: number): number {
  let sum = 0;
  for (let index = from; index < to; index++) sum += counts[index] ?? 0;
  return Math.round(sum / (to - from));
}
