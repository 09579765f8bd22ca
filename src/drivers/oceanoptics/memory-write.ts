// Overwrites what a device keeps without power: piece by piece, each old content into the log before it is gone, each
// new one read back. Whatever interrupts it, a piece has either its old or its new content, and the error says which.

import { isVscopeError, messageOf, VscopeError } from "../../base/errors.ts";
import type { Link } from "./link.ts";

/** A piece of memory that is written at once, and what it is to hold. */
export interface Piece {
  /** For messages: "EEPROM slot 3". */
  readonly what: string;
  read(signal: AbortSignal): Promise<Uint8Array>;
  /** Writes the new content and returns when it can be read back. */
  write(signal: AbortSignal): Promise<void>;
  /** Whether this is the new content. */
  holds(content: Uint8Array): boolean;
  /** The old content for the log, so that it can be restored by hand. */
  shown(content: Uint8Array): object;
}

/**
 * Writes the pieces in their order; those that hold the new content already are left alone. Throws DEVICE_PROTOCOL when
 * a piece did not take it, and what reading and writing throw; the message names the piece and those written before it.
 */
export async function overwrite(link: Link, pieces: readonly Piece[], signal: AbortSignal): Promise<void> {
  const written: string[] = [];
  for (const piece of pieces) {
    let content = "old";
    try {
      const old = await piece.read(signal);
      if (piece.holds(old)) continue;
      link.log.warn(piece.shown(old), `${link.subject}: ${piece.what} is overwritten`);
      content = "old or new";
      await piece.write(signal);
      if (!piece.holds(await piece.read(signal)))
        throw link.protocolError("it does not read back as it was written");
      written.push(piece.what);
    } catch (error) {
      const before = written.length === 0 ? "nothing before it" : written.join(", ");
      const fact = `${piece.what} has its ${content} content; rewritten: ${before}`;
      throw interrupted(link, error, fact);
    }
  }
}

// An abort stays what it is for its caller; the log tells how far the writing came.
function interrupted(link: Link, error: unknown, fact: string): unknown {
  const reason = messageOf(error).replace(`${link.subject}: `, "");
  link.log.warn({ reason }, `${link.subject}: ${fact}`);
  if (!isVscopeError(error) || error.code === "OPERATION_CANCELLED") return error;
  const { code, details } = error;
  return new VscopeError(code, `${link.subject}: ${fact}; ${reason}`, { cause: error, details });
}

/** Whether a number read back is the number wanted, to 1 part in 10 million. */
export function isSameNumber(value: number | undefined, wanted: number): boolean {
  return value !== undefined && Math.abs(value - wanted) <= 1e-7 * Math.abs(wanted);
}

export function isSameContent(content: Uint8Array, wanted: Uint8Array): boolean {
  return Buffer.compare(content, wanted) === 0;
}

/** `values` and zeros up to `length`. */
export function padded(values: readonly number[], length: number): readonly number[] {
  return Array.from({ length: Math.max(length, values.length) }, (_, index) => values[index] ?? 0);
}

/** Throws VALUE_OUT_OF_RANGE for a number that a 32-bit float cannot hold: read again it would be none. */
export function requireFloats(subject: string, values: readonly number[]): void {
  const index = values.findIndex((value) => !Number.isFinite(Math.fround(value)));
  if (index < 0) return;
  throw new VscopeError(
    "VALUE_OUT_OF_RANGE",
    `${subject}: value ${index}: ${values[index]} does not fit into a 32-bit float`,
  );
}
