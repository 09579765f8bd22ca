// The log: one JSON line per event (pino) on stdout or in a file that SIGHUP reopens.

import { type DestinationStream, destination, pino } from "pino";
import { messageOf, VscopeError } from "./errors.ts";

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A log that adds `fields` to every line, such as `{ serial }`. */
  child(fields: object): Log;
}

export interface LogOptions {
  readonly level: "debug" | "info" | "warn" | "error" | "silent";
  /** Path of a file to append to; stdout when absent. */
  readonly file?: string;
  /** The key of the configuration that says so, for messages: `logging.logfile`. */
  readonly setting?: string;
}

/** A log and the function that reopens its file after rotation. Throws CONFIG_INVALID when the file cannot be written. */
export function openLog(options: LogOptions): { readonly log: Log; readonly reopen: () => void } {
  const { level, file } = options;
  const stream = openDestination(options);
  const log = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream);
  const reopen = (): void => {
    try {
      if (file !== undefined) stream.reopen();
    } catch (error) {
      log.error({ file, reason: messageOf(error) }, "log cannot be reopened, the file of before goes on");
    }
  };
  return { log, reopen };
}

/** Lines that cannot be written are kept up to here, and written when there is room again. */
const MOST_UNWRITTEN_BYTES = 2 ** 20;

function openDestination({ file, setting = "log" }: LogOptions): ReturnType<typeof destination> {
  try {
    const dest = file ?? 1;
    const stream = destination({
      dest,
      append: true,
      mkdir: true,
      sync: true,
      maxLength: MOST_UNWRITTEN_BYTES,
    });
    // As on a full disk: without this the line that cannot be written would end the server.
    return stream.on("error", () => {});
  } catch (cause) {
    const fact = `${setting}: ${file ?? "standard output"}: cannot be written, ${messageOf(cause)}`;
    throw new VscopeError("CONFIG_INVALID", fact, { cause });
  }
}

/** A log into a stream of the caller's, for tests. */
export function logTo(stream: DestinationStream): Log {
  return pino({ level: "debug", base: null }, stream);
}

/** A log that drops everything. */
export const SILENT: Log = { debug: drop, info: drop, warn: drop, error: drop, child: () => SILENT };

function drop(): void {}
