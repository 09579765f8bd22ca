// The examination as a whole: reads the box once, lets every check look, and puts the findings in order. Runs beside a
// server or without one, as any user; changes nothing and opens no device.

import { type Box, readBox, serverOf } from "./box.ts";
import { checkClock } from "./clock-sync.ts";
import type { Computer } from "./computer.ts";
import { readConfiguration } from "./configuration.ts";
import { checkDataDirectory } from "./data-directory.ts";
import { type Finding, SECTIONS } from "./finding.ts";
import { checkKernel } from "./kernel.ts";
import { checkKeys } from "./keys.ts";
import type { DiskFacts } from "./medium.ts";
import { checkPermissions } from "./permissions.ts";
import { checkPower } from "./power.ts";
import { type AskVersion, checkServer } from "./server-process.ts";
import { readServiceUnit, type ServiceUnit } from "./service-unit.ts";
import { checkSpectrometers } from "./spectrometers.ts";

export interface DoctorOptions {
  readonly computer: Computer;
  /** As with `vscope-server -s`; /etc/vscope.cfg when absent. */
  readonly configFile: string | undefined;
  readonly disk: DiskFacts;
  readonly ask: AskVersion | undefined;
  /** For relative paths, where neither a running server nor a unit says another. */
  readonly workingFolder: string;
}

export interface Diagnosis {
  readonly faults: number;
  readonly warnings: number;
  /** By section. */
  readonly findings: readonly Finding[];
}

/** Throws only when the signal aborts: what cannot be read is left out or found. */
export async function diagnose(options: DoctorOptions, signal: AbortSignal): Promise<Diagnosis> {
  const { computer, disk, ask } = options;
  const { findings, ...configuration } = await readConfiguration(computer, options.configFile);
  const [box, unit] = await Promise.all([readBox(computer, configuration), readServiceUnit(computer)]);
  const workingFolder = await workingFolderOf(box, unit, options);
  const all = [
    ...(await checkSpectrometers(box)),
    ...(await checkKernel(box)),
    ...(await checkPermissions(box, unit)),
    ...(await checkPower(computer)),
    ...findings,
    ...(await checkKeys(box, unit)),
    ...(await checkDataDirectory(box, { disk, unit, workingFolder })),
    ...(await checkServer(box, { ask, unit, workingFolder }, signal)),
    ...(await checkClock(computer)),
  ];
  return {
    faults: all.filter(({ mark }) => mark === "fault").length,
    warnings: all.filter(({ mark }) => mark === "warn").length,
    findings: SECTIONS.flatMap((section) => all.filter((finding) => finding.section === section)),
  };
}

async function workingFolderOf(
  box: Box,
  unit: ServiceUnit | undefined,
  { workingFolder }: DoctorOptions,
): Promise<string> {
  const running = serverOf(box);
  // Readable by the server's own user and root.
  const folder = running === undefined ? undefined : await box.computer.link(`/proc/${running.pid}/cwd`);
  return folder ?? unit?.workingFolder ?? workingFolder;
}
