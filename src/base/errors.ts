// The one error class of the server and the one table of its codes.
// Grouped by who must act. docs/errors.md repeats this table; a test keeps the two identical.

export interface ErrorRow {
  /** Who must act: the client, the device's keeper, the disk's keeper, or the authors. */
  readonly group: "client" | "device" | "disk" | "ours";
  /** CoAP response code, RFC 7252 section 12.1.2 and RFC 8132 section 3. */
  readonly coap: string;
  readonly http: number;
  /** Whether the same request can succeed later without being changed. */
  readonly again: boolean;
  readonly when: string;
}

const client = rowsOf("client");
const device = rowsOf("device");
const disk = rowsOf("disk");
const ours = rowsOf("ours");

export const ERRORS = {
  VALUE_INVALID: client("4.00", 400, false, "The payload or a path parameter does not fit the schema."),
  VALUE_OUT_OF_RANGE: client("4.22", 422, false, "Well formed, but outside the limits the message names."),
  CREDENTIALS_REQUIRED: client(
    "4.01",
    401,
    false,
    "Not for everybody: a key with a sufficient role is needed.",
  ),
  ROLE_INSUFFICIENT: client("4.03", 403, false, "The key is known, but its role does not include this."),
  RESOURCE_NOT_FOUND: client("4.04", 404, false, "No such path, device, channel, run or file."),
  METHOD_NOT_ALLOWED: client("4.05", 405, false, "The resource does not have this method."),
  FORMAT_UNSUPPORTED: client("4.15", 415, false, "The Content-Format of the payload is not understood here."),
  FORMAT_NOT_ACCEPTABLE: client(
    "4.06",
    406,
    false,
    "The resource has no representation in the accepted format.",
  ),
  STATE_CONFLICT: client(
    "4.09",
    409,
    true,
    "Not possible in the present state, such as recording while recording.",
  ),
  PRECONDITION_FAILED: client(
    "4.12",
    412,
    false,
    "If-Match or If-None-Match does not hold: somebody else changed it.",
  ),
  PAYLOAD_TOO_LARGE: client("4.13", 413, false, "The payload is larger than the limit the message names."),
  OPERATION_CANCELLED: client(
    "4.09",
    409,
    false,
    "The operation was aborted, by a client or by the end of the server.",
  ),
  DEVICE_NOT_CONNECTED: device("5.03", 503, true, "Unplugged, unpowered, or not opened yet."),
  DEVICE_PERMISSION: device(
    "5.03",
    503,
    false,
    "Seen on the bus, but this user may not open it: the udev rule is missing.",
  ),
  DEVICE_BUSY: device("5.03", 503, true, "Held by another program, or its queue is full."),
  DEVICE_TIMEOUT: device("5.04", 504, true, "No answer before the deadline; the message names the exchange."),
  DEVICE_PROTOCOL: device("5.02", 502, true, "Wrong length, checksum, sync byte or refusal by the device."),
  DEVICE_FAULT: device("5.02", 502, false, "The device works but reports a fault of its own."),
  DATADIR_NOT_MOUNTED: disk("5.03", 503, true, "The medium of the data directory is not there."),
  DATADIR_WRONG: disk(
    "5.03",
    503,
    true,
    "Another data directory is there than the configuration names; nothing is written to it.",
  ),
  DATADIR_FULL: disk("5.03", 507, false, "Less space is left than the reserve."),
  DATADIR_IO: disk("5.00", 500, true, "The system refused a read or write; the cause names it."),
  CONFIG_INVALID: ours(
    "5.00",
    500,
    false,
    "A configuration file is wrong; the message names file, line and key.",
  ),
  SERVER_CONFLICT: ours("5.00", 500, false, "Another server has the port or the PID file."),
  INTERNAL: ours("5.00", 500, false, "A fault of the server itself; it is logged with its stack."),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;

function rowsOf(group: ErrorRow["group"]) {
  return (coap: string, http: number, again: boolean, when: string): ErrorRow => ({
    group,
    coap,
    http,
    again,
    when,
  });
}

export interface ErrorOptions {
  readonly cause?: unknown;
  /** Machine-readable facts, such as `{ min, max }`. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** A failure with a code. Message grammar: subject, fact, limit ("FLMT01859: 10 us is outside 1000..655350000 us"). */
export class VscopeError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "VscopeError";
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** True for a VscopeError, and, when codes are given, for one of these codes. */
export function isVscopeError(error: unknown, ...codes: ErrorCode[]): error is VscopeError {
  return error instanceof VscopeError && (codes.length === 0 || codes.includes(error.code));
}

/** The text of any thrown value, for messages and logs. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a Node.js system error (`ENOENT`, `EACCES`, ...), or undefined. */
export function systemCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** Any thrown value as a VscopeError; foreign errors become INTERNAL with the original as cause. */
export function asVscopeError(error: unknown): VscopeError {
  if (error instanceof VscopeError) return error;
  return new VscopeError("INTERNAL", `internal error: ${messageOf(error)}`, { cause: error });
}

/** True for a text that is one of the codes. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERRORS, text);
}

/** Throws VALUE_OUT_OF_RANGE with the limits unless `value` is a number within them. */
export function requireWithin(
  subject: string,
  value: number,
  { min, max, unit = "" }: { readonly min: number; readonly max: number; readonly unit?: string },
): void {
  if (value >= min && value <= max) return;
  const text = unit === "" ? "" : ` ${unit}`;
  throw new VscopeError(
    "VALUE_OUT_OF_RANGE",
    `${subject}: ${value}${text} is outside ${min}..${max}${text}`,
    {
      details: { min, max },
    },
  );
}
