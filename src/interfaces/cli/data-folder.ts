// Which data directory a command means: a folder on this machine, or that of the server.

import { stat } from "node:fs/promises";
import { usageError } from "./exit-codes.ts";

/** The folder, or undefined for the server's. Throws usage errors: opening a data directory makes it, and a mistyped path must not. */
export async function localFolder(path: string | undefined, isServer: boolean): Promise<string | undefined> {
  if (path === undefined) {
    if (isServer) return undefined;
    throw usageError("which data directory? give its folder here, or --server");
  }
  if (isServer) throw usageError(`${path}, --server: one of them, a folder here or the server's`);
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() !== true) throw usageError(`${path}: no such folder`);
  return path;
}
