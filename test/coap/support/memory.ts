// Memory of this process for tests that say it does not grow: measured after a collection, and told with the test.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const MIB = 2 ** 20;

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

interface Sample {
  readonly heapMb: number;
  readonly rssMb: number;
}

export class Memory {
  readonly #samples: Sample[] = [];

  /** Collects garbage and notes what is left. */
  measure(): void {
    collect();
    const { heapUsed, external, rss } = process.memoryUsage();
    this.#samples.push({ heapMb: (heapUsed + external) / MIB, rssMb: rss / MIB });
  }

  /** Tells the course of it, and fails when the live memory has grown by more than `mb` since the first third. */
  assertFlat(context: TestContext, mb: number): void {
    const third = Math.ceil(this.#samples.length / 3);
    const early = Math.max(...this.#samples.slice(0, third).map(({ heapMb }) => heapMb));
    const late = this.#samples.at(-1)?.heapMb ?? 0;
    const course = this.#samples.map(({ heapMb, rssMb }) => `${heapMb.toFixed(1)} (${rssMb.toFixed(0)})`);
    context.diagnostic(`memory in use (and resident) in MB: ${course.join(", ")}`);
    assert.ok(late - early < mb, `memory in use grew from ${early.toFixed(1)} to ${late.toFixed(1)} MB`);
  }
}
