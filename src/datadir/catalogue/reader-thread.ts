// The thread of reader.ts: one task after the other.

import { parentPort, workerData } from "node:worker_threads";
import { definedOnly } from "../../base/defined-only.ts";
import { isVscopeError, messageOf, type VscopeError } from "../../base/errors.ts";
import { openAnother } from "./catalogue-database.ts";
import { sqliteCodeOf } from "./catalogue-fault.ts";
import { type CatalogueAnswer, type CatalogueTask, type Databases, perform } from "./catalogue-task.ts";
import { CatalogueWriter } from "./catalogue-writer.ts";

export type ThreadAnswer =
  | { readonly answer: CatalogueAnswer; readonly problem?: never }
  | { readonly answer?: never; readonly problem: ThreadProblem };

interface ThreadProblem extends Pick<VscopeError, "code" | "message"> {
  /** Where SQLite is to blame. */
  readonly sqliteCode?: string;
}

const path = String(workerData);
let opened: Databases | undefined;

// Opened with the first task, so that what SQLite refuses is the answer to it.
function databases(): Databases {
  if (opened !== undefined) return opened;
  const reading = openAnother(path, { readonly: true });
  let writing: ReturnType<Databases["writing"]> | undefined;
  opened = { reading, writing: () => (writing ??= forWriting()) };
  return opened;
}

function forWriting(): ReturnType<Databases["writing"]> {
  const database = openAnother(path, { readonly: false });
  return { database, writer: new CatalogueWriter(database) };
}

function answerTo(task: CatalogueTask): ThreadAnswer {
  try {
    return { answer: perform(task, databases()) };
  } catch (error) {
    const code = isVscopeError(error) ? error.code : "DATADIR_IO";
    const message = isVscopeError(error) ? error.message : `catalogue: ${messageOf(error)}`;
    return { problem: { code, message, ...definedOnly({ sqliteCode: sqliteCodeOf(error) }) } };
  }
}

parentPort?.on("message", (task: CatalogueTask) => parentPort?.postMessage(answerTo(task)));
