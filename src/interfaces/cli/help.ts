// Texts below the help of commands: an example each, and the exit codes below the main help.

import { Command } from "commander";
import { EXIT, EXIT_TEXTS } from "./exit-codes.ts";

export interface CommandTexts {
  readonly name: string;
  /** For the list of commands. */
  readonly summary: string;
  /** More, for the command's own help. */
  readonly details?: string;
  /** Command lines that work, one a line. */
  readonly examples: readonly string[];
}

/** A command whose help ends with examples. */
export function command({ name, summary, details, examples }: CommandTexts): Command {
  const lines = examples.map((example) => `  ${example}`).join("\n");
  const description = details === undefined ? summary : `${summary}; ${details}`;
  return new Command(name)
    .summary(summary)
    .description(description)
    .addHelpText("after", `\nExamples:\n${lines}`);
}

export function exitCodesHelp(): string {
  const rows = Object.entries(EXIT_TEXTS).map(([name, text]) => {
    const code = Object.entries(EXIT).find(([key]) => key === name)?.[1];
    return `  ${String(code).padStart(3)}  ${text}`;
  });
  return `\nExit codes:\n${rows.join("\n")}\n`;
}
