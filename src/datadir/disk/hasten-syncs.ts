// syncfs(2): everything that waits for one medium goes there in one go. A card with a flush of 200 ms needs one of them
// for a group of files then, and not one for each three. What is safe, the fsync after it tells: nothing here fails.

import { open, stat } from "node:fs/promises";
import { type LibcCall, openLibc } from "../../base/libc.ts";

let declared: Promise<LibcCall | undefined> | undefined;

/** Does nothing on the medium of the system: other programs write there, and it would wait for them. */
export async function hastenSyncs(path: string): Promise<void> {
  try {
    const [own, system] = await Promise.all([stat(path), stat("/")]);
    if (own.dev === system.dev) return;
    declared ??= declare();
    const syncfs = await declared;
    const folder = await open(path, "r");
    try {
      await syncfs?.(folder.fd);
    } finally {
      await folder.close();
    }
  } catch {
    // A hint. The fsync that follows fails with the reason.
  }
}

// A computer without it does without it.
async function declare(): Promise<LibcCall | undefined> {
  try {
    return (await openLibc()).declareWaiting("int syncfs(int fd)");
  } catch {
    return undefined;
  }
}
