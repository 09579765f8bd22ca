// Runs the compiled vscope as a user does: a process with arguments, an environment and pipes.

import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("../../../src/interfaces/cli/vscope.js", import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly out: string;
  readonly errors: string;
}

export interface SpawnOptions {
  readonly url?: string;
  readonly input?: string;
  readonly cwd?: string;
  /** Called with everything on stdout and stderr so far, each time there is more. */
  readonly watch?: (text: string, child: ChildProcess) => void;
}

export function vscope(
  args: readonly string[],
  { url, input = "", cwd, watch }: SpawnOptions = {},
): Promise<Finished> {
  const { VSCOPE_URL: _, NO_COLOR: __, ...env } = process.env;
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: url === undefined ? env : { ...env, VSCOPE_URL: url },
    stdio: "pipe",
    timeout: 60_000,
    ...(cwd !== undefined && { cwd }),
  });
  let out = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    watch?.(out + errors, child);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
    watch?.(out + errors, child);
  });
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out, errors }));
  });
}
