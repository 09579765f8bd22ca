// Reads transcripts: those of the recorder (src/drivers/usb/transcript.ts says how they look) and those written by hand,
// which may leave out TIME and PORT, and may also say
//
//     +US < 81 BYTES      the time since the line before instead of the time since the beginning
//     .. in the bytes     written by the host: any byte. Answered: the byte at the same place of what was written last
//     'text'  BB*N        bytes as ASCII text, and a byte N times
//     {NAME ARGUMENTS}    what the test puts there
//     # comment           also behind a line

import assert from "node:assert/strict";

/** A byte, or any byte. */
export type PatternByte = number | undefined;

export type LineKind = "open" | "write" | "read" | "halt" | "reset" | "close" | "attach" | "detach";

export interface TranscriptLine {
  /** In the file, from 1. */
  readonly number: number;
  /** As it stands in the file. */
  readonly text: string;
  readonly time?: { readonly us: number; readonly isRelative: boolean };
  readonly kind: LineKind;
  /** Of a transfer or a halt. */
  readonly endpoint: number;
  readonly bytes: readonly PatternByte[];
  /** Of `open`, `attach` and `detach`: id and speed. */
  readonly words: readonly string[];
  /** It failed: with this code, or `cancelled`. */
  readonly failure?: { readonly code: string; readonly text: string };
}

export type Macros = Readonly<Record<string, (...words: string[]) => string>>;

export interface ParseOptions {
  /** Only the events of this port; necessary where several devices were recorded. */
  readonly portPath?: string;
  readonly macros?: Macros;
  /** OBP messages may have other `regarding` numbers than the recorded ones: the driver takes them from the clock. */
  readonly anyRegarding?: boolean;
}

const LINE = /^(?:(\+?)(\d+)\s+)?(?:(\d+-[\d.]*)\s+)?(>!?|<!?|\||[a-z]+!?)(?:\s+(.*))?$/;
const KINDS: Readonly<Record<string, LineKind>> = {
  ">": "write",
  "<": "read",
  open: "open",
  halt: "halt",
  reset: "reset",
  close: "close",
  attach: "attach",
  detach: "detach",
};

interface Draft {
  readonly line: TranscriptLine;
  readonly bytes: PatternByte[];
}

export function parseTranscript(
  text: string,
  { portPath, macros = {}, anyRegarding = false }: ParseOptions = {},
): TranscriptLine[] {
  const drafts: Draft[] = [];
  for (const [index, whole] of text.split("\n").entries()) {
    const content = whole.replace(/#.*/, "").trim();
    if (content === "") continue;
    const where = `transcript line ${index + 1}: ${whole.trim()}`;
    const match = LINE.exec(expanded(content, macros, where));
    assert.ok(match, `${where}\n is not a line of a transcript`);
    const [, plus, us, port, event = "", rest = ""] = match;
    if (portPath !== undefined && port !== undefined && port !== portPath) continue;
    if (event === "|") {
      const former = drafts.at(-1);
      assert.ok(former, `${where}\n continues nothing`);
      former.bytes.push(...patternOf(rest, where));
      continue;
    }
    const time = us === undefined ? {} : { time: { us: Number(us), isRelative: plus === "+" } };
    drafts.push(draftOf({ number: index + 1, text: whole.trim(), ...time }, event, rest));
  }
  if (anyRegarding) freeRegarding(drafts);
  return drafts.map(({ line }) => line);
}

// Protocol reference 3.1: C1 C0 begins a message, `regarding` is at 12. An answer to an older question keeps its number.
function freeRegarding(drafts: readonly Draft[]): void {
  let asked: string | undefined;
  for (const { line, bytes } of drafts) {
    if (bytes[0] !== 0xc1 || bytes[1] !== 0xc0) continue;
    const regarding = bytes.slice(12, 16).join(" ");
    if (line.kind === "write") asked = regarding;
    if (regarding === asked) bytes.fill(undefined, 12, 16);
  }
}

function draftOf(
  start: Pick<TranscriptLine, "number" | "text" | "time">,
  event: string,
  rest: string,
): Draft {
  const where = `transcript line ${start.number}: ${start.text}`;
  const kind = KINDS[event.replace("!", "")];
  assert.ok(kind, `${where}\n names no event`);
  const hasEndpoint = kind === "write" || kind === "read" || kind === "halt";
  const words = rest.split(/\s+/).filter((word) => word !== "");
  const address = hasEndpoint ? words.shift() : undefined;
  assert.ok(!hasEndpoint || /^[0-9A-Fa-f]{2}$/.test(address ?? ""), `${where}\n names no endpoint`);
  const isFailure = event.endsWith("!");
  const ids = isFailure && /^[0-9A-Fa-f]{4}:/.test(words[0] ?? "") ? words.splice(0, 1) : [];
  const [code = "", ...message] = isFailure ? words : [];
  const isTransfer = (kind === "write" || kind === "read") && !isFailure;
  const bytes: PatternByte[] = isTransfer ? [...patternOf(rest.trim().slice(2), where)] : [];
  const line: TranscriptLine = {
    ...start,
    kind,
    endpoint: Number.parseInt(address ?? "0", 16),
    bytes,
    words: isFailure ? ids : words,
    ...(isFailure ? { failure: { code, text: message.join(" ") } } : {}),
  };
  return { line, bytes };
}

const TOKEN = /'([^']*)'|([0-9A-Fa-f]{2}|\.\.)(?:\*(\d+))?|\s+|(.)/g;

function patternOf(text: string, where: string): PatternByte[] {
  return [...text.matchAll(TOKEN)].flatMap(([, ascii, byte, times = "1", stranger]) => {
    assert.ok(stranger === undefined, `${where}\n has bytes that are not hex: ${stranger}`);
    if (ascii !== undefined) return [...Buffer.from(ascii, "latin1")];
    if (byte === undefined) return [];
    const value = byte === ".." ? undefined : Number.parseInt(byte, 16);
    return Array.from({ length: Number(times) }, () => value);
  });
}

// Innermost first, so that an answer may hold a spectrum.
function expanded(text: string, macros: Macros, where: string): string {
  const replaced = text.replaceAll(/\{(\w+)([^{}]*)\}/g, (_, name: string, words: string) => {
    const macro = macros[name];
    assert.ok(macro, `${where}\n nothing is known to put for {${name}}`);
    return macro(...words.split(/\s+/).filter((word) => word !== ""));
  });
  return replaced === text ? text : expanded(replaced, macros, where);
}

/** Bytes as a transcript writes them, so that two lines can be compared by eye; long ones are cut. */
export function bytesText(bytes: readonly PatternByte[] | Uint8Array): string {
  const shown = [...bytes]
    .slice(0, SHOWN_BYTES)
    .map((byte) => (byte === undefined ? ".." : byte.toString(16).padStart(2, "0").toUpperCase()))
    .join(" ");
  return bytes.length > SHOWN_BYTES ? `${shown} ... (${bytes.length} bytes)` : shown;
}

const SHOWN_BYTES = 80;

/** Bytes from hex with white space. */
export function fromHex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex").toUpperCase();
}
