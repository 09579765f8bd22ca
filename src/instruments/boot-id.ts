// Which start of the computer this is: after a power cut it is another one, after a crash of the server the same.

import { readFile } from "node:fs/promises";

const PATH = "/proc/sys/kernel/random/boot_id";

/** Undefined where the system does not tell. */
export async function bootId(): Promise<string | undefined> {
  return readFile(PATH, "ascii").then(
    (text) => text.trim(),
    () => undefined,
  );
}
