// The thread of one export: does its task, tells how far it is, and ends. Started by export-thread.ts only.

import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { asVscopeError, systemCodeOf, type VscopeError } from "../base/errors.ts";
import { asDiskError } from "../datadir/disk/disk.ts";
import { exportRun, type ExportTask } from "./pipeline.ts";
import type { ThreadMessage } from "./thread-message.ts";

/** Of Linux: this thread alone gives way to the one that records. */
const NICE = 10;
const TELL_EVERY = 50;

const task: ExportTask = workerData;
try {
  setPriority(0, NICE);
  const report = await exportRun(task, (done, of, text) => {
    if (done % TELL_EVERY === 0 || done === of) tell({ kind: "progress", done, of, text });
  });
  tell({ kind: "done", report });
} catch (error) {
  const { code, message, stack } = translated(error);
  tell({ kind: "failed", code, message, ...(stack !== undefined && { stack }) });
}

function tell(message: ThreadMessage): void {
  parentPort?.postMessage(message);
}

function translated(error: unknown): VscopeError {
  return systemCodeOf(error) === undefined
    ? asVscopeError(error)
    : asDiskError(task.target ?? task.output, error);
}
