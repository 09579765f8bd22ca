// What an IP address says about itself: whether it is of this computer, of a private network or public.

import { BlockList, isIPv6 } from "node:net";
import { plainAddress } from "./udp.ts";

/** `loopback`: this computer. `private`: link-local and private networks. `public`: anything else. */
export type Scope = "loopback" | "private" | "public";

type Subnet = readonly [network: string, prefix: number, family: "ipv4" | "ipv6"];

// RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.3.
const LOOPBACK = blockList([
  ["127.0.0.0", 8, "ipv4"],
  ["::1", 128, "ipv6"],
]);

// RFC 1918, RFC 3927 (link-local), RFC 4193 (unique local), RFC 4291 section 2.5.6 (link-local).
const PRIVATE = blockList([
  ["10.0.0.0", 8, "ipv4"],
  ["172.16.0.0", 12, "ipv4"],
  ["192.168.0.0", 16, "ipv4"],
  ["169.254.0.0", 16, "ipv4"],
  ["fc00::", 7, "ipv6"],
  ["fe80::", 10, "ipv6"],
]);

function blockList(subnets: readonly Subnet[]): BlockList {
  const list = new BlockList();
  for (const [network, prefix, family] of subnets) list.addSubnet(network, prefix, family);
  return list;
}

/** The address without zone, and IPv4 plainly when it came through an IPv6 socket. */
export function bareAddress(address: string): string {
  const plain = plainAddress(address);
  const zone = plain.indexOf("%");
  return zone < 0 ? plain : plain.slice(0, zone);
}

/** The scope of a numeric address. */
export function scopeOf(address: string): Scope {
  const plain = bareAddress(address);
  const family = isIPv6(plain) ? "ipv6" : "ipv4";
  if (LOOPBACK.check(plain, family)) return "loopback";
  return PRIVATE.check(plain, family) ? "private" : "public";
}

/**
 * Whom a rate limit counts as one: an IPv4 address, and of IPv6 the first 64 bits, as one computer has all of those
 * (RFC 4291 section 2.5.1).
 */
export function hostOf(address: string): string {
  const plain = bareAddress(address);
  return isIPv6(plain) ? firstGroups(plain) : plain;
}

// The first four groups, as they are written; "::" within them stands for zeros.
function firstGroups(address: string): string {
  const [left = "", right] = address.split("::");
  const head = left === "" ? [] : left.split(":");
  const tail = right === undefined || right === "" ? [] : right.split(":");
  const zeros = right === undefined ? [] : Array.from({ length: 8 - head.length - tail.length }, () => "0");
  return [...head, ...zeros, ...tail].slice(0, 4).join(":");
}
