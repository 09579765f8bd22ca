// With what the data were recorded: instrument configurations and calibration files, into the archive of the copy. Sets are
// never changed, so that only those come whose names are not here. A set comes to its place after its files.

import { createHash } from "node:crypto";
import { z } from "zod";
import { VscopeError } from "../base/errors.ts";
import { decodePayload, FORMAT } from "../client/payload.ts";
import { type InstrumentArchive, instrumentLines, isInstrumentSet } from "../datadir/instrument-archive.ts";
import { isOfFile } from "./bring-file.ts";
import { fetchWhole, type Link } from "./fetch.ts";

const PATH = "/datadir/instrument";
const listShape = z.array(z.string());

/** What of them does not come, and why. */
export async function bringInstrument(
  link: Link,
  archive: InstrumentArchive,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { payload, contentFormat } = await fetchWhole(link, { path: PATH, accept: FORMAT.cbor }, signal);
  const { data: sets } = listShape.safeParse(decodePayload(payload, contentFormat));
  if (sets?.every(isInstrumentSet) !== true)
    throw new VscopeError("DEVICE_PROTOCOL", `${PATH}: unexpected answer`);
  const here = new Set(await archive.whole());
  const problems: string[] = [];
  for (const set of sets.filter((name) => !here.has(name)))
    problems.push(...(await bringSet({ link, archive, signal }, set)));
  return problems;
}

interface Parts {
  readonly link: Link;
  readonly archive: InstrumentArchive;
  readonly signal: AbortSignal;
}

async function bringSet(parts: Parts, set: string): Promise<readonly string[]> {
  const { archive } = parts;
  const text = await fetched(parts, set);
  if (text === undefined) return [problemOf(set)];
  const problems: string[] = [];
  for (const { name, sha256 } of instrumentLines(text.toString())) {
    const isHere = await archive.read(name).then(
      (bytes) => hasHash(bytes, sha256),
      () => false,
    );
    if (isHere) continue;
    const bytes = await fetched(parts, name);
    if (bytes !== undefined && hasHash(bytes, sha256)) await archive.place(name, bytes);
    else problems.push(problemOf(name));
  }
  if (problems.length === 0) await archive.place(set, text);
  return problems;
}

async function fetched({ link, signal }: Parts, name: string): Promise<Buffer | undefined> {
  try {
    return Buffer.from((await fetchWhole(link, { path: `${PATH}/${name}` }, signal)).payload);
  } catch (error) {
    if (!isOfFile(error)) throw error;
    return undefined;
  }
}

function problemOf(name: string): string {
  return `instrument file ${name}: is not on the server as its list says`;
}

function hasHash(bytes: Uint8Array, sha256: string): boolean {
  return createHash("sha256").update(bytes).digest("hex") === sha256;
}
