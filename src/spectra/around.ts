// What was measured at some moments, at a moment between: the nearest before and after it, weighed linearly in time. Pure.

export interface Weighted<T> {
  readonly item: T;
  /** Share in the result; the shares add up to 1. */
  readonly weight: number;
}

/** The nearest before (or at the moment) and after, in this order; one side alone is taken as it is, never extrapolated. */
export function around<T>(
  at: number,
  items: readonly T[],
  timeOf: (item: T) => number,
): readonly Weighted<T>[] {
  let before: { readonly item: T; readonly distance: number } | undefined;
  let after: { readonly item: T; readonly distance: number } | undefined;
  for (const item of items) {
    const distance = timeOf(item) - at;
    if (distance <= 0 && (before === undefined || distance >= before.distance)) before = { item, distance };
    if (distance > 0 && (after === undefined || distance < after.distance)) after = { item, distance };
  }
  const only = before ?? after;
  if (only === undefined) return [];
  if (before === undefined || after === undefined) return [{ item: only.item, weight: 1 }];
  const share = -before.distance / (after.distance - before.distance);
  return [
    { item: before.item, weight: 1 - share },
    { item: after.item, weight: share },
  ];
}
