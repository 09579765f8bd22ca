// The number of the sequence that is recorded, or was: it stays until the next batch, and darks alone do not touch it.

import type { Operations } from "../../acquisition/operations.ts";
import type { AcquisitionStatus } from "../../acquisition/status.ts";
import type { ReadableCell } from "../../base/cell.ts";

/** Before the first sequence of a batch. */
const NONE = -1;

export class SequenceNumber {
  readonly #operations: Operations;
  #operation: string | undefined;
  #value = NONE;

  constructor(status: ReadableCell<AcquisitionStatus>, operations: Operations) {
    this.#operations = operations;
    status.subscribe((value) => this.#follow(value));
  }

  get value(): number {
    return this.#value;
  }

  #follow({ phase, operation, sequence = NONE }: AcquisitionStatus): void {
    if (operation === undefined) return;
    if (operation !== this.#operation && this.#operations.get(operation).status.value.kind === "record") {
      this.#value = NONE;
      this.#operation = operation;
    }
    if (phase === "light") this.#value = sequence;
  }
}
