// The audit log: who had what done, by which right, with which outcome. A line in the log, and in a file of its own when
// one is configured. Whoever floods the server with requests that are refused must not fill the disk with lines.

import { type Clock, SECOND } from "../base/clock.ts";
import { type Log, openLog, SILENT } from "../base/log.ts";
import type { Role } from "../config/access.ts";

/** One request that was to change something. */
export interface Command {
  readonly peer: string;
  /** `udp`, `tls`, ... */
  readonly transport: string;
  /** Who has proven to be behind it: "oscore field-laptop"; absent for anybody. */
  readonly identity?: string;
  readonly role: Role;
  readonly method: string;
  readonly path: string;
  /** The beginning of what was sent, as text. */
  readonly value?: string;
  /** Response code, such as "2.04". */
  readonly outcome: string;
  readonly durationMs: number;
}

/** Lines about refusals in a window; the rest is counted. */
const MOST_REFUSALS = 60;
const WINDOW_US = 60 * SECOND;

const REFUSALS: readonly string[] = ["4.01", "4.03"];

/** True for the response codes of requests that the policy has refused. */
export function isRefusal(outcome: string): boolean {
  return REFUSALS.includes(outcome);
}

export class AuditLog {
  readonly #clock: Clock;
  readonly #logs: readonly Log[];
  readonly #reopen: () => void;
  #windowEndUs = Number.NEGATIVE_INFINITY;
  #refusals = 0;

  private constructor(clock: Clock, logs: readonly Log[], reopen: () => void) {
    this.#clock = clock;
    this.#logs = logs.map((log) => log.child({ audit: true }));
    this.#reopen = reopen;
  }

  /** `file` is appended to, and made with its folder when it is not there. Throws CONFIG_INVALID when that fails. */
  static open(
    file: string | undefined,
    { clock, log }: { readonly clock: Clock; readonly log: Log },
  ): AuditLog {
    const setting = "security.audit_log";
    const own =
      file === undefined ? { log: SILENT, reopen: () => {} } : openLog({ level: "info", file, setting });
    return new AuditLog(clock, [log, own.log], own.reopen);
  }

  record(command: Command): void {
    const isRefused = isRefusal(command.outcome);
    this.#turnWindow();
    if (isRefused && ++this.#refusals > MOST_REFUSALS) return;
    this.#write(command, isRefused ? "command refused" : "command");
  }

  /** After the file was renamed by whoever rotates logs. */
  reopen(): void {
    this.#reopen();
  }

  /** Says how many refusals have no line. */
  close(): void {
    this.#windowEndUs = Number.NEGATIVE_INFINITY;
    this.#turnWindow();
  }

  #turnWindow(): void {
    const nowUs = this.#clock.nowUs();
    if (nowUs < this.#windowEndUs) return;
    const unlisted = this.#refusals - MOST_REFUSALS;
    this.#windowEndUs = nowUs + WINDOW_US;
    this.#refusals = 0;
    if (unlisted > 0) this.#write({ unlisted }, "commands refused without a line each");
  }

  #write(fields: object, message: string): void {
    for (const log of this.#logs) log.info(fields, message);
  }
}
