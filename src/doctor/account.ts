// The user who looks, and the groups: those of this process, and those that /etc/group promises for the next login.

import type { Computer } from "./computer.ts";

export interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

export interface Account {
  readonly uid: number;
  readonly name: string;
  /** Groups of this process, the primary one included. */
  readonly processGids: readonly number[];
  /** Primary group of the account. */
  readonly primaryGid: number | undefined;
  readonly groups: readonly Group[];
}

export async function readAccount(computer: Computer): Promise<Account> {
  const status = (await computer.text("/proc/self/status")) ?? "";
  // Uid: real, effective, saved, file system (proc(5)).
  const uid = numbersOf(status, "Uid")[1] ?? process.geteuid?.() ?? 0;
  const gid = numbersOf(status, "Gid")[1] ?? process.getegid?.() ?? 0;
  const users = ((await computer.text("/etc/passwd")) ?? "").split("\n").map((line) => line.split(":"));
  const user = users.find(([, , number]) => number === String(uid));
  return {
    uid,
    name: user?.[0] ?? String(uid),
    processGids: [gid, ...numbersOf(status, "Groups")],
    primaryGid: user?.[3] === undefined ? undefined : Number(user[3]),
    groups: readGroups((await computer.text("/etc/group")) ?? ""),
  };
}

export function groupNamed(account: Account, name: string): Group | undefined {
  return account.groups.find((group) => group.name === name);
}

/** The group's name, or its number when /etc/group does not know it. */
export function groupName(account: Account, gid: number): string {
  return account.groups.find((group) => group.gid === gid)?.name ?? String(gid);
}

/** Whether the account belongs to the group from the next login on. */
export function isMember({ name, primaryGid }: Account, group: Group): boolean {
  return group.members.includes(name) || group.gid === primaryGid;
}

function readGroups(text: string): readonly Group[] {
  return text.split("\n").flatMap((line) => {
    const [name = "", , gid = "", members = ""] = line.split(":");
    return /^\d+$/.test(gid) ? [{ name, gid: Number(gid), members: members.split(",") }] : [];
  });
}

function numbersOf(status: string, name: string): readonly number[] {
  const line = new RegExp(`^${name}:(.*)$`, "m").exec(status)?.[1] ?? "";
  return line.split(/\s+/).filter(Boolean).map(Number);
}
