// One spectra file of the far end into its place: never whole in memory unless it comes deflated, never there before it has
// the hash of its manifest.

import { inflateSync } from "node:zlib";
import { isVscopeError, messageOf } from "../base/errors.ts";
import { coapCodeOf, isServerUnreachable } from "../client/reply-error.ts";
import type { ManifestLine } from "../datadir/checksums/manifest.ts";
import { fetchWhole, type Link } from "./fetch.ts";
import { hasHash, type HomeCopy } from "./home-copy.ts";
import type { PartFile } from "./part-file.ts";

const DEFLATED_JSON = 11_050;
/** Deflated files are put together in memory. */
const LARGEST_DEFLATED_BYTES = 64 * 1024 * 1024;

/** Answers about the whole server: no credentials, asked too fast, no medium. Others are about the file. */
const OF_SERVER: readonly (string | undefined)[] = ["4.01", "4.03", "4.29", "5.03"];

const NOT_AS_TOLD = "is not on the server as its manifest says";

export interface BringParts {
  readonly link: Link;
  readonly copy: HomeCopy;
  readonly run: string;
}

/** Its bytes; or why it does not come. Throws what ends the sync, errors of the disk here among them. */
export async function bringFile(
  parts: BringParts,
  line: ManifestLine,
  signal: AbortSignal,
): Promise<number | string> {
  const first = await attempt(parts, line, signal);
  // What an earlier sync has left may have spoilt it.
  return first === NOT_AS_TOLD ? attempt(parts, line, signal) : first;
}

async function attempt(
  { link, copy, run }: BringParts,
  line: ManifestLine,
  signal: AbortSignal,
): Promise<number | string> {
  const part = copy.part(run, line.name);
  try {
    const wish = { path: ["datadir", "runs", run, line.name], part, keepsBody: false, maxBytes: Infinity };
    const isDeflated = await fetchPart(link, wish, signal);
    if (!isDeflated) return (await copy.placePart(run, line, part)) ?? NOT_AS_TOLD;
    const bytes = inflated(part);
    part.remove();
    if (bytes === undefined || !hasHash(bytes, line.sha256)) return NOT_AS_TOLD;
    await copy.place(run, line.name, bytes);
    return bytes.length;
  } catch (error) {
    if (!isOfFile(error)) throw error;
    return coapCodeOf(error) === "4.04" ? NOT_AS_TOLD : `does not come: ${messageOf(error)}`;
  }
}

/** Whether it has come deflated; a server does that up to some size. */
async function fetchPart(
  link: Link,
  wish: Parameters<typeof fetchWhole>[1],
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const { contentFormat } = await fetchWhole(link, { ...wish, accept: DEFLATED_JSON }, signal);
    return contentFormat === DEFLATED_JSON;
  } catch (error) {
    if (coapCodeOf(error) !== "4.06") throw error;
    await fetchWhole(link, wish, signal);
    return false;
  }
}

/** Whether only what was asked for does not come, and other files can. */
export function isOfFile(error: unknown): boolean {
  if (isServerUnreachable(error)) return false;
  const code = coapCodeOf(error);
  return code === undefined ? isVscopeError(error, "DEVICE_PROTOCOL") : !OF_SERVER.includes(code);
}

function inflated(part: PartFile): Uint8Array | undefined {
  if (part.bytes > LARGEST_DEFLATED_BYTES) return undefined;
  try {
    return inflateSync(part.read(), { maxOutputLength: LARGEST_DEFLATED_BYTES });
  } catch {
    return undefined;
  }
}
