// The command line of vscope-server and what it changes in the configuration file. Options are those of piccolo3.

import { existsSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { VscopeError } from "./base/errors.ts";
import { DEFAULT_SERVER_CONFIG, readServerConfig, type ServerConfig } from "./config/server-config.ts";
import { EXIT_CODES } from "./daemon/exit-codes.ts";

const DEFAULT_FILE = "/etc/vscope.cfg";

export interface CommandLine {
  readonly config: ServerConfig;
  /** Remarks on the configuration file, for the log. */
  readonly warnings: readonly string[];
  /** Only look at configuration and hardware. */
  readonly check: boolean;
  /** Given on the command line, so written in the foreground, too. */
  readonly pidFile: string | undefined;
}

interface Options {
  readonly serverConfig?: string;
  readonly debug?: true;
  readonly logFile?: string;
  readonly daemonize?: true;
  readonly pidFile?: string;
  readonly daemonLogFile?: string;
  readonly dataDir?: string;
  readonly mount?: true;
  readonly emulate?: true;
  readonly check?: true;
}

/** Parses arguments and reads the file they name; undefined when only help or the version was asked for. Throws CONFIG_INVALID. */
export async function readCommandLine(
  args: readonly string[],
  version: string,
): Promise<CommandLine | undefined> {
  const options = parseOptions(args, version);
  if (options === undefined) return undefined;
  const { config, warnings } = await readFile(options.serverConfig);
  return {
    config: merge(config, options),
    warnings,
    check: options.check ?? false,
    pidFile: options.pidFile,
  };
}

function parseOptions(args: readonly string[], version: string): Options | undefined {
  const command = new Command("vscope-server")
    .description("Instrument server for field and laboratory spectroscopy")
    .option("-s, --server-config <file>", `server configuration (default: ${DEFAULT_FILE})`)
    .option("-d, --debug", "write debug messages to the log")
    .option("-l, --log-file <file>", "write the log to a file instead of standard output")
    .option("-D, --daemonize", "run in the background")
    .option("-p, --pid-file <file>", "PID file; second starts are refused while it is held")
    .option("-L, --daemon-log-file <file>", "where the background process prints")
    .option("-o, --data-dir <folder>", "data directory")
    .option("-m, --mount", "mount the data directory's medium")
    .option("--emulate", "emulated spectrometers and shutters instead of real ones")
    .option("--check", "validate the configuration and the hardware, then exit")
    .version(version, "-v, --version")
    .addHelpText("after", `\nExit codes:\n${exitCodeHelp()}`)
    .allowExcessArguments(false)
    .configureOutput({ writeErr: () => {} })
    .exitOverride();
  try {
    return command.parse(args, { from: "user" }).opts<Options>();
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return undefined;
    if (!(error instanceof CommanderError)) throw error;
    const message = error.message.replace(/^error: /, "");
    throw new VscopeError("CONFIG_INVALID", `command line: ${message}, see vscope-server --help`, {
      cause: error,
    });
  }
}

function exitCodeHelp(): string {
  return Object.values(EXIT_CODES)
    .map(({ code, when }) => `  ${code}  ${when}\n`)
    .join("");
}

// Without -s a missing /etc/vscope.cfg means "all defaults"; a file that was named must be there.
async function readFile(named: string | undefined): ReturnType<typeof readServerConfig> {
  if (named === undefined && !existsSync(DEFAULT_FILE))
    return { config: DEFAULT_SERVER_CONFIG, warnings: [] };
  return await readServerConfig(named ?? DEFAULT_FILE);
}

function merge(config: ServerConfig, options: Options): ServerConfig {
  const { daemon, logging, datadir, hardware } = config;
  return {
    ...config,
    daemon: {
      ...daemon,
      daemon: options.daemonize ?? daemon.daemon,
      pidFile: options.pidFile ?? daemon.pidFile,
      logFile: options.daemonLogFile ?? daemon.logFile,
    },
    logging: { debug: options.debug ?? logging.debug, logFile: options.logFile ?? logging.logFile },
    datadir: {
      ...datadir,
      datadir: options.dataDir ?? datadir.datadir,
      mount: options.mount ?? datadir.mount,
    },
    hardware: options.emulate === true ? { ...hardware, usb: "emulated", gpio: "emulated" } : hardware,
  };
}
