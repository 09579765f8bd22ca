// Limits of integration times that clients set while the server runs, within those of the device. They hold for clients
// that set them and for searches.

import { Cell } from "../base/cell.ts";

export interface TimeLimits {
  readonly minUs?: number;
  readonly maxUs?: number;
}

export class ClientLimits {
  readonly #limits = new Map<string, Cell<TimeLimits>>();

  /** Those of a spectrometer; empty until somebody sets them. */
  of(serial: string): Cell<TimeLimits> {
    const known = this.#limits.get(serial) ?? new Cell<TimeLimits>({});
    this.#limits.set(serial, known);
    return known;
  }
}
