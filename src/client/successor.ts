// A recording that the end of the server has interrupted: the operation that goes on with it after the restart.

import type { z } from "zod";
import { type Clock, SECOND } from "../base/clock.ts";
import { VscopeError } from "../base/errors.ts";
import { isServerUnreachable } from "./reply-error.ts";
import { type Interruption, interruptionsShape, type OperationStatus } from "./shapes.ts";

/** What looking needs of a client. */
export interface SuccessorSource {
  readonly clock: Clock;
  getAs<T>(path: readonly string[], shape: z.ZodType<T>, signal: AbortSignal): Promise<T>;
}

/** What goes on, and how much had been recorded. */
export interface Successor<T> extends Pick<Interruption, "cause" | "recorded" | "sequences"> {
  readonly operation: T;
}

/** A computer needs this long to start again. */
const BACK_WITHIN_US = 180 * SECOND;
const LOOK_EVERY_US = 2 * SECOND;

/** The operation's id; undefined when the server knows of none. Throws when the batch is closed. */
export async function successorOf(
  source: SuccessorSource,
  last: OperationStatus,
  signal: AbortSignal,
): Promise<Successor<string> | undefined> {
  const giveUpAtUs = source.clock.nowUs() + BACK_WITHIN_US;
  for (;;) {
    const known = await interruptions(source, signal);
    const found = known?.find((one) => isOf(last, one));
    if (found?.outcome === "closed") throw closed(last, found);
    if (found?.operation !== undefined) {
      const { cause, recorded, sequences, operation } = found;
      return { cause, recorded, sequences, operation };
    }
    if (found === undefined) {
      // A server that stops still answers; one that is back and knows nothing has nothing to go on with.
      const mayCome = known === undefined || last.interrupted === true;
      if (!mayCome || source.clock.nowUs() >= giveUpAtUs) return undefined;
    }
    await source.clock.delay(LOOK_EVERY_US, signal);
  }
}

// Undefined while the server is away.
async function interruptions(
  source: SuccessorSource,
  signal: AbortSignal,
): Promise<readonly Interruption[] | undefined> {
  try {
    return (await source.getAs(["acquisition"], interruptionsShape, signal)).interruptions;
  } catch (error) {
    if (isServerUnreachable(error)) return undefined;
    throw error;
  }
}

function isOf({ origin, result }: OperationStatus, { run, batch, goesOnWith }: Interruption): boolean {
  // What was taken up again itself, and had not begun to record.
  if (origin?.by === "resumption" && origin.id === `${run}/${batch}`) return true;
  const recorded = typeof result === "object" && result !== null ? result : {};
  if (!("run" in recorded && "batch" in recorded) || recorded.run !== run) return false;
  return recorded.batch === batch || recorded.batch === goesOnWith?.batch;
}

function closed({ id }: OperationStatus, { cause, recorded, sequences, reason }: Interruption): VscopeError {
  const fact = `the server was restarted (${cause}) and its batch is closed, ${recorded} of ${sequences} sequences are recorded`;
  return new VscopeError("STATE_CONFLICT", `operation ${id}: ${fact}: ${reason ?? "no reason is known"}`);
}
