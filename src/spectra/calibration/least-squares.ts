// Weighted linear least squares by its normal equations: few unknowns, on scaled axes, where they are exact enough.

/** One measurement: what stands before each unknown, what was measured, and its weight. */
export interface Observation {
  readonly terms: readonly number[];
  readonly value: number;
  readonly weight: number;
}

/** The unknowns; undefined when the observations do not determine them. */
export function leastSquares(observations: Iterable<Observation>, unknowns: number): number[] | undefined {
  const rows = Array.from({ length: unknowns }, () => Array.from({ length: unknowns + 1 }, () => 0));
  for (const { terms, value, weight } of observations) {
    for (const [index, row] of rows.entries()) {
      const factor = weight * (terms[index] ?? 0);
      for (let column = 0; column < unknowns; column++)
        row[column] = (row[column] ?? 0) + factor * (terms[column] ?? 0);
      row[unknowns] = (row[unknowns] ?? 0) + factor * value;
    }
  }
  return solved(rows);
}

/** A pivot below this share of the largest is zero but for rounding. */
const SINGULAR = 1e-13;

/** Gauss-Jordan with pivots; a row is one equation with its right side at the end. */
function solved(rows: number[][]): number[] | undefined {
  const size = rows.length;
  const largest = Math.max(...rows.flat().map(Math.abs));
  for (let column = 0; column < size; column++) {
    const below = rows.slice(column);
    const pivot = below.reduce((best, row) =>
      magnitude(row, column) > magnitude(best, column) ? row : best,
    );
    if (!(magnitude(pivot, column) > SINGULAR * largest)) return undefined;
    const at = rows.indexOf(pivot);
    rows[at] = rows[column] ?? pivot;
    rows[column] = pivot;
    for (const row of rows) if (row !== pivot) eliminate(row, pivot, column);
  }
  return rows.map((row, index) => (row[size] ?? 0) / (row[index] ?? 1));
}

function eliminate(row: number[], pivot: readonly number[], column: number): void {
  const factor = (row[column] ?? 0) / (pivot[column] ?? 1);
  for (let index = column; index < row.length; index++)
    row[index] = (row[index] ?? 0) - factor * (pivot[index] ?? 0);
}

function magnitude(row: readonly number[], column: number): number {
  return Math.abs(row[column] ?? 0);
}
