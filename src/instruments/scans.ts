// One spectrum out of one or several exposures that follow each other at once.

import { VscopeError } from "../base/errors.ts";
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
  driver: Pick<SpectrometerDriver, "acquire" | "acquireMany">,
  exposure: Exposure,
  scans: number,
  signal: AbortSignal,
): Promise<ScannedFrame> {
  if (scans === 1) return driver.acquire({ ...exposure, another: false }, signal);
  const mean = new MeanFrame();
  const take = (frame: RawFrame): void => mean.add(frame);
  if ((await driver.acquireMany?.(exposure, scans, take, signal)) === true) return mean.value;
  for (let scan = 1; scan <= scans; scan++)
    take(await driver.acquire({ ...exposure, another: scan < scans }, signal));
  return mean.value;
}

/** The mean of frames as they come. */
class MeanFrame {
  #sum: { readonly average: ScanAverage; readonly frame: RawFrame } | undefined;

  add(frame: RawFrame): void {
    const { average, frame: first } = this.#sum ?? {
      average: new ScanAverage(frame.counts.length),
      frame: { ...frame, discardedFrames: 0 },
    };
    average.add(frame.counts);
    const discardedFrames = first.discardedFrames + frame.discardedFrames;
    this.#sum = { average, frame: { ...first, exposureEndUs: frame.exposureEndUs, discardedFrames } };
  }

  get value(): ScannedFrame {
    if (this.#sum === undefined) throw new VscopeError("INTERNAL", "a mean of no scans");
    const { average, frame } = this.#sum;
    return { ...frame, counts: average.mean, statistics: average.statistics };
  }
}
