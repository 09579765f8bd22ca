// Why a device node is closed to this user. The ways in are a udev rule, its being applied, the group, the login.

import { type Account, groupName, groupNamed, isMember } from "./account.ts";
import type { Box } from "./box.ts";
import { type Ownership, USE_DEVICE } from "./computer.ts";
import { type Complaint, fault } from "./finding.ts";
import { SHIPPED_RULES } from "./shipped.ts";
import { opensToAll, rulesFor, type UdevDevice, type UdevRule } from "./udev-rules.ts";

const APPLY = "sudo udevadm control --reload && sudo udevadm trigger";

export const INSTALL_RULES: readonly string[] = [`sudo cp ${SHIPPED_RULES} /etc/udev/rules.d/`, APPLY];

export interface ClosedNode {
  /** Name of the check that complains. */
  readonly check: string;
  readonly path: string;
  readonly device: UdevDevice;
}

/** The reason, or undefined when this user may use the node. */
export async function whyClosed(
  box: Box,
  { check, path, device }: ClosedNode,
): Promise<Complaint | undefined> {
  const { computer, account } = box;
  if (await computer.may(path, USE_DEVICE)) return undefined;
  const ownership = await computer.ownership(path);
  if (ownership === undefined)
    return fault(check, `${path} is not there`, "sudo udevadm trigger", `in a container: pass ${path} to it`);
  const rules = rulesFor(box.rules, device);
  const rule = rules.findLast(opensToAll) ?? rules.at(-1);
  const closed = `${path} is closed to ${account.name}`;
  const [reason, ...mend] = reasonFor(account, ownership, rule);
  return fault(check, `${closed}: ${reason}`, ...mend);
}

function reasonFor(
  account: Account,
  ownership: Ownership,
  rule: UdevRule | undefined,
): readonly [string, ...string[]] {
  if (rule === undefined) return ["no udev rule opens it", ...INSTALL_RULES];
  if (!opensToAll(rule)) return [`${rule.path} opens it only to who sits at the computer`, ...INSTALL_RULES];
  const { gid, mode } = ownership;
  const owned = `it is ${groupName(account, gid)}'s with mode 0${mode.toString(8).padStart(3, "0")}`;
  const wanted = rule.group === undefined ? undefined : groupNamed(account, rule.group);
  if (rule.group !== undefined && wanted === undefined)
    return [
      `${rule.path} names group ${rule.group}, which does not exist`,
      `sudo groupadd --system ${rule.group}`,
      APPLY,
    ];
  const isApplied =
    wanted === undefined ? (mode & 0o006) === 0o006 : gid === wanted.gid && (mode & 0o060) === 0o060;
  if (!isApplied) return [`${rule.path} opens it but is not applied, ${owned}`, APPLY];
  if (wanted === undefined || account.processGids.includes(wanted.gid))
    return [
      `though ${owned}; a container or a security module refuses`,
      "run it outside of the container, or pass the device to it",
    ];
  if (isMember(account, wanted))
    return [
      `${account.name} is in group ${wanted.name}, but not yet in this login`,
      "log out and in again, or restart the service",
    ];
  return [
    `${account.name} is not in group ${wanted.name}`,
    `sudo usermod --append --groups ${wanted.name} ${account.name}`,
    "then log out and in again",
  ];
}
