// vscope export: a run in files for other programs, or in one zip file.

import type { Command } from "commander";
import { EXPORT_FORMATS } from "../../../export/request.ts";
import { addExportOptions, type ExportFlags } from "../export-flags.ts";
import { runExport } from "../export-run.ts";
import { command } from "../help.ts";
import type { Session } from "../session.ts";

export function exportCommand(session: Session): Command {
  const made = command({
    name: "export",
    summary: "write a run in files for other programs, or in one zip file",
    details: "of this machine, or with --server of the server, which makes the files and hands them over",
    examples: [
      "vscope export /data/plot10 --format netcdf -o plot10-netcdf",
      "vscope export plot10 --server --format csv --level reflectance --uncertainty -o plot10-csv",
      "vscope export plot10 --server --format oceanview --serial FLMS01859 --channel upwelling -o plot10-txt",
      "vscope export plot10 --data-dir /data --format zip -o backup",
    ],
  }).argument("<run>", "folder of a run, or its name with --data-dir or --server");
  return addExportOptions(made, { formats: EXPORT_FORMATS, format: "netcdf", level: "counts" }).action(
    (run: string, flags: ExportFlags) => runExport(session, run, [], flags),
  );
}
