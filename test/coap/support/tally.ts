// Counts what became of the datagrams of a fuzz test, by what the judge says they are.

import type { TestContext } from "node:test";
import { type Kind, KINDS, type Outcome } from "./judge.ts";

const OUTCOMES: readonly Outcome[] = ["answered", "reset", "silent"];

export class Tally {
  readonly #rows = new Map<Kind, Record<Outcome, number>>();

  add(kind: Kind, outcome: Outcome): void {
    const row = this.#rows.get(kind) ?? { answered: 0, reset: 0, silent: 0 };
    this.#rows.set(kind, row);
    row[outcome] += 1;
  }

  count(kinds: readonly Kind[], outcomes: readonly Outcome[] = OUTCOMES): number {
    let count = 0;
    for (const kind of kinds) for (const outcome of outcomes) count += this.#rows.get(kind)?.[outcome] ?? 0;
    return count;
  }

  /** From 0 to 1; 0 of none. */
  share(kinds: readonly Kind[], outcomes: readonly Outcome[]): number {
    return this.count(kinds, outcomes) / Math.max(1, this.count(kinds));
  }

  /** Tells the table: a line for each kind, and one for `some` of them together. */
  tell(context: TestContext, some: readonly Kind[]): void {
    for (const kinds of [...KINDS.map((kind) => [kind]), some]) {
      const shares = OUTCOMES.map((outcome) => `${percent(this.share(kinds, [outcome]))} ${outcome}`);
      context.diagnostic(`${kinds.join(" + ")}: ${this.count(kinds)}, of these ${shares.join(", ")}`);
    }
  }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}
