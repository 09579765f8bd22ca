// Starts an operation on the server, shows how far it is, and cancels it there when the user gives up here.

import { withFailuresGrouped } from "./failures.ts";
import { NEVER } from "../../base/abort.ts";
import { SECOND } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { isRestart, type Operation, throwUnlessDone } from "../../client/operation.ts";
import type { OperationStatus } from "../../client/shapes.ts";
import { isInterrupted } from "./exit-codes.ts";
import { duration, type Left, type Progress, startProgress } from "./progress.ts";
import { countsText } from "./quality-text.ts";
import type { Session } from "./session.ts";
import { outcomeText, valueText } from "./value-text.ts";

/** Runs an operation to its end and prints its result. Throws what made it fail, or `interrupted` after Ctrl-C. */
export async function runOperation(
  session: Session,
  label: string,
  start: () => Promise<Operation>,
): Promise<void> {
  const { terminal, clock, isJson } = session;
  const startUs = clock.nowUs();
  const progress = startProgress({ terminal, clock, label, isQuiet: isJson });
  const final = await withFinish(progress, async () => {
    // Started without the session's signal: a Ctrl-C meanwhile must know which operation to cancel.
    const operation = await start();
    return await watch(session, operation, progress);
  });
  const took = duration(clock.nowUs() - startUs);
  const head = `${label}: ${outcomeText(final.state, final.result)}`;
  session.print(final, () => resultText(head, { ...final, took }, terminal.hasColour));
  throwUnlessDone(final);
}

async function withFinish<T>(progress: Progress, task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } finally {
    progress.finish();
  }
}

// Over a restart of the server, too, when that goes on with the recording.
async function watch(session: Session, operation: Operation, progress: Progress): Promise<OperationStatus> {
  for (let current = operation; ; ) {
    let newest: OperationStatus | undefined;
    try {
      const final = await last(current, session.signal, (status) => {
        newest = status;
        show(progress, status);
      });
      if (final.interrupted !== true) return final;
      session.say(`vscope: operation ${final.id} was interrupted; waits whether the server goes on with it`);
      const next = await goesOn(session, current, final, progress);
      if (next === undefined) return final;
      current = next;
    } catch (error) {
      progress.finish();
      if (isInterrupted(error)) await cancel(session, current);
      if (!isRestart(error) || newest === undefined) throw error;
      const next = await goesOn(session, current, newest, progress);
      if (next === undefined) throw error;
      current = next;
    }
  }
}

function show(progress: Progress, { progress: { done, of }, result, ...status }: OperationStatus): void {
  const text = [status.paused === true ? "paused" : "", troubleIn(result)].filter(Boolean).join(", ");
  progress.update(done, of, text, leftOf(status));
}

async function goesOn(
  session: Session,
  operation: Operation,
  newest: OperationStatus,
  progress: Progress,
): Promise<Operation | undefined> {
  progress.finish();
  const next = await operation.successor(newest, session.signal);
  if (next === undefined) return undefined;
  const { cause, recorded, sequences } = next;
  const fact = `the server was restarted (${cause}), ${recorded} of ${sequences} sequences are recorded`;
  session.say(`vscope: ${fact}; operation ${next.operation.id} goes on`);
  return next.operation;
}

function leftOf({
  kind,
  estimate,
  paused,
}: Pick<OperationStatus, "kind" | "estimate" | "paused">): Left | undefined {
  // Nobody knows when it will go on.
  if (paused === true) return "unknown";
  if (estimate !== undefined) return estimate.remainingS * SECOND;
  // Nor what times a search will find.
  return kind === "record" ? "unknown" : undefined;
}

// What an operator beside the instrument can still mend while it records.
function troubleIn(result: unknown): string {
  if (typeof result !== "object" || result === null) return "";
  const { flags }: { readonly flags?: unknown } = result;
  const quality = countsText(flags, false);
  // The flags count the saturated spectra, too.
  const names = quality === undefined ? ["failed", "saturated"] : ["failed"];
  const counts = Object.entries(result).filter(([name, count]) => names.includes(name) && Number(count) > 0);
  const verdict = quality === undefined || quality.startsWith("green") ? [] : [quality];
  return [...counts.map(([name, count]) => `${String(count)} ${name}`), ...verdict].join(", ");
}

async function last(
  operation: Operation,
  signal: AbortSignal,
  show: (status: OperationStatus) => void,
): Promise<OperationStatus> {
  let newest: OperationStatus | undefined;
  for await (const status of operation.progress(signal)) {
    newest = status;
    show(status);
  }
  return newest ?? operation.status(signal);
}

// The server answers a DELETE when the operation has ended, so the status after it is the final one.
async function cancel(session: Session, operation: Operation): Promise<void> {
  try {
    await operation.cancel(NEVER);
    const { state, progress } = await operation.status(NEVER);
    const how = state === "cancelled" ? "cancelled on the server" : `has ended: ${state}`;
    session.terminal.error(
      `vscope: operation ${operation.id} ${how}, ${progress.done} of ${progress.of} steps done\n`,
    );
  } catch (error) {
    session.terminal.error(`vscope: operation ${operation.id} may still be running: ${messageOf(error)}\n`);
  }
}

function resultText(
  head: string,
  { progress, result, took }: OperationStatus & { readonly took: string },
  hasColour: boolean,
): string {
  const summary = `${head}, ${progress.done} of ${progress.of} steps in ${took}\n`;
  if (typeof result !== "object" || result === null) return summary + valueText(result ?? undefined);
  const { flags, ...rest }: { readonly flags?: unknown } = result;
  const quality = countsText(flags, hasColour);
  const { result: shown, more } = withFailuresGrouped(rest);
  return `${summary}${valueText(shown)}${more}${quality === undefined ? "" : `quality ${quality}\n`}`;
}
