// vscope plan: an experiment described in a file, tried out without doing anything, or given to the server as jobs.

import type { Command } from "commander";
import { command } from "../help.ts";
import type { PlanFlags } from "../plan-experiment.ts";
import type { Session } from "../session.ts";
import { numberOption } from "../value.ts";

const DAYS = { min: 0.01, max: 400 } as const;
const LINES = { min: 0, max: 100_000, integer: true } as const;

export function planCommand(session: Session): Command {
  return command({
    name: "plan",
    summary: "schedule an experiment that a file describes",
    details: "with --dry-run it only shows what would be recorded",
    examples: ["vscope plan canopy.yaml --dry-run --days 3", "vscope plan canopy.yaml --replace"],
  })
    .argument("<file>", "YAML file of the experiment")
    .option("--dry-run", "show the runs, and estimates of time and data; nothing is scheduled")
    .option("--replace", "delete the jobs of an experiment of this name first")
    .option("--days <n>", "with --dry-run: look so far ahead (default: 1)", numberOption("--days", DAYS))
    .option("--limit <n>", "with --dry-run: list so many runs", numberOption("--limit", LINES), 20)
    .action(async (file: string, flags: PlanFlags) => {
      // The reader of YAML would make every other command wait.
      const { planExperiment } = await import("../plan-experiment.ts");
      await planExperiment(session, file, flags);
    });
}
