// What a note tells of a batch that is under way: enough to go on with it.

import { z } from "zod";
import { VscopeError } from "../base/errors.ts";
import { parsedJson } from "../base/json.ts";
import { type RememberedSettings, rememberedShape } from "../instruments/remembered-settings.ts";
import { ORIGINS } from "./origin.ts";
import { type BatchSettings, DARK_POLICIES, DEFAULTS, FAILURE_POLICIES, ORDERS } from "./settings.ts";

const origin = z.object({
  by: z.enum(ORIGINS),
  id: z.string().exactOptional(),
  reason: z.string().exactOptional(),
});

/** What a batch goes on with that was taken up again, perhaps more than once. */
const before = z.object({
  /** Of the first. */
  batch: z.int(),
  origin,
  startedUtc: z.string(),
  /** Sequences of those before that have their light, of all. */
  recorded: z.int(),
  sequences: z.int(),
});

const underWay = z.object({
  batch: z.int(),
  settings: z.object({
    run: z.string(),
    sequences: z.int().min(1),
    autointegrate: z.int(),
    delayS: z.number(),
    targetPercent: z.number(),
    channels: z.array(z.string()).exactOptional(),
    order: z.enum(ORDERS).default(DEFAULTS.order),
    dark: z.enum(DARK_POLICIES).default(DEFAULTS.dark),
    darkMaxAgeS: z.number().default(DEFAULTS.darkMaxAgeS),
    onFailure: z.enum(FAILURE_POLICIES).default(DEFAULTS.onFailure),
    retries: z.int().default(DEFAULTS.retries),
    warmUp: z.boolean().default(DEFAULTS.warmUp),
    waitsAtEnd: z.literal(true).exactOptional(),
  }),
  origin,
  startedUtc: z.string(),
  /** As they were set when the batch began: a restart forgets that. */
  spectrometers: z.array(rememberedShape),
  bootId: z.string().exactOptional(),
  /** Of the data directory; a note can come to another one with a copy. */
  directory: z.string().exactOptional(),
  /** When the server was stopped, if it was. */
  stoppedUtc: z.string().exactOptional(),
  /** When the loss of its medium ended it, if that was so. */
  awayUtc: z.string().exactOptional(),
  /** When it was certainly under way, if that is known to be later. */
  seenUtc: z.string().exactOptional(),
  isPaused: z.boolean().exactOptional(),
  /** How often it was taken up without that a new light was recorded. */
  attempts: z.int().default(0),
  before: before.exactOptional(),
});

export type Before = Readonly<z.output<typeof before>>;

type Parsed = Readonly<z.output<typeof underWay>>;
export interface UnderWay extends Omit<Parsed, "spectrometers" | "settings"> {
  readonly settings: BatchSettings;
  readonly spectrometers: readonly RememberedSettings[];
}

/** Throws VALUE_INVALID. */
export function parseUnderWay(text: string, name: string): UnderWay {
  const { data, error } = underWay.safeParse(parsedJson(text));
  if (data !== undefined) return data;
  const fact = `${name}: not the note of a batch, ${error.issues[0]?.message ?? "its form is unknown"}`;
  throw new VscopeError("VALUE_INVALID", fact);
}
