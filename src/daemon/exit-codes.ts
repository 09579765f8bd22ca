// How the server's process ends: one table, repeated in docs/how-to/run-as-a-service.md (a test compares).

import { type ErrorCode, isVscopeError } from "../base/errors.ts";

export const EXIT_CODES = {
  ok: { code: 0, when: "Ended by SIGTERM or SIGINT, or a check that found nothing wrong." },
  unexpected: { code: 1, when: "A fault of the server itself; the log has its stack." },
  configuration: {
    code: 2,
    when: "Wrong command line or configuration file; the message names file, line and key.",
  },
  conflict: { code: 3, when: "Another server has the port, the PID file or the data directory." },
  hardware: { code: 4, when: "Hardware that the configuration names is missing, not permitted or faulty." },
  datadir: { code: 5, when: "The data directory cannot be mounted, read or written." },
} as const satisfies Record<string, { readonly code: number; readonly when: string }>;

export type ExitReason = keyof typeof EXIT_CODES;

const REASONS: Readonly<Partial<Record<ErrorCode, ExitReason>>> = {
  CONFIG_INVALID: "configuration",
  SERVER_CONFLICT: "conflict",
  DEVICE_NOT_CONNECTED: "hardware",
  DEVICE_PERMISSION: "hardware",
  DEVICE_BUSY: "hardware",
  DEVICE_TIMEOUT: "hardware",
  DEVICE_PROTOCOL: "hardware",
  DEVICE_FAULT: "hardware",
  DATADIR_NOT_MOUNTED: "datadir",
  DATADIR_WRONG: "datadir",
  DATADIR_FULL: "datadir",
  DATADIR_IO: "datadir",
};

/** The exit code for an error that ends the process. */
export function exitCodeOf(error: unknown): number {
  const reason = isVscopeError(error) ? REASONS[error.code] : undefined;
  return EXIT_CODES[reason ?? "unexpected"].code;
}
