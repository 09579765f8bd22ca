// What the system's refusals mean to the keeper of the instrument; shared by the back ends.

import { type ErrorCode, messageOf, systemCodeOf, VscopeError } from "../../base/errors.ts";

const CODES: Readonly<Record<string, ErrorCode>> = {
  EBUSY: "DEVICE_BUSY",
  EACCES: "DEVICE_PERMISSION",
  EPERM: "DEVICE_PERMISSION",
  ENOENT: "DEVICE_NOT_CONNECTED",
  ENODEV: "DEVICE_NOT_CONNECTED",
  ENXIO: "DEVICE_NOT_CONNECTED",
};

const HINTS: Readonly<Record<string, string>> = {
  DEVICE_PERMISSION: ": this user may not, see etc/60-vscope.rules",
  DEVICE_BUSY: ": another program has it",
};

/** A system error about `subject` ("GPIO17") as a VscopeError; DEVICE_FAULT when nothing fits better. */
export function gpioError(subject: string, error: unknown): VscopeError {
  if (error instanceof VscopeError) return error;
  const code = CODES[systemCodeOf(error) ?? ""] ?? "DEVICE_FAULT";
  return new VscopeError(code, `${subject}: ${messageOf(error)}${HINTS[code] ?? ""}`, { cause: error });
}
