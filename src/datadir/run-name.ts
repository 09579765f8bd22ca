// Names that come from clients and end up in a path: one segment, safe on ext4 and on vfat sticks.

import { VscopeError } from "../base/errors.ts";

const RUN_NAME_RULE =
  "1 to 64 letters, digits, spaces and . _ -, at most 200 bytes, no dot or space at either end, not ending in .part or .pico";

/** Where recordings go before anybody has chosen a run. */
export const DEFAULT_RUN = "spectra";

const LONGEST = 64;
const LONGEST_BYTES = 200;
// Letters of any script with their marks. No slash, quote or control character can pass.
const ALLOWED = /^[\p{L}\p{M}\p{N} ._-]+$/u;
const RESERVED_ENDINGS = [".part", ".pico"];
// Folders that systems put on media.
const FOREIGN_FOLDERS = new Set(["lost+found", "System Volume Information"]);

/** The name in Unicode normal form C. Throws VALUE_INVALID with the rule. */
export function validRunName(text: string): string {
  const name = text.normalize("NFC");
  const fits =
    Array.from(name).length <= LONGEST &&
    Buffer.byteLength(name) <= LONGEST_BYTES &&
    ALLOWED.test(name) &&
    // vfat drops dots and spaces at the end: the folder would have another name than asked for.
    !/^[. ]|[. ]$/.test(name) &&
    !RESERVED_ENDINGS.some((ending) => name.toLowerCase().endsWith(ending)) &&
    isRunFolderName(name);
  if (!fits)
    throw new VscopeError("VALUE_INVALID", `run name ${quoted(text)}: not allowed, ${RUN_NAME_RULE}`);
  return name;
}

/** Whether a folder of this name is a run: true also for names of older systems that are not given any more. */
export function isRunFolderName(name: string): boolean {
  return isSegment(name) && !FOREIGN_FOLDERS.has(name);
}

/** True for a visible name that stays in its folder and on its line: no slash, NUL or end of a line, not `.` or `..`, not hidden. */
export function isSegment(name: string): boolean {
  return name !== "" && !name.startsWith(".") && !["/", "\0", "\r", "\n"].some((one) => name.includes(one));
}

/** Client text for a message: quoted, control characters escaped, cut. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > LONGEST ? `${text.slice(0, LONGEST)}...` : text);
}
