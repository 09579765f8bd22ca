// `--check` for the medium of the data directory: whether it is there, and the right one. Mounts nothing.

import { VscopeError } from "../base/errors.ts";
import { dataDirectoryPath, type ServerConfig } from "../config/server-config.ts";
import { onDisk, SYSTEM_DISK } from "../datadir/disk/disk.ts";
import { readIdentity, requireIdentity } from "../datadir/medium/identity.ts";
import { mountedAt, type MountTable, placeOf, requireMounted } from "../datadir/medium/mount-table.ts";

/**
 * What the server would wait for, or refuse, at its start; below an empty mount point nothing else is worth a look. Throws
 * DATADIR_NOT_MOUNTED, DATADIR_WRONG, DATADIR_IO.
 */
export async function checkMedium(
  config: Pick<ServerConfig, "datadir">,
  table: MountTable,
  print: (line: string) => void,
): Promise<void> {
  const { mount, device, mountPoint, requireMount, uuid } = config.datadir;
  if (mount && mountedAt(await table.mountInfo(), mountPoint) === undefined)
    throw new VscopeError(
      "DATADIR_NOT_MOUNTED",
      `${device}: not mounted at ${mountPoint}; the server does that, for the check mount it by hand`,
    );
  const path = dataDirectoryPath(config);
  const place = await onDisk(path, () => placeOf(SYSTEM_DISK, path));
  await requireMounted(place, { table, requireMount });
  requireIdentity(path, (await readIdentity(SYSTEM_DISK, place)) ?? {}, uuid);
  if (mount) print(`medium           ${device}: mounted at ${mountPoint}`);
}
