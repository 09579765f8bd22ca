// The box under examination: what several checks need, read once.

import type { ServerConfig } from "../config/server-config.ts";
import { type Account, readAccount } from "./account.ts";
import type { Computer } from "./computer.ts";
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
}

export async function readBox(computer: Computer, config: ServerConfig): Promise<Box> {
  const [account, processes, rules, usb] = await Promise.all([
    readAccount(computer),
    readProcesses(computer),
    readRules(computer),
    readUsbTree(computer),
  ]);
  return { computer, account, processes, rules, usb, config };
}

export function serverOf({ processes }: Pick<Box, "processes">): ProcessSeen | undefined {
  return processes.find(({ isServer }) => isServer);
}
