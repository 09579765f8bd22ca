// What chrony or systemd say of the computer's clock. chrony is asked first: it knows the error, systemd only a yes or no.

import { type Clock, SECOND } from "../../base/clock.ts";
import { definedOnly } from "../../base/defined-only.ts";
import { withDeadline } from "../../base/abort.ts";
import { VscopeError } from "../../base/errors.ts";
import type { Programs } from "./port.ts";

export interface ClockReading {
  readonly isSynchronised: boolean;
  readonly source: "chrony" | "timedatectl";
  /** What the clock is compared with: an address, a name, PPS. */
  readonly reference?: string;
  /** At most so far from UTC. */
  readonly errorUs?: number;
  /** Since the last comparison. */
  readonly ageS?: number;
}

const WITHIN_US = 5 * SECOND;
/** Of chronyd when it serves the computer's own clock. */
const LOCAL_REFERENCE = "7F7F0101";

/** Undefined when nobody on this computer tells. Rejects when `signal` aborts. */
export async function readClock(
  programs: Programs,
  clock: Clock,
  signal: AbortSignal,
): Promise<ClockReading | undefined> {
  const tracking = await printed({ programs, clock }, ["chronyc", "-c", "tracking"], signal);
  const known = tracking === undefined ? undefined : trackingOf(tracking, clock.utcUs());
  if (known !== undefined) return known;
  const shown = await printed({ programs, clock }, ["timedatectl", "show"], signal);
  return shown === undefined ? undefined : timedatectlOf(shown);
}

// A program that is not there, fails or hangs tells nothing.
async function printed(
  { programs, clock }: { readonly programs: Programs; readonly clock: Clock },
  [program = "", ...args]: readonly string[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const late = (): Error =>
    new VscopeError("DEVICE_TIMEOUT", `${program}: no answer in ${WITHIN_US / SECOND} s`);
  try {
    return await withDeadline({ clock, us: WITHIN_US, late }, signal, (limited) =>
      programs.run(program, args, limited),
    );
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

/**
 * The line of `chronyc -c tracking`: reference id, its name, stratum, time of the last comparison, offset, last offset,
 * RMS offset, three frequencies, root delay, root dispersion, interval, leap status (chronyc(1)).
 */
export function trackingOf(text: string, utcUs: number): ClockReading | undefined {
  const fields = text.trim().split(",");
  const [id = "", name = "", , comparedS, offsetS, , , , , , delayS, dispersionS, , leap = ""] = fields;
  const [compared, offset, delay, dispersion] = [comparedS, offsetS, delayS, dispersionS].map(Number);
  if (fields.length !== 14 || compared === undefined || offset === undefined) return undefined;
  if (delay === undefined || dispersion === undefined) return undefined;
  if (![compared, offset, delay, dispersion].every(Number.isFinite)) return undefined;
  const isSynchronised = leap !== "Not synchronised" && id !== LOCAL_REFERENCE && !/^0*$/.test(id);
  if (!isSynchronised) return { isSynchronised, source: "chrony" };
  return {
    isSynchronised,
    source: "chrony",
    ...definedOnly({ reference: name === "" ? undefined : name }),
    // Its manual: the error is at most |offset| + root dispersion + root delay / 2.
    errorUs: Math.round((Math.abs(offset) + dispersion + delay / 2) * SECOND),
    ageS: Math.max(0, Math.round(utcUs / SECOND - compared)),
  };
}

/** The lines of `timedatectl show`, one `Name=value` each. */
export function timedatectlOf(text: string): ClockReading | undefined {
  const [, answer] = /^NTPSynchronized=(yes|no)$/m.exec(text) ?? [];
  return answer === undefined ? undefined : { isSynchronised: answer === "yes", source: "timedatectl" };
}
