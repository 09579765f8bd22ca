// Whether a file or folder could be written, told beforehand and without making or changing anything.

import { accessSync, constants, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { messageOf, systemCodeOf } from "./errors.ts";

/** The system's reason why the file, which need not be there yet, could not be appended to or made; undefined if it could. */
export function whyFileNotWritable(path: string): string | undefined {
  return reasonOf(() => {
    if (statSync(path).isDirectory()) return "it is a folder";
    accessSync(path, constants.W_OK);
    return undefined;
  }, path);
}

/** The same for files in a folder, which need not be there yet. */
export function whyFolderNotWritable(path: string): string | undefined {
  return reasonOf(() => {
    if (!statSync(path).isDirectory()) return "ENOTDIR: it is no folder";
    accessSync(path, constants.W_OK | constants.X_OK);
    return undefined;
  }, path);
}

// What is not there yet is made in the folder above, which is made, too.
function reasonOf(look: () => string | undefined, path: string): string | undefined {
  try {
    return look();
  } catch (error) {
    const above = dirname(resolve(path));
    if (systemCodeOf(error) === "ENOENT" && above !== resolve(path)) return whyFolderNotWritable(above);
    return messageOf(error);
  }
}
