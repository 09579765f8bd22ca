// vscope process: the spectra of a run as corrected counts, radiances or reflectances, in files for other programs, with band
// indices.

import type { Command } from "commander";
import { FORMAT_NAMES } from "../../../formats/format.ts";
import { addExportOptions, type ExportFlags } from "../export-flags.ts";
import { runExport } from "../export-run.ts";
import { command } from "../help.ts";
import type { Session } from "../session.ts";

export function processCommand(session: Session): Command {
  const made = command({
    name: "process",
    summary: "make reflectances, radiances or corrected counts of a run",
    details:
      "a folder of a run, or .pico files of it; darks and downwelling lights are searched in the whole folder",
    examples: [
      "vscope process /data/plot10 --level reflectance --index NDVI,PRI --uncertainty -o plot10-reflectance",
      "vscope process plot10 --data-dir /data --level corrected --dark interpolated --format netcdf -o out",
      "vscope process plot10/b000001_s000000_light.pico --level radiance --calibration up.csv -o out",
      "vscope process plot10 --server --level reflectance --index 'red_edge=R750/R710w4' -o out",
    ],
  })
    .argument("<run>", "folder of a run, its name with --data-dir or --server, or a .pico file")
    .argument("[file...]", "only these files of the run");
  return addExportOptions(made, { formats: FORMAT_NAMES, format: "csv", level: "corrected" }).action(
    (run: string, files: readonly string[], flags: ExportFlags) => runExport(session, run, files, flags),
  );
}
