// The reserve: recording stops while there is still room for the catalogue, the logs and a tidy end.

import { bytesText } from "../../base/bytes-text.ts";
import { VscopeError } from "../../base/errors.ts";
import { type Disk, type DiskSpace, onDisk } from "./disk.ts";

export interface SpaceWish {
  readonly bytes: number;
  readonly reserveBytes: number;
  /** Throws away what can be made again; false when nothing is there. */
  readonly makeRoom?: () => Promise<boolean>;
}

/** The space of the medium. Throws DATADIR_FULL, with the figures, when `bytes` more would touch the reserve. */
export async function requireSpace(
  disk: Disk,
  folder: string,
  { bytes, reserveBytes, makeRoom }: SpaceWish,
): Promise<DiskSpace> {
  const look = (): Promise<DiskSpace> => onDisk(folder, () => disk.space(folder));
  let space = await look();
  if (space.freeBytes - bytes < reserveBytes && (await makeRoom?.()) === true) space = await look();
  if (space.freeBytes - bytes >= reserveBytes) return space;
  const wanted = bytes === 0 ? "" : `, ${bytesText(bytes)} are wanted`;
  const fact = `${bytesText(space.freeBytes)} are free${wanted}`;
  throw new VscopeError(
    "DATADIR_FULL",
    `data directory: ${fact}, ${bytesText(reserveBytes)} stay in reserve`,
    {
      details: { freeBytes: space.freeBytes, bytes, reserveBytes },
    },
  );
}
