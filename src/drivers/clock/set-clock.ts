// Sets the computer's clock. systemd is asked first: it sets the hardware clock, too, and its polkit can permit this one
// thing to a user who is not root; date(1) is for root where systemd refuses or is not there.

import { messageOf, VscopeError } from "../../base/errors.ts";
import type { Programs } from "./port.ts";

/** Throws DEVICE_PERMISSION with what the programs say when none could; else only when `signal` aborts. */
export async function setClock(programs: Programs, iso: string, signal: AbortSignal): Promise<void> {
  const refusals: string[] = [];
  for (const [program, ...args] of [
    ["timedatectl", "--no-ask-password", "set-time", `@${Date.parse(iso) / 1000}`],
    ["date", "--utc", "--set", iso],
  ] as const) {
    try {
      await programs.run(program, args, signal);
      return;
    } catch (error) {
      signal.throwIfAborted();
      refusals.push(reasonOf(program, error));
    }
  }
  const hint = "docs/how-to/box.md tells what it needs";
  throw new VscopeError("DEVICE_PERMISSION", `clock: not set, ${refusals.join("; ")}; ${hint}`);
}

/** The last line: before it is the command. */
function reasonOf(program: string, error: unknown): string {
  const reason = messageOf(error).trim().split("\n").at(-1) ?? "";
  return reason.startsWith(`${program}:`) ? reason : `${program}: ${reason}`;
}
