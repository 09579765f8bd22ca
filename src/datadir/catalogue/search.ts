// What can be asked of the catalogue, and what it answers: a page of spectra in the order of time, and where the next begins.

import { VscopeError } from "../../base/errors.ts";
import type { QualityColour } from "../../spectra/flags.ts";
import type { SpectrumKind } from "../../spectra/spectrum.ts";
import type { SpectrumRow } from "./catalogue-row.ts";

/** All given members must hold; of a list one. */
export interface Criteria {
  readonly run?: readonly string[];
  readonly batch?: number;
  readonly sequence?: number;
  readonly serial?: readonly string[];
  readonly channel?: readonly string[];
  readonly kind?: SpectrumKind;
  /** Only spectra that carry all these flags, and none of those. Also flags of later versions. */
  readonly flags?: readonly string[];
  readonly flagsNone?: readonly string[];
  readonly colour?: QualityColour;
  /** Exposures that began within this half-open range. */
  readonly fromUtcUs?: number;
  readonly toUtcUs?: number;
  /** From, to, both included. */
  readonly sunElevationDeg?: readonly [number, number];
  readonly near?: Near;
  readonly integrationTimeUs?: readonly [number, number];
  readonly isSimulated?: boolean;
  /** Words that must all occur in the name of the run, or in one origin, failure or event with it. */
  readonly text?: string;
}

/** Without a text: then nothing of what fits is left out. */
export type CompleteCriteria = Omit<Criteria, "text"> & { readonly text?: never };

export interface Near {
  readonly latitudeDeg: number;
  readonly longitudeDeg: number;
  readonly withinM: number;
}

export interface Search extends Criteria {
  /** The newest first when absent. */
  readonly order?: Order;
  readonly limit: number;
  /** `next` of the page before. */
  readonly after?: string;
  /** Whether to count all that fit. */
  readonly counts?: boolean;
}

export type Order = "newest" | "oldest";

export interface Found {
  readonly spectra: readonly SpectrumRow[];
  /** Absent on the last page. */
  readonly next?: string;
  readonly total?: Total;
  /** Present where the text is in more batches than are looked at: spectra are missing, further words help. */
  readonly isCut?: true;
}

export interface Total {
  readonly count: number;
  /** There are more, which are not counted. */
  readonly isAtLeast: boolean;
}

/** A slice of what fits, newest first, and the number of all of it. */
export interface Slice {
  readonly limit: number;
  readonly offset: number;
}

/** Where a page ended: at a spectrum of a catalogue, which is known by its epoch. */
export interface Cursor {
  readonly epoch: Uint8Array;
  readonly exposureStartUtcUs: number;
  readonly number: number;
}

const EPOCH_BYTES = 8;
const CURSOR_BYTES = EPOCH_BYTES + 16;

export function cursorText({ epoch, exposureStartUtcUs, number }: Cursor): string {
  const bytes = Buffer.alloc(CURSOR_BYTES);
  bytes.set(epoch.subarray(0, EPOCH_BYTES));
  bytes.writeBigInt64BE(BigInt(exposureStartUtcUs), EPOCH_BYTES);
  bytes.writeBigInt64BE(BigInt(number), EPOCH_BYTES + 8);
  return bytes.toString("base64url");
}

/** Throws VALUE_INVALID. */
export function readCursor(text: string): Cursor {
  const bytes = Buffer.from(text, "base64url");
  if (bytes.length !== CURSOR_BYTES)
    throw new VscopeError("VALUE_INVALID", `after: "${text.slice(0, 80)}" is not the next of a page`);
  return {
    epoch: bytes.subarray(0, EPOCH_BYTES),
    exposureStartUtcUs: Number(bytes.readBigInt64BE(EPOCH_BYTES)),
    number: Number(bytes.readBigInt64BE(EPOCH_BYTES + 8)),
  };
}
