// The box under examination: what several checks need, read once.

import type { ServerConfig } from "../config/server-config.ts";
import { type Account, readAccount } from "./account.ts";
import type { Computer } from "./computer.ts";
import type { Configuration } from "./configuration.ts";
import { type ProcessSeen, readProcesses } from "./processes.ts";
import { readRules, type UdevRule } from "./udev-rules.ts";
import { readUsbTree, type UsbDevice } from "./usb-tree.ts";

export interface Box {
  readonly computer: Computer;
  readonly account: Account;
  readonly processes: readonly ProcessSeen[];
  readonly rules: readonly UdevRule[];
  readonly usb: readonly UsbDevice[];
  /** The defaults where the file cannot be read. */
  readonly config: ServerConfig;
  /** Where the file is, or would be. */
  readonly configPath: string;
}

export async function readBox(
  computer: Computer,
  { config, path }: Pick<Configuration, "config" | "path">,
): Promise<Box> {
  const [account, processes, rules, usb] = await Promise.all([
    readAccount(computer),
    readProcesses(computer),
    readRules(computer),
    readUsbTree(computer),
  ]);
  return { computer, account, processes, rules, usb, config, configPath: path };
}

/** The server of this configuration, as far as anybody sees. */
export function serverOf({ processes, configPath }: Box): ProcessSeen | undefined {
  return processes.find(({ isServer, configFile = configPath }) => isServer && configFile === configPath);
}

/** Servers of other configurations: nobody may end them because this one is silent. */
export function otherServers({ processes, configPath }: Box): readonly ProcessSeen[] {
  return processes.filter(({ isServer, configFile = configPath }) => isServer && configFile !== configPath);
}
