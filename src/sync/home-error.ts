// Errors of this computer's disk, as those of the data directory are told.

import { asDiskError } from "../datadir/disk/disk.ts";

/** Runs calls that the disk answers at once. Throws DATADIR_IO, DATADIR_FULL. */
export function onHome<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw asDiskError(path, error);
  }
}
