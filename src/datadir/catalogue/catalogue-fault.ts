// What can be wrong with an open catalogue, by what SQLite says, in whichever thread: its pages contradict each other, so
// that it is made anew, or it cannot be used just now, so that it is opened again.

import { messageOf } from "../../base/errors.ts";

export interface CatalogueFault {
  readonly isDamaged: boolean;
  readonly reason: string;
}

/** Given to what finds damage without SQLite's own error. */
export const CORRUPT = "SQLITE_CORRUPT";

const DAMAGED = /^SQLITE_(CORRUPT|NOTADB)/;
/** A full or locked database is neither: the next rows may find room. */
const UNUSABLE = /^SQLITE_(IOERR|CANTOPEN|MISUSE|PROTOCOL|READONLY_DBMOVED)/;
/** Thrown by better-sqlite3 itself, without a code. */
const CLOSED = "The database connection is not open";

/** Undefined for an error that another try, or another question, does not meet. */
export function faultIn(error: unknown): CatalogueFault | undefined {
  const reason = messageOf(error);
  const code = sqliteCodeOf(error) ?? "";
  if (DAMAGED.test(code)) return { isDamaged: true, reason };
  return UNUSABLE.test(code) || reason.includes(CLOSED) ? { isDamaged: false, reason } : undefined;
}

/** Of the error itself, or of its cause; undefined where SQLite is not to blame. */
export function sqliteCodeOf(error: unknown): string | undefined {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  if (typeof code === "string" && code.startsWith("SQLITE_")) return code;
  return error instanceof Error && error.cause !== undefined ? sqliteCodeOf(error.cause) : undefined;
}

/** What is left of SQLite's error when it comes from another thread: the cause of another one. */
export function sqliteCause(code: string | undefined): { readonly code: string } | undefined {
  return code === undefined ? undefined : { code };
}
