// One spectrum out of one or several exposures that follow each other at once.

import type { Exposure, RawFrame, SpectrometerDriver } from "../drivers/oceanoptics/driver.ts";
import { ScanAverage } from "../spectra/scan-statistics.ts";
import type { ScanStatistics } from "../spectra/spectrum.ts";

/** Limits of the number of scans that the host averages. */
export const SCANS = { min: 1, max: 10_000 } as const;

/** A frame, or the mean of several: its window is that of all of them. */
export interface ScannedFrame extends Omit<RawFrame, "counts"> {
  readonly counts: Uint32Array | Float64Array;
  readonly statistics?: ScanStatistics;
}

/** Throws what the driver throws; a scan that fails fails them all. */
export async function acquireScans(
  driver: Pick<SpectrometerDriver, "acquire">,
  exposure: Exposure,
  scans: number,
  signal: AbortSignal,
): Promise<ScannedFrame> {
  const first = await driver.acquire({ ...exposure, another: scans > 1 }, signal);
  if (scans === 1) return first;
  const average = new ScanAverage(first.counts.length);
  average.add(first.counts);
  let last = first;
  let { discardedFrames } = first;
  for (let scan = 2; scan <= scans; scan++) {
    last = await driver.acquire({ ...exposure, another: scan < scans }, signal);
    average.add(last.counts);
    discardedFrames += last.discardedFrames;
  }
  const { exposureEndUs } = last;
  return { ...first, exposureEndUs, discardedFrames, counts: average.mean, statistics: average.statistics };
}
