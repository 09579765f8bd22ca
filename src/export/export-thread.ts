// Runs an export in a thread of its own, so that neither its mathematics nor its memory stand in the way of a recording.

import { Worker } from "node:worker_threads";
import { messageOf, systemCodeOf, VscopeError } from "../base/errors.ts";
import type { ExportReport, ExportTask, OnProgress } from "./pipeline.ts";
import type { ThreadMessage } from "./thread-message.ts";

/** Of objects; NetCDF's 60 MB are beside it. Little for young ones: spectra of many files would only lie there longer. */
const MEMORY_MB = 128;
const YOUNG_MB = 4;

/**
 * Throws as `exportRun` does, and the signal's reason. When it has settled, the thread is gone and its files are closed;
 * what lies in the output folder after a failure is rubbish.
 */
export async function runInThread(
  task: ExportTask,
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<ExportReport> {
  signal.throwIfAborted();
  const worker = new Worker(new URL("./export-worker.js", import.meta.url), {
    workerData: task,
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB, maxYoungGenerationSizeMb: YOUNG_MB },
  });
  let onAbort = (): void => {};
  try {
    return await new Promise<ExportReport>((resolve, reject) => {
      onAbort = () => reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      worker.on("error", (error) => reject(deathOf(error)));
      worker.on("exit", () => reject(new VscopeError("INTERNAL", "export: its thread ended early")));
      worker.on("message", (message: ThreadMessage) => {
        if (message.kind === "progress") onProgress(message.done, message.of, message.text);
        else if (message.kind === "done") resolve(message.report);
        else reject(new VscopeError(message.code, message.message, { cause: message.stack }));
      });
    });
  } finally {
    signal.removeEventListener("abort", onAbort);
    await worker.terminate();
  }
}

function deathOf(error: unknown): VscopeError {
  if (systemCodeOf(error) !== "ERR_WORKER_OUT_OF_MEMORY")
    return new VscopeError("INTERNAL", `export: ${messageOf(error)}`, { cause: error });
  const fact = `export: needs more memory than ${MEMORY_MB} MB, ask for fewer batches`;
  return new VscopeError("VALUE_OUT_OF_RANGE", fact, { cause: error });
}
