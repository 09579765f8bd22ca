// The compiled programs as a user starts them: processes, their output and their ends.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { NEVER } from "../../src/base/abort.ts";
import { SystemClock } from "../../src/base/clock.ts";

const PROGRAM = fileURLToPath(new URL("../../src/main.js", import.meta.url));

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running vscope-server. */
export class Program {
  readonly child: ChildProcess;
  readonly #ended: Promise<Ended>;
  #stdout = "";
  #stderr = "";

  constructor(
    args: readonly string[],
    options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
  ) {
    this.child = spawn(process.execPath, ["--enable-source-maps", PROGRAM, ...args], {
      stdio: "pipe",
      ...options,
    });
    this.child.stdout?.on("data", (chunk: Buffer) => (this.#stdout += chunk.toString()));
    this.child.stderr?.on("data", (chunk: Buffer) => (this.#stderr += chunk.toString()));
    this.#ended = once(this.child, "close").then(([status]: unknown[]) => ({
      status: typeof status === "number" ? status : null,
      stdout: this.#stdout,
      stderr: this.#stderr,
    }));
  }

  get stdout(): string {
    return this.#stdout;
  }

  /** Resolves with the line of the log that holds `text`; rejects when the program ends before. */
  async line(text: string): Promise<string> {
    for (;;) {
      const found = this.#stdout.split("\n").find((line) => line.includes(text));
      if (found !== undefined) return found;
      const data = once(this.child.stdout ?? this.child, "data");
      const ended = this.#ended.then(({ status, stderr }) => {
        throw new Error(`ended with ${status} before "${text}": ${stderr}`);
      });
      await Promise.race([data, ended]);
    }
  }

  /** Resolves when `condition` holds, which no event tells; rejects when the program ends before. */
  async until(condition: () => Promise<boolean>): Promise<void> {
    while (!(await condition())) {
      if (this.child.exitCode !== null) throw new Error(`ended with ${this.child.exitCode}: ${this.#stderr}`);
      await new SystemClock().delay(20_000, NEVER);
    }
  }

  ended(): Promise<Ended> {
    return this.#ended;
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Ended> {
    this.child.kill(signal);
    return await this.#ended;
  }
}

/** Runs the program to its end. */
export function runProgram(...args: readonly string[]): Promise<Ended> {
  return new Program(args).ended();
}
