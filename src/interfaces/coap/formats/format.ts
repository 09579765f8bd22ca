// What a representation needs: one file beside this one for each.

import type { AnyResource } from "../../../resources/define.ts";

/** What is represented. */
export interface Subject {
  readonly resource: AnyResource;
  /** Segments of the path that was asked for. */
  readonly path: readonly string[];
}

export interface Format {
  /** Its number in the registry of Content-Formats. */
  readonly number: number;
  /** Whether values of the resource have this form, by the declaration alone. */
  fits(resource: AnyResource): boolean;
  /** Throws FORMAT_NOT_ACCEPTABLE for a selected part that has no such form. */
  encode(value: unknown, subject: Subject): Uint8Array;
}
