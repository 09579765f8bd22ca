// Whether the computer's clock is set by somebody: spectra carry their times.

import type { Computer } from "./computer.ts";
import { complain, type Finding, fine, warning } from "./finding.ts";

/** systemd-timesyncd makes it after the first synchronisation since the start. */
const TIMESYNCD = "/run/systemd/timesync/synchronized";
/** Daemons that set the clock, by their PID files; whether they have, only they know. */
const DAEMONS = [
  "/run/chrony/chronyd.pid",
  "/run/chronyd.pid",
  "/run/ntpd.pid",
  "/run/ntpsec/ntpd.pid",
] as const;

export async function checkClock(computer: Computer): Promise<readonly Finding[]> {
  if (await computer.isThere(TIMESYNCD))
    return [fine("clock", "clock", "clock", "synchronised by systemd-timesyncd")];
  for (const path of DAEMONS) {
    const pid = await computer.number(path);
    const name = pid === undefined ? undefined : await computer.text(`/proc/${pid}/comm`);
    if (name !== undefined) return [fine("clock", "clock", "clock", `${name} runs (process ${pid})`)];
  }
  const found = "not synchronised since the start: the times in the files may be wrong";
  const complaint = warning(
    "clock",
    found,
    "sudo timedatectl set-ntp true",
    "without a network: date --set, or a GPS with chrony",
  );
  return [complain("clock", "clock", complaint)];
}
