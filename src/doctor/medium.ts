// The medium of the data directory: whether it is mounted, writable and the right one, and whether the server may mount it.

import { join, resolve } from "node:path";
import type { Box } from "./box.ts";
import { type Complaint, fault, warning } from "./finding.ts";
import type { ServiceUnit } from "./service-unit.ts";
import { SHIPPED_SUDOERS } from "./shipped.ts";

export const READ_ONLY = "medium-read-only";
const MOUNT_INFO = "/proc/self/mountinfo";

interface MountSeen {
  readonly number: string;
  readonly mountPoint: string;
  readonly source: string;
  readonly isReadOnly: boolean;
}

/** What src/datadir knows of media; handed in by whoever may know both. */
export interface DiskFacts {
  /** Absent where the files are a copy: their space says nothing. */
  readonly space?: (path: string) => Promise<{ readonly freeBytes: number; readonly totalBytes: number }>;
  mountedAt(mountInfo: string, mountPoint: string): MountSeen | undefined;
  mountOf(mountInfo: string, path: string): MountSeen | undefined;
  bareMountPoint(
    tables: { readonly mountInfo: string; readonly fstab: string },
    path: string,
  ): string | undefined;
  devicePath(device: string): string;
  /** The uuid of a data directory, from the text of its file. */
  uuidIn(text: string): string | undefined;
  /** Its name. */
  readonly idFile: string;
}

/** Why there is nothing to look at below the path. */
export async function mediumComplaint(
  box: Box,
  path: string,
  disk: DiskFacts,
): Promise<Complaint | undefined> {
  return box.config.datadir.mount ? ownMedium(box, disk) : bareComplaint(box, path, disk);
}

async function bareComplaint(
  { computer, config }: Box,
  path: string,
  disk: DiskFacts,
): Promise<Complaint | undefined> {
  const mountInfo = (await computer.text(MOUNT_INFO)) ?? "";
  const fstab = (await computer.text("/etc/fstab")) ?? "";
  const bare = disk.bareMountPoint({ mountInfo, fstab }, path);
  if (bare !== undefined)
    return fault("medium", `nothing is mounted at ${bare}; the server waits for it`, `sudo mount ${bare}`);
  const mount = disk.mountOf(mountInfo, path);
  if (!config.datadir.requireMount || mount?.mountPoint !== "/") return undefined;
  return fault("medium", `no medium is mounted for ${path}; the server waits for it`, "plug it in; lsblk -f");
}

async function ownMedium({ computer, config }: Box, disk: DiskFacts): Promise<Complaint | undefined> {
  const { device, mountPoint } = config.datadir;
  const mountInfo = (await computer.text(MOUNT_INFO)) ?? "";
  const mount = disk.mountedAt(mountInfo, mountPoint);
  const path = disk.devicePath(device);
  if (mount === undefined) {
    if (!(await computer.isThere(path)))
      return fault(
        "medium",
        `${device} is not plugged in`,
        "plug it in; the server mounts it then",
        "lsblk -f",
      );
    const found = `${device} is not mounted at ${mountPoint}; the server mounts it when it starts`;
    return warning("medium", found, `sudo mount ${device} ${mountPoint}`);
  }
  const { source, number } = mount;
  // A number that begins with 0 is a file system's own, as of btrfs.
  const isGone = !number.startsWith("0:") && !(await computer.isThere(`/sys/dev/block/${number}`));
  if (source.startsWith("/dev/") && isGone)
    return fault(
      "medium",
      `${source} was pulled out while mounted`,
      `plug it in again, or: sudo umount -l ${mountPoint}`,
    );
  const link = await computer.link(path);
  const isSame = [device, path, link === undefined ? path : resolve(path, "..", link)].includes(source);
  if (isSame || (!device.startsWith("/") && link === undefined)) return undefined;
  return fault("medium", `${mountPoint} holds ${source}, not ${device}`, `sudo umount ${mountPoint}`);
}

/** What is wrong with the medium that is there. */
export async function contentComplaints(
  box: Box,
  path: string,
  { disk, unit }: { readonly disk: DiskFacts; readonly unit: ServiceUnit | undefined },
): Promise<readonly Complaint[]> {
  const complaints = [
    await readOnlyComplaint(box, path, disk),
    await uuidComplaint(box, path, disk),
    await sudoComplaint(box, unit),
  ];
  return complaints.flatMap((one) => one ?? []);
}

async function readOnlyComplaint(
  { computer }: Box,
  path: string,
  disk: DiskFacts,
): Promise<Complaint | undefined> {
  const mount = disk.mountOf((await computer.text(MOUNT_INFO)) ?? "", path);
  if (mount?.isReadOnly !== true) return undefined;
  const { mountPoint, source } = mount;
  const found = `${source} at ${mountPoint} is read-only: nothing is recorded`;
  const repair = `sudo umount ${mountPoint} && sudo fsck -a ${source} && sudo mount ${source} ${mountPoint}`;
  return fault(READ_ONLY, found, "dmesg | tail; a switch on the card?", repair);
}

async function uuidComplaint(
  { computer, config }: Box,
  path: string,
  disk: DiskFacts,
): Promise<Complaint | undefined> {
  const { uuid } = config.datadir;
  if (uuid === undefined) return undefined;
  const found = disk.uuidIn((await computer.text(join(path, disk.idFile))) ?? "");
  if (found === uuid) return undefined;
  const fact = found === undefined ? "has no uuid" : `is ${found}`;
  const mend = "plug in the right medium, or change uuid in the server configuration";
  return fault("uuid", `${path} ${fact}, datadir.uuid is ${uuid}`, mend);
}

// Only root reads the rules.
async function sudoComplaint(
  { computer, config, account }: Box,
  unit: ServiceUnit | undefined,
): Promise<Complaint | undefined> {
  const user = unit?.user ?? account.name;
  const main = await computer.text("/etc/sudoers");
  if (!config.datadir.mount || user === "root" || main === undefined) return undefined;
  const names = await computer.names("/etc/sudoers.d");
  const rules = [main];
  for (const name of names) rules.push((await computer.text(`/etc/sudoers.d/${name}`)) ?? "");
  const { mountPoint } = config.datadir;
  const isAllowed = rules.some(
    (text) =>
      text.includes(`umount ${mountPoint}`) || new RegExp(`^${user}\\s.*NOPASSWD:\\s*ALL`, "m").test(text),
  );
  if (isAllowed) return undefined;
  const found = `${user} may not mount at ${mountPoint} without a password`;
  return fault(
    "sudoers",
    found,
    `sudo install -m 0440 ${SHIPPED_SUDOERS} /etc/sudoers.d/vscope, and change it`,
  );
}
