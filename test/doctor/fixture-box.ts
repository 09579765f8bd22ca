// A computer as a tree of files in a temporary folder: what the doctor reads of /sys, /proc, /dev and /etc, with owners
// of their own, since the test's user cannot give files away.

import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { NEVER } from "../../src/base/abort.ts";
import { VscopeError } from "../../src/base/errors.ts";
import { devicePath } from "../../src/datadir/medium/block-device.ts";
import { ID_FILE, uuidIn } from "../../src/datadir/medium/identity.ts";
import { bareMountPoint, mountedAt, mountOf } from "../../src/datadir/medium/mount-table.ts";
import { Computer, type Ownership, type Permissions } from "../../src/doctor/computer.ts";
import { type Diagnosis, diagnose } from "../../src/doctor/doctor.ts";
import type { AskVersion } from "../../src/doctor/server-process.ts";

export interface FixtureBox {
  /** Text by path; folders are made as needed. */
  files: Record<string, string>;
  /** What symbolic links say, by path. */
  links: Record<string, string>;
  folders: string[];
  /** Those that are not root's with mode 0755. */
  owners: Record<string, Ownership>;
  /** Closed in spite of their owners, as by a container. */
  refused: string[];
  uid: number;
  gids: number[];
  space: { freeBytes: number; totalBytes: number } | VscopeError;
  ask: AskVersion;
  configFile: string | undefined;
}

/** Writes the box below `root`. */
export async function writeBox(box: FixtureBox, root: string): Promise<void> {
  const [gid = 0, ...groups] = box.gids;
  const status = `Name:\tnode\nUid:\t${box.uid}\t${box.uid}\t${box.uid}\t${box.uid}\nGid:\t${gid}\t${gid}\t${gid}\t${gid}\nGroups:\t${groups.join(" ")}\n`;
  for (const path of box.folders) await mkdir(join(root, path), { recursive: true });
  for (const [path, text] of Object.entries({ ...box.files, "/proc/self/status": status })) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  for (const [path, target] of Object.entries(box.links)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await symlink(target, join(root, path));
  }
}

/** What the doctor finds in the box. */
export async function examined(box: FixtureBox): Promise<Diagnosis> {
  const root = await mkdtemp(join(tmpdir(), "vscope-"));
  try {
    await writeBox(box, root);
    const options = {
      computer: new Computer(root, permissionsOf(box, root)),
      configFile: box.configFile,
      disk: {
        space: () => spaceOf(box),
        mountedAt,
        mountOf,
        bareMountPoint,
        devicePath,
        uuidIn,
        idFile: ID_FILE,
      },
      ask: box.ask,
      workingFolder: "/home/pi",
    };
    return await diagnose(options, NEVER);
  } finally {
    await rm(root, { recursive: true });
  }
}

async function spaceOf({ space }: FixtureBox): Promise<{ freeBytes: number; totalBytes: number }> {
  if (space instanceof VscopeError) throw space;
  return space;
}

// The kernel's rule for a process without privileges (path_resolution(7)): the first class that fits decides.
function permissionsOf(box: FixtureBox, root: string): Permissions {
  const ownership = async (path: string): Promise<Ownership | undefined> => {
    const isThere = await stat(path).then(
      () => true,
      () => false,
    );
    return isThere ? (box.owners[`/${relative(root, path)}`] ?? { mode: 0o755, uid: 0, gid: 0 }) : undefined;
  };
  return {
    ownership,
    async may(path, bits) {
      const owned = await ownership(path);
      if (owned === undefined || box.refused.includes(`/${relative(root, path)}`)) return false;
      if (box.uid === 0) return true;
      const shift = owned.uid === box.uid ? 6 : box.gids.includes(owned.gid) ? 3 : 0;
      return ((owned.mode >> shift) & bits) === bits;
    },
  };
}
