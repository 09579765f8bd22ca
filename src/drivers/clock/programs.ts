// Runs programs of this computer as child processes, without a shell.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Programs } from "./port.ts";

const run = promisify(execFile);
// What they print is a few hundred bytes.
const MOST_BYTES = 65_536;

export const PROGRAMS: Programs = {
  async run(program, args, signal) {
    const options = { signal, killSignal: "SIGKILL", maxBuffer: MOST_BYTES, encoding: "utf8" } as const;
    // In another language they would print other words.
    const { stdout } = await run(program, args, { ...options, env: { ...process.env, LC_ALL: "C" } });
    return stdout;
  },
};
