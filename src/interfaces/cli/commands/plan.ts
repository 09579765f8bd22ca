// vscope plan: an experiment described in a file, tried out without doing anything, or given to the server as jobs.

import type { Command } from "commander";
import { usageError } from "../exit-codes.ts";
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
    examples: [
      "vscope plan canopy.yaml --dry-run --days 3",
      "vscope plan canopy.yaml --replace",
      "vscope plan --schema > experiment.schema.json",
    ],
  })
    .argument("[file]", "YAML file of the experiment")
    .option("--schema", "print the JSON Schema of such files, for editors")
    .option("--dry-run", "show the runs, and estimates of time and data; nothing is scheduled")
    .option("--replace", "delete the jobs of an experiment of this name first")
    .option("--days <n>", "with --dry-run: look so far ahead (default: 1)", numberOption("--days", DAYS))
    .option("--limit <n>", "with --dry-run: list so many runs", numberOption("--limit", LINES), 20)
    .action(async (file: string | undefined, flags: PlanFlags & { readonly schema?: true }) => {
      // The reader of YAML would make every other command wait.
      const { planExperiment } = await import("../plan-experiment.ts");
      if (flags.schema === true) {
        const { experimentSchema } = await import("../experiment.ts");
        return session.printText(experimentSchema());
      }
      if (file === undefined) throw usageError("plan: which file? vscope plan --help tells more");
      await planExperiment(session, file, flags);
    });
}
