// Runs the load generator (load.c), compiled when it is not there yet, and reads what it prints.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { findProgram, onCore, root } from "./servers.ts";

export interface LoadResult {
  readonly seconds: number;
  /** Answers, blocks of a transfer each counted, or notifications. */
  readonly answered: number;
  readonly transfers: number;
  readonly bytes: number;
  /** Observers whose registration was answered. */
  readonly registered: number;
  /** Requests sent again after a second without an answer. */
  readonly repeats: number;
  readonly failures: number;
  /** CPU time of the load generator itself. */
  readonly cpuUs: number;
  /** Of a request, a whole transfer, or from the writer to the observer. */
  readonly p50Us: number;
  readonly p99Us: number;
}

export interface LoadOptions {
  readonly mode: "get" | "block2" | "block1" | "observe";
  readonly port: number;
  readonly clients: number;
  readonly seconds: number;
  readonly path: string;
  /** Pause in us for get, bytes for block1, Hz for observe. */
  readonly extra?: number;
  readonly core: number;
  /** Never sleep, so that the server never has to wake the other core. */
  readonly spins?: boolean;
}

const source = join(root, "bench/coap/load.c");
const sources = [source, join(root, "bench/coap/message.h")];
const program = join(root, "dist/bench/coap/load");

/** Compiles the generator; returns the reason when that is not possible. */
export function compileLoad(): string | undefined {
  const newestMs = Math.max(...sources.map((file) => statSync(file).mtimeMs));
  if (existsSync(program) && statSync(program).mtimeMs > newestMs) return undefined;
  const compiler = findProgram(["cc", "gcc", "clang"]);
  if (compiler === undefined) return "no C compiler for the load generator (Debian: gcc libc6-dev)";
  const { status, stderr } = spawnSync(compiler, ["-O2", "-o", program, source]);
  return status === 0 ? undefined : `${compiler} failed: ${stderr.toString()}`;
}

export function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { mode, port, clients, seconds, path, extra, core, spins = false } = options;
  const last = extra === undefined ? [] : [extra];
  const [file, ...rest] = onCore(core, [
    program,
    mode,
    ...[port, clients, seconds, path, ...last].map(String),
  ]);
  const env = { ...process.env, ...(spins ? { LOAD_SPIN: "1" } : {}) };
  return new Promise((resolve, reject) => {
    const child = spawn(file ?? "", rest, { stdio: ["ignore", "pipe", "inherit"], env });
    const out: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.on("error", reject);
    child.on("close", (status) => {
      const text = Buffer.concat(out).toString();
      if (status !== 0) return reject(new Error(`the load generator ended with ${status}: ${text}`));
      const result: LoadResult = JSON.parse(text);
      resolve(result);
    });
  });
}
