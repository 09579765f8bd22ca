// The noise of the spectrometers of a run, found from its own spectra.

import { grouped } from "../base/grouped.ts";
import { DarkShelf, type DarkWay } from "../spectra/processing/dark-choice.ts";
import { type NoiseModel, type NoisePair, noiseOf } from "../spectra/processing/noise.ts";
import type { Indexed, InputRun } from "./input-run.ts";
import { exposedOf, filesOf, type LightJob } from "./light-job.ts";

export interface RunNoise {
  readonly model: NoiseModel;
  /** That it was found from. */
  readonly files: readonly string[];
}

/** More would not make it more certain than a percent. */
const MOST_PAIRS = 32;

/** By serial; a spectrometer with too few spectra is not among them. */
export async function noiseOfRun(run: InputRun, way: DarkWay): Promise<ReadonlyMap<string, RunNoise>> {
  const found = new Map<string, RunNoise>();
  for (const [serial, spectra] of grouped(run.spectra, (one) => one.serial)) {
    const pairs: NoisePair[] = [];
    const files = new Set<string>();
    for (const [first, second] of [...lightPairs(spectra, way), ...darkPairs(spectra)]) {
      pairs.push([await pairPart(run, first), await pairPart(run, second)]);
      for (const file of [...filesOf(first), ...filesOf(second)]) files.add(file);
    }
    const model = noiseOf(pairs);
    if (model !== undefined) found.set(serial, { model, files: [...files] });
  }
  return found;
}

async function pairPart(run: InputRun, job: LightJob): Promise<NoisePair[number]> {
  if (job.light.kind === "light") return exposedOf(run, job);
  const dark = await run.spectrum(job.light);
  return { light: dark, dark };
}

type JobPair = readonly [LightJob, LightJob];

function lightPairs(spectra: readonly Indexed[], way: DarkWay): readonly JobPair[] {
  const darks = new DarkShelf(spectra.filter(({ kind }) => kind === "dark"));
  return neighbours(spectra, "light").flatMap((pair): JobPair[] => {
    const [first, second] = pair.map((light): LightJob | undefined => {
      const choice = darks.choose(light, way);
      return choice.applied ? { light, darks: choice.darks, how: choice.how } : undefined;
    });
    return first === undefined || second === undefined ? [] : [[first, second]];
  });
}

function darkPairs(spectra: readonly Indexed[]): readonly JobPair[] {
  return neighbours(spectra, "dark").map(([first, second]) => [bare(first), bare(second)]);
}

function bare(light: Indexed): LightJob {
  return { light, darks: [], how: "none" };
}

/**
 * Spectra with the same settings one after the other, spread evenly over the run; none is in two pairs. One that is alone is
 * with itself: its scans can tell.
 */
function neighbours(
  spectra: readonly Indexed[],
  kind: Indexed["kind"],
): readonly (readonly [Indexed, Indexed])[] {
  const alike = grouped(
    spectra.filter((one) => one.kind === kind),
    ({ channel, exposureAnyWarmth, pixels }) => JSON.stringify([channel, exposureAnyWarmth, pixels]),
  );
  const pairs = [...alike.values()].flatMap((group) =>
    group.flatMap((first, index): (readonly [Indexed, Indexed])[] => {
      const second = group.length === 1 ? first : group[index + 1];
      return index % 2 === 1 || second === undefined ? [] : [[first, second]];
    }),
  );
  const every = Math.ceil(pairs.length / MOST_PAIRS);
  return pairs.filter((_, index) => index % every === 0);
}
