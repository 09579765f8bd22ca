// The vscope program: its commands and global options, and how an error becomes a message and an exit code.

import { Command, CommanderError, Help, type HelpConfiguration } from "commander";
import type { Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { archiveCommand } from "./commands/archive.ts";
import { calibrateCommand } from "./commands/calibrate.ts";
import { digestCommand } from "./commands/digest.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { exportCommand } from "./commands/export.ts";
import { findCommand } from "./commands/find.ts";
import { keyCommand } from "./commands/key.ts";
import { listCommand } from "./commands/list.ts";
import { planCommand } from "./commands/plan.ts";
import {
  abortCommand,
  autoCommand,
  darkCommand,
  pauseCommand,
  recordCommand,
  resumeCommand,
} from "./commands/record.ts";
import { removeCommand } from "./commands/remove.ts";
import { processCommand } from "./commands/process.ts";
import { reindexCommand } from "./commands/reindex.ts";
import { downloadCommand } from "./commands/download.ts";
import { runsCommand } from "./commands/runs.ts";
import { scheduleCommand } from "./commands/schedule.ts";
import { serversCommand } from "./commands/servers.ts";
import { showCommand } from "./commands/show.ts";
import { statusCommand } from "./commands/status.ts";
import { syncCommand } from "./commands/sync.ts";
import { getCommand, observeCommand, putCommand } from "./commands/values.ts";
import { whiteCommand } from "./commands/white.ts";
import { EXIT, exitCodeOf } from "./exit-codes.ts";
import { exitCodesHelp } from "./help.ts";
import { verifyCommand } from "./commands/verify.ts";
import { Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";
import { numberOption } from "./value.ts";
import { packageVersion } from "./version.ts";

const COMMANDS = [
  serversCommand,
  listCommand,
  getCommand,
  putCommand,
  observeCommand,
  statusCommand,
  recordCommand,
  darkCommand,
  autoCommand,
  whiteCommand,
  abortCommand,
  pauseCommand,
  resumeCommand,
  scheduleCommand,
  planCommand,
  runsCommand,
  findCommand,
  digestCommand,
  downloadCommand,
  syncCommand,
  showCommand,
  exportCommand,
  processCommand,
  calibrateCommand,
  archiveCommand,
  removeCommand,
  verifyCommand,
  reindexCommand,
  doctorCommand,
  keyCommand,
];

/** Those that ask no particular server: of the global options only --json means something to them. */
const SERVERLESS: ReadonlySet<unknown> = new Set([serversCommand, doctorCommand, keyCommand]);

const HELP = { showGlobalOptions: true };
const SERVERLESS_HELP = { ...HELP, visibleGlobalOptions: jsonOnly };

export interface World {
  readonly terminal: Terminal;
  readonly clock: Clock;
  /** Aborts on Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
}

/** Runs one command line (without program name) and returns the exit code. Never throws. */
export async function runVscope(args: readonly string[], world: World): Promise<number> {
  try {
    await buildProgram(world).parseAsync(args, { from: "user" });
    return EXIT.ok;
  } catch (error) {
    // Commander has printed its own messages.
    if (!(error instanceof CommanderError)) world.terminal.error(`vscope: ${messageOf(error)}\n`);
    return exitCodeOf(error);
  }
}

function buildProgram(world: World): Command {
  const program = new Command("vscope")
    .description("Control a vscope server: spectrometers, shutters, recordings and data")
    .version(packageVersion(), "-v, --version")
    .option("--url <url>", "server (default: $VSCOPE_URL or coap://localhost)")
    .option(
      "--timeout <s>",
      "seconds to wait for an answer",
      numberOption("--timeout", { min: 0.1, max: 86_400 }),
      10,
    )
    .option("--key <file>", "key that proves who asks (default: $VSCOPE_KEY, else none)")
    .option("--json", "print JSON on stdout and nothing else")
    .addHelpText("after", exitCodesHelp());
  const session = new Session(program, world);
  speak(program, world, HELP);
  for (const make of COMMANDS) {
    const made = make(session);
    program.addCommand(made);
    const help = SERVERLESS.has(make) ? SERVERLESS_HELP : HELP;
    for (const command of withSubcommands(made)) speak(command, world, help);
  }
  return program;
}

function speak(command: Command, { terminal }: World, help: HelpConfiguration): void {
  command
    .exitOverride()
    .configureHelp(help)
    .showHelpAfterError(`(${nameOf(command)} --help tells more)`)
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.error(text),
      outputError: (text, write) => write(text.replace(/^error: /, "vscope: ")),
    });
}

function jsonOnly(command: Command): ReturnType<Help["visibleGlobalOptions"]> {
  const help = Object.assign(new Help(), HELP);
  return help.visibleGlobalOptions(command).filter(({ long }) => long === "--json");
}

/** Such as `vscope key new`. */
function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}

function withSubcommands(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}
