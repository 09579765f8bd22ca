// vscope schedule import: the jobs and the quiet time of a Piccolo, added to the schedule of the server.

import type { Command } from "commander";
import { command } from "../help.ts";
import type { Session } from "../session.ts";

export function scheduleImportCommand(session: Session): Command {
  return command({
    name: "import",
    summary: "add the jobs and the quiet time of a Piccolo",
    details: "the file is scheduler.sqlite of piccolo3's data directory; it stays as it is",
    examples: [
      "vscope schedule import /mnt/piccolo3_data/scheduler.sqlite --dry-run",
      "vscope schedule import /mnt/piccolo3_data/scheduler.sqlite",
    ],
  })
    .argument("<file>", "piccolo3's scheduler.sqlite")
    .option("--dry-run", "say what would be done, and do nothing")
    .action(async (file: string, { dryRun = false }: { readonly dryRun?: boolean }) => {
      // SQLite is loaded by this command only: the others start faster without.
      const { importPiccolo3Schedule } = await import("../piccolo3-import.ts");
      await importPiccolo3Schedule(session, file, dryRun);
    });
}
