// The life of the server's process: PID file, start, ready, signals, end.

import { NEVER, orAborted, withDeadline } from "./base/abort.ts";
import { type Clock, SECOND } from "./base/clock.ts";
import { messageOf, VscopeError } from "./base/errors.ts";
import { Lifetime } from "./base/lifetime.ts";
import type { Log } from "./base/log.ts";
import type { CommandLine } from "./command-line.ts";
import { isBackgroundProcess, reportReady } from "./daemon/background.ts";
import { openNotifier } from "./daemon/notify.ts";
import { PidFile } from "./daemon/pid-file.ts";
import { listenForSignals } from "./daemon/signals.ts";
import { PROGRAMS } from "./drivers/clock/programs.ts";
import { Server } from "./server.ts";

export interface ServeOptions {
  readonly commandLine: CommandLine;
  readonly clock: Clock;
  readonly log: Log;
  readonly reopenLogs: () => void;
  readonly version: string;
}

/** What a stop may take; afterwards the process ends with what is closed by then. */
const STOP_WITHIN_US = 2 * SECOND;

/** Runs the server until SIGTERM or SIGINT. Throws what its start throws, or INTERNAL when it did not stop in time. */
export async function serve({ commandLine, clock, log, reopenLogs, version }: ServeOptions): Promise<void> {
  const lifetime = new Lifetime();
  const stopping = new AbortController();
  const stop = (signal: string): void => {
    log.info({ signal }, "stopping");
    stopping.abort(new VscopeError("OPERATION_CANCELLED", `start: ended by ${signal}`));
  };
  let server: Server | undefined;
  const reload = (): void => {
    reopenLogs();
    server?.reload();
    log.info({}, "log reopened");
  };
  lifetime.defer("signals", listenForSignals({ stop, reload }));
  try {
    await claimPidFile(commandLine, lifetime);
    const notifier = await openNotifier({ env: process.env, clock, log });
    lifetime.defer("service notification", () => notifier.close());
    const starting = Server.start(
      { config: commandLine.config, clock, log, version, programs: PROGRAMS },
      stopping.signal,
    );
    // A start that fails has closed what it opened.
    lifetime.defer("server", () => starting.then((started) => started.close(), ignore));
    // A system call that hangs must not keep the process from ending.
    server = await orAborted(starting, stopping.signal);
    notifier.ready();
    await reportReady();
    log.info({ version, pid: process.pid, simulated: server.hardware.isSimulated }, "vscope-server is ready");
    await aborted(stopping.signal);
    notifier.stopping();
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
  } finally {
    await closeInTime(lifetime, clock, log);
    if (stopping.signal.aborted) log.info({}, "stopped");
  }
}

async function claimPidFile({ config, pidFile }: CommandLine, lifetime: Lifetime): Promise<void> {
  const path = isBackgroundProcess() ? config.daemon.pidFile : pidFile;
  if (path === undefined) return;
  const claimed = await PidFile.claim(path);
  lifetime.defer("PID file", () => claimed.release());
}

function ignore(): void {}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

async function closeInTime(lifetime: Lifetime, clock: Clock, log: Log): Promise<void> {
  const late = (): Error =>
    new VscopeError("INTERNAL", `stop: not finished after ${STOP_WITHIN_US / SECOND} s`);
  const closing = lifetime.close();
  try {
    await withDeadline({ clock, us: STOP_WITHIN_US, late }, NEVER, (signal) => orAborted(closing, signal));
  } catch (error) {
    log.error({ reason: messageOf(error) }, "did not stop cleanly");
    throw error;
  }
}
