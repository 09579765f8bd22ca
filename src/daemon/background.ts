// The server in the background. The process that the user started begins a detached copy of itself and waits until
// that is ready, so that its exit code and message tell whether the start has succeeded.

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { withDeadline } from "../base/abort.ts";
import { type Clock, SECOND } from "../base/clock.ts";
import { asVscopeError, isErrorCode, messageOf, VscopeError } from "../base/errors.ts";

/** Set in the environment of the copy. */
const MARK = "VSCOPE_BACKGROUND";

export interface BackgroundOptions {
  /** The program and its arguments, as Node.js was started with them. */
  readonly program: readonly string[];
  /** Appended with what the copy prints; dropped when absent. */
  readonly logFile: string | undefined;
  readonly clock: Clock;
  /** How long the copy may take until it is ready. */
  readonly readyWithinUs?: number;
}

/** True in the copy. */
export function isBackgroundProcess(
  env: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  return env[MARK] !== undefined;
}

/**
 * Starts the copy and resolves with its PID when it has called `reportReady`.
 * Throws the error that the copy reported, CONFIG_INVALID when the log file cannot be opened, or INTERNAL when the
 * copy ended or was not ready in time; it is ended then.
 */
export async function startInBackground(options: BackgroundOptions, signal: AbortSignal): Promise<number> {
  const { clock, readyWithinUs: us = 120 * SECOND } = options;
  const child = start(options);
  const late = (): Error =>
    new VscopeError("INTERNAL", `process ${child.pid ?? ""}: not ready after ${us / SECOND} s`);
  try {
    await withDeadline({ clock, us, late }, signal, (limited) => untilReady(child, options.logFile, limited));
    return child.pid ?? 0;
  } catch (error) {
    child.kill("SIGTERM");
    throw error;
  } finally {
    if (child.connected) child.disconnect();
    child.unref();
  }
}

/** Tells the process that started this one that the server answers requests, and lets it go. */
export async function reportReady(): Promise<void> {
  await report({ ready: true });
}

/** Tells the process that started this one why the start has failed. */
export async function reportFailure(error: unknown): Promise<void> {
  const { code, message } = asVscopeError(error);
  await report({ ready: false, code, message });
}

function start({ program, logFile }: BackgroundOptions): ChildProcess {
  const output = logFile === undefined ? ("ignore" as const) : openLogFile(logFile);
  try {
    return spawn(process.execPath, [...process.execArgv, ...program], {
      detached: true,
      stdio: ["ignore", output, output, "ipc"],
      env: { ...process.env, [MARK]: "1" },
    });
  } finally {
    if (typeof output === "number") closeSync(output);
  }
}

function openLogFile(path: string): number {
  try {
    return openSync(path, "a", 0o644);
  } catch (error) {
    throw new VscopeError("CONFIG_INVALID", `${path}: log file not opened: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function untilReady(child: ChildProcess, logFile: string | undefined, signal: AbortSignal): Promise<void> {
  const see = logFile === undefined ? "" : `, see ${logFile}`;
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    child.on("error", (error) =>
      reject(new VscopeError("INTERNAL", `background process: ${messageOf(error)}`)),
    );
    // "close" follows the last message, "exit" may come before it.
    child.on("close", (code, killer) => {
      const message = `background process ended with ${killer ?? code} before it was ready${see}`;
      reject(new VscopeError("INTERNAL", message));
    });
    child.on("message", (message) => {
      const failure = failureIn(message);
      if (failure === undefined) resolve();
      else reject(failure);
    });
  });
}

function failureIn(message: unknown): VscopeError | undefined {
  if (typeof message !== "object" || message === null) return undefined;
  if (!("message" in message) || !("code" in message)) return undefined;
  const code = String(message.code);
  return new VscopeError(isErrorCode(code) ? code : "INTERNAL", String(message.message));
}

// The pipe is closed behind the message: nobody waits any longer, and it must not keep this process alive.
function report(message: object): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) {
      resolve();
      return;
    }
    process.send(message, undefined, undefined, () => {
      if (process.connected) process.disconnect();
      resolve();
    });
  });
}
