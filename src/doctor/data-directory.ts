// The data directory: its medium, the folder, the space on it, and the instrument configuration in it.

import { join, resolve } from "node:path";
import { messageOf } from "../base/errors.ts";
import { parseInstrumentConfig } from "../config/instrument-config.ts";
import { dataDirectoryPath } from "../config/server-config.ts";
import type { Box } from "./box.ts";
import { USE_FOLDER } from "./computer.ts";
import { invalid } from "./configuration.ts";
import { type Complaint, complain, fault, type Finding, fine, warning } from "./finding.ts";
import { contentComplaints, type DiskFacts, mediumComplaint, READ_ONLY } from "./medium.ts";
import type { ServiceUnit } from "./service-unit.ts";
import { SHIPPED_INSTRUMENT } from "./shipped.ts";

const SECTION = "server";
const MEGABYTE = 1e6;
/** Times the reserve: little space is worth a word before it is used up. */
const AMPLE = 4;

export interface DataDirectoryOptions {
  readonly disk: DiskFacts;
  readonly unit: ServiceUnit | undefined;
  /** Where the server was started, to which a relative path refers. */
  readonly workingFolder: string;
}

export async function checkDataDirectory(
  box: Box,
  options: DataDirectoryOptions,
): Promise<readonly Finding[]> {
  const { config } = box;
  const path = config.datadir.mount
    ? dataDirectoryPath(config)
    : resolve(options.workingFolder, config.datadir.datadir);
  const medium = await mediumComplaint(box, path, options.disk);
  // Below an empty mount point nothing is worth a look.
  if (medium !== undefined) return [complain(SECTION, "medium", medium)];
  const remark = config.datadir.mount ? `, on ${config.datadir.device}` : "";
  if (!(await box.computer.isThere(path))) {
    if (config.hardware.usb === "emulated")
      return [
        fine(SECTION, "data-directory", "data directory", `${path}: the server makes it when it starts`),
      ];
    return [complain(SECTION, "data directory", absent(box, path, options))];
  }
  const space = await checkSpace(box, path, options);
  const content = await contentComplaints(box, path, options);
  // Of a read-only medium permissions say nothing.
  const isReadOnly = content.some(({ check }) => check === READ_ONLY);
  const closed = isReadOnly ? [] : await unwritable(box, path, options);
  const complaints = [...content, ...closed, ...space.complaints];
  const findings =
    complaints.length > 0
      ? complaints.map((complaint) => complain(SECTION, "data directory", complaint))
      : [fine(SECTION, "data-directory", "data directory", `${path}${remark}, writable${space.remark}`)];
  return [...findings, ...(await checkInstrumentFile(box, join(path, config.config)))];
}

function absent({ account }: Box, path: string, { unit }: DataDirectoryOptions): Complaint {
  const owner = unit?.user ?? account.name;
  return fault("data-directory", `${path} is not there`, `sudo install -d -o ${owner} ${path}`);
}

async function unwritable(
  box: Box,
  path: string,
  { unit }: DataDirectoryOptions,
): Promise<readonly Complaint[]> {
  const { computer, account } = box;
  if (await computer.may(path, USE_FOLDER)) return [];
  const found = `${path} is not writable by ${account.name}`;
  // What the service may, only its user can tell.
  if (unit !== undefined && unit.user !== account.name)
    return [
      warning(
        "data-directory-permission",
        `${found}; the service is ${unit.user}`,
        `sudo -u ${unit.user} vscope doctor`,
      ),
    ];
  return [fault("data-directory-permission", found, `sudo chown -R ${account.name} ${path}`)];
}

interface Space {
  /** For the line about the data directory. */
  readonly remark: string;
  readonly complaints: readonly Complaint[];
}

async function checkSpace(
  { computer, config }: Box,
  path: string,
  { disk }: DataDirectoryOptions,
): Promise<Space> {
  if (disk.space === undefined) return { remark: "", complaints: [] };
  try {
    const { freeBytes, totalBytes } = await disk.space(computer.at(path));
    const remark = `, ${megabytes(freeBytes)} of ${megabytes(totalBytes)} free`;
    const reserveBytes = config.datadir.reserveMb * MEGABYTE;
    return { remark, complaints: shortage(path, { freeBytes, reserveBytes }) };
  } catch (error) {
    const found = `${path}: free space cannot be read: ${messageOf(error)}`;
    return {
      remark: "",
      complaints: [fault("space", found, "dmesg | tail; the medium may be broken or gone")],
    };
  }
}

function shortage(
  path: string,
  { freeBytes, reserveBytes }: { readonly freeBytes: number; readonly reserveBytes: number },
): readonly Complaint[] {
  const found = `${megabytes(freeBytes)} free, ${megabytes(reserveBytes)} stay in reserve`;
  const mend = `copy runs away and remove them: du -sh ${path}/*`;
  if (freeBytes < reserveBytes) return [fault("space", `${found}: nothing is recorded`, mend)];
  return freeBytes < AMPLE * reserveBytes ? [warning("space", found, mend)] : [];
}

async function checkInstrumentFile({ computer, config }: Box, path: string): Promise<readonly Finding[]> {
  const check = "instrument-file";
  if (!(await computer.isThere(path))) {
    // With emulated instruments the server makes it from the sample.
    if (config.hardware.usb === "emulated") return [];
    const mend = `cp ${SHIPPED_INSTRUMENT} ${path}, and change channels and pins`;
    return [complain(SECTION, "instrument", fault(check, `${path} is not there`, mend))];
  }
  const text = await computer.text(path);
  if (text === undefined)
    return [
      complain(SECTION, "instrument", fault(check, `${path} may not be read`, `sudo chmod a+r ${path}`)),
    ];
  try {
    parseInstrumentConfig(text, path);
    return [fine(SECTION, check, "instrument", `${path}, valid`)];
  } catch (error) {
    return [complain(SECTION, path, invalid(path, messageOf(error), check))];
  }
}

function megabytes(bytes: number): string {
  return `${Math.floor(bytes / MEGABYTE)} MB`;
}
