// Which process a PID belongs to: a number is used again, so the start time and the boot go with it (proc(5)).

import { readFileSync } from "node:fs";

/** Boot and start of a process as one word, or undefined when there is no such process. */
export function processIdentity(pid: number, proc = "/proc"): string | undefined {
  try {
    const stat = readFileSync(`${proc}/${pid}/stat`, "latin1");
    const boot = readFileSync(`${proc}/sys/kernel/random/boot_id`, "latin1").trim();
    // The command, in brackets, may hold blanks and brackets; behind it the state is field 3, the start time 22.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, start] = [fields[0], fields[19]];
    return state === "Z" || start === undefined ? undefined : `${boot}/${start}`;
  } catch {
    return undefined;
  }
}
