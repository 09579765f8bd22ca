// How vscope ends: the exit codes, and which error leads to which. docs/how-to/use-vscope.md repeats the table.

import { CommanderError } from "commander";
import { ERRORS, isVscopeError, VscopeError } from "../../base/errors.ts";
import { coapCodeOf, isServerUnreachable } from "../../client/reply-error.ts";

export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  refused: 4,
  device: 5,
  interrupted: 130,
} as const;

export const EXIT_TEXTS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: "done",
  failed: "the operation failed or was cancelled on the server, or something on this machine failed",
  usage: "the command line is wrong",
  unreachable: "no answer from the server",
  refused: "the server refused the request (CoAP 4.xx)",
  device: "the server or a device failed (CoAP 5.xx)",
  interrupted: "interrupted by Ctrl-C",
};

/** Ends a command that Ctrl-C or SIGTERM has interrupted. */
export function interrupted(): VscopeError {
  return new VscopeError("OPERATION_CANCELLED", "interrupted", { details: { interrupted: true } });
}

export function isInterrupted(error: unknown): boolean {
  return isVscopeError(error) && error.details["interrupted"] === true;
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (isInterrupted(error)) return EXIT.interrupted;
  if (isServerUnreachable(error)) return EXIT.unreachable;
  const coap = coapCodeOf(error);
  if (coap !== undefined) return coap.startsWith("4.") ? EXIT.refused : EXIT.device;
  if (!isVscopeError(error)) return EXIT.failed;
  if (error.details["usage"] === true) return EXIT.usage;
  // An operation that failed on the server has a device's code, too, but the request itself was answered well.
  const isAnswer = ERRORS[error.code].group === "device" && error.details["operation"] === undefined;
  return isAnswer ? EXIT.device : EXIT.failed;
}

/** A mistake on the command line that commander cannot see. */
export function usageError(message: string): VscopeError {
  return new VscopeError("VALUE_INVALID", message, { details: { usage: true } });
}
