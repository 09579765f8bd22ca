// The failures in the result of a recording, for people: equal ones once, and how many the server does not list.

import { isDeepStrictEqual } from "node:util";
import { z } from "zod";

const failedShape = z.looseObject({ failed: z.number(), failures: z.array(z.looseObject({})) });

interface Shown {
  readonly result: object;
  /** A line of its own, or nothing. */
  readonly more: string;
}

export function withFailuresGrouped(result: object): Shown {
  const { data } = failedShape.safeParse(result);
  if (data === undefined || data.failures.length === 0) return { result, more: "" };
  const { failed, failures } = data;
  const kinds = failures.filter((one, at) => failures.findIndex((two) => isDeepStrictEqual(one, two)) === at);
  const grouped = kinds.map((one) => ({
    times: failures.filter((two) => isDeepStrictEqual(one, two)).length,
    ...one,
  }));
  const more = failed > failures.length ? `and ${failed - failures.length} more failures before these\n` : "";
  return { result: { ...result, failures: grouped }, more };
}
