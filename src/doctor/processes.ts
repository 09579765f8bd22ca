// The processes of the computer, as far as this user may see them: which one is the server, and who has a device open.

import { basename, resolve } from "node:path";
import type { Computer } from "./computer.ts";
import { DEFAULT_FILE } from "./configuration.ts";

export interface ProcessSeen {
  readonly pid: number;
  /** The command line in one line. */
  readonly command: string;
  readonly isServer: boolean;
  /** Of a server: its configuration file. Absent where the folder that it is relative to may not be seen. */
  readonly configFile?: string;
}

export async function readProcesses(computer: Computer): Promise<readonly ProcessSeen[]> {
  const pids = (await computer.names("/proc")).filter((name) => /^\d+$/.test(name));
  const seen = pids.map(async (name): Promise<readonly ProcessSeen[]> => {
    const words = ((await computer.text(`/proc/${name}/cmdline`)) ?? "").split("\0").filter(Boolean);
    if (words.length === 0) return []; // a kernel thread, or gone meanwhile
    const process = { pid: Number(name), command: words.join(" "), isServer: isServer(words) };
    if (!process.isServer) return [process];
    const configFile = await configFileOf(computer, name, words);
    return [{ ...process, ...(configFile !== undefined && { configFile }) }];
  });
  return (await Promise.all(seen)).flat().sort((a, b) => a.pid - b.pid);
}

/** Those that have the file open. Of another user's processes only root sees the open files. */
export async function holdersOf(
  computer: Computer,
  processes: readonly ProcessSeen[],
  path: string,
): Promise<readonly ProcessSeen[]> {
  const holders = processes.map(async (process) => {
    const folder = `/proc/${process.pid}/fd`;
    const descriptors = await computer.names(folder);
    const links = await Promise.all(descriptors.map((name) => computer.link(`${folder}/${name}`)));
    return links.includes(path) ? [process] : [];
  });
  return (await Promise.all(holders)).flat();
}

// As npm installs it, or `node dist/src/main.js` in a checkout; node's own options may stand between.
function isServer([program = "", ...rest]: readonly string[]): boolean {
  if (basename(program) === "vscope-server") return true;
  if (!/^node(js)?\d*$/.test(basename(program))) return false;
  const script = rest.find((word) => !word.startsWith("-")) ?? "";
  return basename(script) === "vscope-server" || /(^|\/)dist\/src\/main\.js$/.test(script);
}

// As src/command-line.ts reads it.
async function configFileOf(
  computer: Computer,
  pid: string,
  words: readonly string[],
): Promise<string | undefined> {
  const at = words.findLastIndex((word) => /^(-s|--server-config)/.test(word));
  const word = words[at] ?? "";
  const file = at === -1 ? DEFAULT_FILE : word.replace(/^(-s|--server-config)=?/, "") || words[at + 1];
  if (file === undefined || file.startsWith("/")) return file;
  const folder = await computer.link(`/proc/${pid}/cwd`);
  return folder === undefined ? undefined : resolve(folder, file);
}
