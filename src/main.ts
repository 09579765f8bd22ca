#!/usr/bin/env node
// vscope-server: the entry point. Reads the command line, then checks, goes to the background, or serves.

import { readFileSync } from "node:fs";
import { NEVER } from "./base/abort.ts";
import { SystemClock } from "./base/clock.ts";
import { isVscopeError, messageOf } from "./base/errors.ts";
import { type Log, openLog } from "./base/log.ts";
import { check } from "./composition/check.ts";
import { type CommandLine, readCommandLine } from "./command-line.ts";
import { isBackgroundProcess, reportFailure, startInBackground } from "./daemon/background.ts";
import { exitCodeOf } from "./daemon/exit-codes.ts";
import { serve } from "./serve.ts";

const clock = new SystemClock();

async function main(args: readonly string[]): Promise<void> {
  const version = packageVersion();
  const commandLine = await readCommandLine(args, version);
  if (commandLine === undefined) return;
  const { config, warnings } = commandLine;
  if (config.daemon.daemon && !isBackgroundProcess() && !commandLine.check)
    return await background(commandLine);
  const { log, reopen } = openLog(logOptions(commandLine));
  failLoudly(log);
  for (const warning of warnings) log.warn({}, warning);
  if (commandLine.check) for (const warning of warnings) print(`warning          ${warning}`);
  if (commandLine.check) return await check({ config, clock, log, print });
  await serve({ commandLine, clock, log, reopenLogs: reopen, version });
}

async function background({ config }: CommandLine): Promise<void> {
  const program = process.argv.slice(1);
  const pid = await startInBackground({ program, logFile: config.daemon.logFile, clock }, NEVER);
  print(`vscope-server runs in the background with PID ${pid}`);
}

// The check prints its findings; the log would only repeat them in another form.
function logOptions({ config, check: isCheck }: CommandLine): Parameters<typeof openLog>[0] {
  const { debug, logFile } = config.logging;
  const level = debug ? "debug" : isCheck ? "silent" : "info";
  // In the background the log goes to the daemon's file by name, so that SIGHUP can reopen it.
  const file = logFile ?? (isBackgroundProcess() ? config.daemon.logFile : undefined);
  const setting = logFile === undefined ? "daemon.logfile" : "logging.logfile";
  return { level, ...(file === undefined ? {} : { file, setting }) };
}

// A fault of ours must end up in the log before the service manager restarts us.
function failLoudly(log: Log): void {
  const onFault = (error: unknown): void => {
    log.error({ err: error }, "fault of the server, it ends");
    process.exit(exitCodeOf(error));
  };
  process.on("uncaughtException", onFault);
  process.on("unhandledRejection", onFault);
}

function packageVersion(): string {
  const { version }: { version: string } = JSON.parse(
    readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
  );
  return version;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

try {
  await main(process.argv.slice(2));
  process.exitCode ??= 0;
} catch (error) {
  await reportFailure(error);
  const stack = isVscopeError(error) || !(error instanceof Error) ? "" : `\n${error.stack ?? ""}`;
  process.stderr.write(`vscope-server: ${messageOf(error)}${stack}\n`);
  process.exit(exitCodeOf(error));
}
