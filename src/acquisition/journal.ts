// The note about the batch that is under way. It is there from the first step to the last, so whoever finds one at the
// start knows that the server has ended in between; the files tell how far the batch had come.

import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { isoUtc } from "../base/clock.ts";
import { definedOnly } from "../base/defined-only.ts";
import { messageOf, VscopeError } from "../base/errors.ts";
import type { Notes } from "../datadir/notes.ts";
import { bootId } from "../instruments/boot-id.ts";
import type { Rack } from "../instruments/rack.ts";
import type { BatchParts, BatchPlan } from "./batch-parts.ts";
import { type Origin, ORIGINS } from "./origin.ts";
import { type BatchSettings, DARK_POLICIES, DEFAULTS, FAILURE_POLICIES, ORDERS } from "./settings.ts";

const NAME = ".batch-under-way.json";

/** A spectrometer as it was set when the batch began: a restart forgets that. */
export interface SpectrometerNote {
  readonly serial: string;
  readonly scans: number;
  readonly integrationTimesUs: Readonly<Record<string, number>>;
}

export interface UnderWay {
  readonly batch: number;
  readonly settings: BatchSettings;
  readonly origin: Origin;
  readonly startedUtc: string;
  readonly spectrometers: readonly SpectrometerNote[];
  readonly bootId?: string;
  /** When the server was stopped, if it was. */
  readonly stoppedUtc?: string;
}

const underWayShape = z.object({
  batch: z.int(),
  settings: z.object({
    run: z.string(),
    sequences: z.int().min(1),
    autointegrate: z.int(),
    delayS: z.number(),
    targetPercent: z.number(),
    order: z.enum(ORDERS).default(DEFAULTS.order),
    dark: z.enum(DARK_POLICIES).default(DEFAULTS.dark),
    darkMaxAgeS: z.number().default(DEFAULTS.darkMaxAgeS),
    onFailure: z.enum(FAILURE_POLICIES).default(DEFAULTS.onFailure),
    retries: z.int().default(DEFAULTS.retries),
    warmUp: z.boolean().default(DEFAULTS.warmUp),
    channels: z.array(z.string()).optional(),
    waitsAtEnd: z.literal(true).optional(),
  }),
  origin: z.object({ by: z.enum(ORIGINS), id: z.string().optional(), reason: z.string().optional() }),
  startedUtc: z.string(),
  spectrometers: z.array(
    z.object({
      serial: z.string(),
      scans: z.int(),
      integrationTimesUs: z.record(z.string(), z.number()),
    }),
  ),
  bootId: z.string().optional(),
  stoppedUtc: z.string().optional(),
});

/** Undefined when the note could not be written: the batch is recorded all the same. */
export async function rememberBatch(
  { clock, dataDirectory, log, optics }: BatchParts,
  { settings, origin }: BatchPlan,
  batch: number,
): Promise<UnderWay | undefined> {
  const startedUtc = isoUtc(clock.utcUs());
  const facts = { batch, settings, origin, startedUtc, spectrometers: spectrometersOf(optics.rack) };
  const underWay = { ...facts, ...definedOnly({ bootId: await bootId() }) };
  try {
    await dataDirectory.notes.write(NAME, JSON.stringify(underWay));
    return underWay;
  } catch (error) {
    log.warn({ reason: messageOf(error) }, "after a restart nobody will know of this batch");
    return undefined;
  }
}

/** To be called at the end of the batch; one that was interrupted is kept in mind. */
export async function forgetBatch(
  { clock, dataDirectory: { notes }, log }: BatchParts,
  underWay: UnderWay,
  isInterrupted: boolean,
): Promise<void> {
  const stopped = { ...underWay, stoppedUtc: isoUtc(clock.utcUs()) };
  try {
    await (isInterrupted ? notes.write(NAME, JSON.stringify(stopped)) : notes.remove(NAME));
  } catch (error) {
    log.warn({ reason: messageOf(error) }, "the note about this batch stays as it was");
  }
}

/** The batch that was under way when the server ended. Throws DATADIR_NOT_MOUNTED, DATADIR_IO, VALUE_INVALID. */
export async function interruptedBatch(notes: Notes): Promise<UnderWay | undefined> {
  const text = await notes.read(NAME);
  return text === undefined ? undefined : parseUnderWay(text);
}

/** Nobody knows of the batch any more; a note about another one, begun meanwhile, stays. */
export async function forgetInterrupted(notes: Notes, underWay: UnderWay): Promise<void> {
  const noted = await interruptedBatch(notes);
  if (noted !== undefined && isDeepStrictEqual(noted, underWay)) await notes.remove(NAME);
}

/** Removes a note that cannot be read. */
export function dropNote(notes: Notes): Promise<void> {
  return notes.remove(NAME);
}

function parseUnderWay(text: string): UnderWay {
  const { data, error } = underWayShape.safeParse(jsonOf(text));
  if (data === undefined) {
    const fact = `${NAME}: not the note of a batch, ${error.issues[0]?.message ?? "its form is unknown"}`;
    throw new VscopeError("VALUE_INVALID", fact);
  }
  const { origin, bootId: boot, stoppedUtc, ...rest } = data;
  const { by, id, reason } = origin;
  const known = { by, ...definedOnly({ id, reason }) };
  return { ...rest, origin: known, ...definedOnly({ bootId: boot, stoppedUtc }) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function spectrometersOf({ spectrometers }: Rack): readonly SpectrometerNote[] {
  return spectrometers.value
    .filter(({ isAttached }) => isAttached)
    .map((one) => ({
      serial: one.serial,
      scans: one.scans.value,
      integrationTimesUs: Object.fromEntries(
        one.channels.map((channel) => [channel, one.integrationTimeUs(channel).value]),
      ),
    }));
}
