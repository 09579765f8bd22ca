// vscope doctor: looks at this computer and says what keeps the server from working, and what mends it. Needs no server.

import { resolve } from "node:path";
import type { Command } from "commander";
import { VscopeError } from "../../../base/errors.ts";
import { devicePath } from "../../../datadir/medium/block-device.ts";
import { SYSTEM_DISK } from "../../../datadir/disk/disk.ts";
import { ID_FILE, uuidIn } from "../../../datadir/medium/identity.ts";
import { bareMountPoint, mountedAt, mountOf } from "../../../datadir/medium/mount-table.ts";
import { Computer } from "../../../doctor/computer.ts";
import { type Diagnosis, diagnose } from "../../../doctor/doctor.ts";
import { type Finding, type Mark, SECTIONS } from "../../../doctor/finding.ts";
import { askOverCoap } from "../../../doctor/server-process.ts";
import { command } from "../help.ts";
import type { Session } from "../session.ts";
import { printable } from "../value-text.ts";

interface DoctorFlags {
  readonly serverConfig?: string;
  readonly root?: string;
}

export function doctorCommand(session: Session): Command {
  return command({
    name: "doctor",
    summary: "look for problems on this computer and say what mends them",
    details: "USB, permissions, power, configuration, data directory; needs no server and opens no device",
    examples: ["vscope doctor", "sudo -u vscope vscope doctor -s /etc/vscope.cfg", "vscope doctor --json"],
  })
    .option("-s, --server-config <file>", "server configuration (default: /etc/vscope.cfg)")
    .option("--root <folder>", "look at a copy of another computer's /etc, /dev, /proc and /sys")
    .action(async (flags: DoctorFlags) => {
      const diagnosis = await examine(session, flags);
      session.print(diagnosis, () => diagnosisText(diagnosis, session.terminal.hasColour));
      if (diagnosis.faults > 0) throw failure(diagnosis);
    });
}

function examine({ clock, signal }: Session, { serverConfig, root }: DoctorFlags): Promise<Diagnosis> {
  // Of a copy neither the space nor the network is that of the computer it was taken from.
  const space = root === undefined ? { space: (path: string) => SYSTEM_DISK.space(path) } : {};
  const isHere = root === undefined && serverConfig !== undefined;
  const options = {
    computer: new Computer(root),
    configFile: isHere ? resolve(serverConfig) : serverConfig,
    disk: { mountedAt, mountOf, bareMountPoint, devicePath, uuidIn, idFile: ID_FILE, ...space },
    ask: root === undefined ? askOverCoap(clock) : undefined,
    workingFolder: process.cwd(),
  };
  return diagnose(options, signal);
}

// Not an answer of a device: exit code 1.
function failure(diagnosis: Diagnosis): VscopeError {
  return new VscopeError("DEVICE_FAULT", `doctor: ${counted(diagnosis.faults, "fault")}, see above`, {
    details: { operation: "doctor" },
  });
}

const COLOURS = { ok: 32, warn: 33, fault: 31 } as const satisfies Record<Mark, number>;

/** One screen: the sum first, with what is at fault, then all findings by section with what mends them. */
export function diagnosisText({ faults, warnings, findings }: Diagnosis, hasColour: boolean): string {
  const paint = (mark: Mark): string => {
    const text = mark.padEnd(5);
    return hasColour ? `\u001b[${COLOURS[mark]}m${text}\u001b[0m` : text;
  };
  const broken = findings.filter(({ mark }) => mark === "fault").map(({ subject }) => subject);
  const names = broken.length === 0 ? "" : `: ${[...new Set(broken)].join("; ")}`;
  const sum = `${counted(faults, "fault")}, ${counted(warnings, "warning")}${names}`;
  const sections = SECTIONS.flatMap((section) => {
    const own = findings.filter((finding) => finding.section === section);
    return own.length === 0 ? [] : [section, ...own.flatMap((finding) => findingLines(finding, paint))];
  });
  return [printable(sum), ...sections].join("\n");
}

// What devices and files say must not move the cursor.
function findingLines(
  { mark, subject, found, mend }: Finding,
  paint: (mark: Mark) => string,
): readonly string[] {
  const head = `  ${paint(mark)}  ${printable(`${subject}: ${found}`)}`;
  return [head, ...mend.map((line) => `           > ${printable(line)}`)];
}

function counted(count: number, what: string): string {
  return `${count === 0 ? "no" : count} ${what}${count === 1 ? "" : "s"}`;
}
