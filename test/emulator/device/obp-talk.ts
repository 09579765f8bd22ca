// OBP messages for tests, built and read by hand from the published layout.

import assert from "node:assert/strict";
import { type FarEndRig, fromHex } from "./far-end.ts";

export const ZEROS = "00".repeat(16);

export interface Asked {
  readonly type: string;
  readonly data?: string;
  readonly flags?: string;
  readonly regarding?: string;
  readonly version?: string;
}

/** A message with at most 16 bytes of data, all fields as hex in wire order. */
export function message({
  type,
  data = "",
  flags = "0000",
  regarding = "00000000",
  version = "0011",
}: Asked): Uint8Array {
  const immediate = data.replaceAll(" ", "");
  const length = (immediate.length / 2).toString(16).padStart(2, "0");
  return fromHex(
    `c1c0 ${version} ${flags} 0000 ${type} ${regarding} 000000000000 00 ${length} ${immediate.padEnd(32, "0")} 14000000 | ${ZEROS} c5c4c3c2`,
  );
}

export function ask(rig: FarEndRig, asked: Asked): Buffer {
  rig.send(message(asked));
  return Buffer.concat(rig.packets(rig.device.model.endpoints.answer));
}

export function dataOf(answer: Buffer): Buffer {
  const immediate = answer[23] ?? 0;
  return immediate > 0 ? answer.subarray(24, 24 + immediate) : answer.subarray(44, answer.length - 20);
}

/** The error number of a refusal. */
export function errorOf(answer: Buffer): number {
  return answer.readUInt16LE(6);
}

/** Sends a command that wants an acknowledgement; the error number, 0 when it was done. */
export function set(rig: FarEndRig, type: number, data = ""): number {
  const answer = ask(rig, { type: hexOf(type), data, flags: "0400", version: versionOf(rig) });
  const isRefused = (answer.readUInt16LE(4) & 0x08) !== 0;
  assert.equal(isRefused, errorOf(answer) !== 0);
  return errorOf(answer);
}

/** The data of the answer to a question, as hex; `error n` for a refusal. */
export function get(rig: FarEndRig, type: number, data = ""): string {
  const answer = ask(rig, { type: hexOf(type), data, version: versionOf(rig) });
  return errorOf(answer) === 0 ? dataOf(answer).toString("hex") : `error ${errorOf(answer)}`;
}

/** A message type in wire order. */
export function hexOf(type: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(type);
  return bytes.toString("hex");
}

function versionOf({ device }: FarEndRig): string {
  return device.model.protocol === "obp2" ? "0020" : "0011";
}

/** Numbers as data of a message. */
export function u16(value: number): string {
  return u32(value).slice(0, 4);
}

export function u32(value: number): string {
  return hexOf(value);
}

export function f32(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes.toString("hex");
}
