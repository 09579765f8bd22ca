// All resources of the server, in the order in which documents and discovery show them.

import { ACQUISITION } from "./acquisition.ts";
import { BOX } from "./box.ts";
import { CORRECTED } from "./corrected.ts";
import { DATADIR } from "./datadir.ts";
import { DATADIR_DIGEST } from "./datadir-digest.ts";
import { DATADIR_INSTRUMENT } from "./datadir-instrument.ts";
import { DATADIR_VERIFICATION } from "./datadir-verification.ts";
import { DATADIR_EXPORTS } from "./datadir-exports.ts";
import { DATADIR_RUNS } from "./datadir-runs.ts";
import { DATADIR_SEARCH } from "./datadir-search.ts";
import { DATADIR_SYNC } from "./datadir-sync.ts";
import { DATADIR_SPECTRA } from "./datadir-spectra.ts";
import type { Resource } from "./define.ts";
import { EMULATOR } from "./emulator.ts";
import { LEVELS } from "./levels.ts";
import type { ServerModel } from "./model.ts";
import { POSITION } from "./position.ts";
import { QUALITY } from "./quality.ts";
import { SCHEDULER } from "./scheduler.ts";
import { SHUTTERS } from "./shutters.ts";
import { SPECTROMETER_ACQUISITION } from "./spectrometer-acquisition.ts";
import { SPECTROMETER_CONTROLS } from "./spectrometer-controls.ts";
import { SPECTROMETER_MEMORY } from "./spectrometer-memory.ts";
import { SPECTROMETERS } from "./spectrometers.ts";
import { STATS } from "./stats.ts";
import { SYSINFO } from "./sysinfo.ts";
import { WHITE_REFERENCE } from "./white-reference.ts";

export const TREE: readonly Resource<ServerModel>[] = [
  ...SYSINFO,
  ...SPECTROMETERS,
  ...SPECTROMETER_ACQUISITION,
  ...CORRECTED,
  ...LEVELS,
  ...SPECTROMETER_CONTROLS,
  ...SPECTROMETER_MEMORY,
  ...SHUTTERS,
  ...DATADIR,
  ...DATADIR_VERIFICATION,
  ...DATADIR_RUNS,
  ...DATADIR_SEARCH,
  ...DATADIR_SPECTRA,
  ...DATADIR_SYNC,
  ...DATADIR_INSTRUMENT,
  ...DATADIR_DIGEST,
  ...DATADIR_EXPORTS,
  ...ACQUISITION,
  ...WHITE_REFERENCE,
  ...SCHEDULER,
  ...POSITION,
  ...QUALITY,
  ...BOX,
  ...EMULATOR,
  ...STATS,
];
