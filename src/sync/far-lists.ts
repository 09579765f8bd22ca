// The lists of the far end: which runs and batches there are, by their tags.

import { z } from "zod";
import { VscopeError } from "../base/errors.ts";
import { withQuery } from "../client/pages.ts";
import { decodePayload, FORMAT } from "../client/payload.ts";
import { type BatchTag, OTHER, runTagOf } from "../datadir/checksums/manifest-listing.ts";
import { fetchWhole, type Link } from "./fetch.ts";

const LISTS = "/datadir/manifests";

const runsShape = z.looseObject({
  uuid: z.string().optional(),
  instrument: z.string().optional(),
  runs: z.array(z.tuple([z.string(), z.number(), z.number(), z.string(), z.number()])),
  more: z.boolean(),
});
const runShape = z.looseObject({ total: z.number(), bytes: z.number() });
const batchesShape = z.looseObject({
  tag: z.string(),
  batches: z.array(z.tuple([z.number(), z.number(), z.string(), z.string(), z.number()])),
  more: z.boolean(),
});

export interface FarRun {
  readonly name: string;
  readonly tag: string;
  /** When its newest batch was written to. */
  readonly writtenUtcS: number;
}

export interface FarRuns {
  readonly uuid: string | undefined;
  /** Its newest set of instrument files. */
  readonly instrument: string | undefined;
  /** The newest first. */
  readonly runs: readonly FarRun[];
  /** Tells next time that nothing has changed, in hex; absent for a list of several answers. */
  readonly listTag: string | undefined;
}

/** The runs of the far end; undefined when the list is the one of that tag. */
export async function farRuns(
  link: Link,
  known: string | undefined,
  signal: AbortSignal,
): Promise<FarRuns | undefined> {
  const runs: FarRun[] = [];
  let after = "";
  for (;;) {
    const path = withQuery(LISTS, after === "" ? {} : { after });
    const etag = known === undefined || after !== "" ? {} : { etag: Buffer.from(known, "hex") };
    const reply = await fetchWhole(link, { path, accept: FORMAT.cbor, ...etag }, signal);
    if (reply.code === "2.03") return undefined;
    const page = parsed(runsShape, reply, LISTS);
    runs.push(...page.runs.map(([name, , , tag, writtenUtcS]) => ({ name, tag, writtenUtcS })));
    const isWhole = after === "" && !page.more;
    const listTag = isWhole && reply.etag !== undefined ? Buffer.from(reply.etag).toString("hex") : undefined;
    const { uuid, instrument } = page;
    if (!page.more) return { uuid, instrument, runs: newestFirst(runs), listTag };
    const last = runs.at(-1)?.name ?? "";
    if (last <= after) throw new VscopeError("DEVICE_PROTOCOL", `${LISTS}: the list does not go on`);
    after = last;
  }
}

/** The batches of a run; those that are known need not be asked for when they are the same. */
export async function batchesOf(
  link: Link,
  run: string,
  known: readonly BatchTag[],
  signal: AbortSignal,
): Promise<readonly BatchTag[]> {
  // The newest one that is known may have grown; older ones seldom change, and the tag of the run tells.
  const from = known.reduce((most, { batch }) => Math.max(most, batch), 0);
  const newer = await farBatches(link, { run, from }, signal);
  const older = known.filter(({ batch }) => batch < from && batch >= 0);
  const all = [...older, ...newer.batches];
  if (from === 0 || runTagOf(all) === newer.tag) return all;
  return (await farBatches(link, { run, from: 0 }, signal)).batches;
}

/** The batches that were written to since then. */
export async function batchesSince(
  link: Link,
  { run, sinceUtcS }: { readonly run: string; readonly sinceUtcS: number },
  signal: AbortSignal,
): Promise<readonly BatchTag[]> {
  return (await farBatches(link, { run, from: 0, since: Math.max(0, Math.floor(sinceUtcS)) }, signal))
    .batches;
}

/** What a file of the run has on the average, by the catalogue of the far end; 0 where that knows none. */
export async function meanFileBytes(link: Link, run: string, signal: AbortSignal): Promise<number> {
  const path = withQuery(`/datadir/runs/${encodeURIComponent(run)}`, { limit: 1 });
  const reply = await fetchWhole(link, { path, accept: FORMAT.cbor }, signal);
  const { total, bytes } = parsed(runShape, reply, path);
  return total === 0 ? 0 : bytes / total;
}

/** Copies of what has times, the newest first. */
export function newestFirst<T extends { readonly writtenUtcS: number }>(all: readonly T[]): readonly T[] {
  return [...all].sort((a, b) => b.writtenUtcS - a.writtenUtcS);
}

async function farBatches(
  link: Link,
  { run, from, ...since }: { readonly run: string; readonly from: number; readonly since?: number },
  signal: AbortSignal,
): Promise<{ readonly tag: string; readonly batches: readonly BatchTag[] }> {
  const found = new Map<number, BatchTag>();
  for (let next = from; ; ) {
    const path = withQuery(`${LISTS}/${encodeURIComponent(run)}`, { from: next, ...since });
    const reply = await fetchWhole(link, { path, accept: FORMAT.cbor }, signal);
    const { tag, batches, more } = parsed(batchesShape, reply, path);
    for (const [batch, files, batchTag, text, writtenUtcS] of batches)
      found.set(batch, { batch, files, tag: batchTag, text, writtenUtcS });
    const last = batches.at(-1)?.[0] ?? OTHER;
    if (!more || last < next) return { tag, batches: [...found.values()] };
    next = last + 1;
  }
}

function parsed<T>(
  shape: z.ZodType<T>,
  reply: { readonly payload: Uint8Array; readonly contentFormat?: number },
  path: string,
): T {
  const { data } = shape.safeParse(decodePayload(reply.payload, reply.contentFormat));
  if (data !== undefined) return data;
  throw new VscopeError("DEVICE_PROTOCOL", `${path}: unexpected answer`);
}
