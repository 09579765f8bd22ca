// A part of a long list, as queries ask for it.

import { z } from "zod";

export const wholeNumber = z
  .string()
  .regex(/^\d{1,9}$/, "expected a whole number")
  .transform(Number);

// A slice is one answer, made in one go: longer ones would keep exposures waiting.
const LONGEST_PAGE = 500;

/** Members of a query: where the slice begins, and how long it is at most. */
export const page = (limit: number) => ({
  offset: within(0, 1_000_000).default(0),
  limit: within(1, LONGEST_PAGE).default(limit),
});

function within(least: number, most: number) {
  const expected = `expected a whole number from ${least} to ${most}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, expected)
    .transform(Number)
    .refine((value) => value >= least && value <= most, expected);
}
