// Finds the dark spectra of light ones: same spectrometer, channel and integration time, nearest in the run.

import { VscopeError } from "../../base/errors.ts";
import { parseSpectraFileName, type SpectraFileName } from "../../datadir/spectra-file-name.ts";
import type { PicoSpectrum } from "../../spectra/pico.ts";
import { short } from "../../spectra/plot-series.ts";
import type { Exposed } from "../../spectra/signal-rate.ts";
import type { SpectraFolder } from "./spectra-source.ts";

// A dark from far away was made at another detector temperature; looking further would only hide that.
const MOST_FILES = 20;

/** The lights of a file with their darks. Throws RESOURCE_NOT_FOUND for a light without one. */
export async function withDarks(
  folder: SpectraFolder,
  file: string,
  lights: readonly PicoSpectrum[],
): Promise<readonly Exposed[]> {
  const found = new Map<PicoSpectrum, PicoSpectrum>();
  for (const name of nearestDarks(await folder.names(), file).slice(0, MOST_FILES)) {
    if (found.size === lights.length) break;
    const { spectra } = await folder.read(name);
    for (const light of lights) {
      const dark = spectra.find((spectrum) => belongsTo(spectrum, light));
      if (dark !== undefined && !found.has(light)) found.set(light, dark);
    }
  }
  return lights.map((light) => {
    const dark = found.get(light);
    if (dark !== undefined) return { light, dark };
    const wanted = `dark spectrum of ${light.channel} with ${short(light.integrationTimeUs / 1000)} ms`;
    throw new VscopeError("RESOURCE_NOT_FOUND", `${light.serial}: no ${wanted} near ${file}`);
  });
}

/** Names of dark files: those of the file's own batch by sequence, then other batches by distance. */
function nearestDarks(names: readonly string[], file: string): readonly string[] {
  const own = parseSpectraFileName(file);
  const distance = ({ batch, sequence }: SpectraFileName): readonly [number, number] =>
    own === undefined ? [batch, sequence] : [Math.abs(batch - own.batch), Math.abs(sequence - own.sequence)];
  return names
    .flatMap((name) => {
      const parts = parseSpectraFileName(name);
      return parts?.kind === "dark" ? [{ name, distance: distance(parts) }] : [];
    })
    .sort((a, b) => a.distance[0] - b.distance[0] || a.distance[1] - b.distance[1])
    .map(({ name }) => name);
}

function belongsTo(dark: PicoSpectrum, light: PicoSpectrum): boolean {
  return (
    dark.kind === "dark" &&
    dark.serial === light.serial &&
    dark.channel === light.channel &&
    dark.integrationTimeUs === light.integrationTimeUs &&
    dark.counts.length === light.counts.length
  );
}
