// The CoAP servers that are measured: each a process of its own, a store of what is PUT there. One that is not installed
// gives the reason instead.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { accessSync, constants, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { NEVER } from "../../src/base/abort.ts";
import { MS, SystemClock } from "../../src/base/clock.ts";
import { CoapClient } from "../../src/coap/client/client.ts";

/** The paths that are measured: a status of 60 bytes, 2 MiB, what is observed, and what is written. */
export const PATHS = ["small", "large", "watched", "put"] as const;

// CoRE registry of content formats: application/json, application/octet-stream.
const JSON_FORMAT = 50;
const OCTETS_FORMAT = 42;
const LARGE_BYTES = 2 * 2 ** 20;
const STATUS = { phase: "light", channel: "upwelling", batch: 3, sequence: 4 };

// From dist/bench/coap.
const here = fileURLToPath(new URL(".", import.meta.url));
export const root = join(here, "../../..");

export type ServerName = "this" | "npm coap" | "aiocoap" | "libcoap";

interface Command {
  readonly file: string;
  readonly arguments: readonly string[];
}

export interface Candidate {
  readonly name: ServerName;
  /** How to start it, or why that cannot be. */
  readonly command: (port: number) => Command | string;
}

export const CANDIDATES: readonly Candidate[] = [
  { name: "this", command: (port) => nodeServer("this", port) },
  { name: "npm coap", command: (port) => nodeServer("npm", port) },
  { name: "aiocoap", command: aiocoapServer },
  { name: "libcoap", command: libcoapServer },
];

function nodeServer(which: string, port: number): Command {
  return { file: process.execPath, arguments: [join(here, "serve.js"), which, String(port)] };
}

function aiocoapServer(port: number): Command | string {
  const python = join(root, ".venv/bin/python");
  if (!isExecutable(python)) return "no .venv with aiocoap; node scripts/setup-clients.mjs makes one";
  return { file: python, arguments: [join(root, "bench/coap/aiocoap-server.py"), String(port), ...PATHS] };
}

function libcoapServer(port: number): Command | string {
  const file = findProgram(["coap-server-notls", "coap-server-openssl", "coap-server-gnutls", "coap-server"]);
  if (file === undefined) return "no coap-server; Debian's libcoap3-bin has it";
  return { file, arguments: ["-A", "127.0.0.1", "-p", String(port), "-d", String(PATHS.length), "-v", "0"] };
}

export function findProgram(names: readonly string[]): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export interface Running {
  readonly name: ServerName;
  readonly pid: number;
  readonly port: number;
  readonly stop: () => Promise<void>;
}

/** Starts a server on the first core and gives it what is to be read; resolves with the reason when it cannot start. */
export async function startServer({ name, command }: Candidate): Promise<Running | string> {
  const port = await freePort();
  const found = command(port);
  if (typeof found === "string") return found;
  const [file, ...rest] = onCore(0, [found.file, ...found.arguments]);
  const child = spawn(file ?? "", rest, { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  try {
    await fill(port, child);
    return { name, pid: child.pid ?? 0, port, stop };
  } catch (error) {
    await stop();
    return String(error);
  }
}

/** With two cores and taskset, server and load each get one, and the scheduler does not move them about. */
export function onCore(core: number, command: readonly string[]): readonly string[] {
  return taskset === undefined ? command : [taskset, "-c", String(core), ...command];
}

export const taskset = spawnSync("taskset", ["-c", "1", "true"]).status === 0 ? "taskset" : undefined;

async function freePort(): Promise<number> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  await once(socket, "close");
  return port;
}

async function fill(port: number, child: ChildProcess): Promise<void> {
  const clock = new SystemClock();
  const client = await CoapClient.open({ host: "127.0.0.1", port, clock });
  const put = async (path: string, payload: Uint8Array, contentFormat: number): Promise<void> => {
    const request = { method: "PUT", path: [path], payload, contentFormat } as const;
    const { code } = await client.request(request, AbortSignal.timeout(30_000));
    if (!code.startsWith("2.")) throw new Error(`PUT /${path} gave ${code}`);
  };
  const status = Buffer.from(JSON.stringify(STATUS));
  for (let tries = 0; ; tries++) {
    try {
      await put("small", status, JSON_FORMAT);
      break;
    } catch (error) {
      if (tries === 100 || child.exitCode !== null) throw error;
      await clock.delay(50 * MS, NEVER);
    }
  }
  await put("large", Buffer.alloc(LARGE_BYTES, "spectrum"), OCTETS_FORMAT);
  await client.close();
}

export interface Usage {
  readonly cpuUs: number;
  readonly rssMb: number;
}

// The kernel counts CPU time in ticks of 10 ms here, whatever its own clock (proc(5), sysconf(_SC_CLK_TCK)).
const TICK_US = 10_000;
const PAGE_BYTES = 4096;

/** CPU time of all threads so far, and memory in RAM, as the kernel counts them. */
export function usageOf(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The second field, the name, may hold spaces; user and system time are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const pages = Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]);
  return {
    cpuUs: (Number(fields[11]) + Number(fields[12])) * TICK_US,
    rssMb: (pages * PAGE_BYTES) / 2 ** 20,
  };
}
