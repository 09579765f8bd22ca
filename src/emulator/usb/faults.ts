// Faults on demand: what can go wrong with the N-th transfer of a device. A test adds faults, the transport asks.

export type FaultKind =
  /** The endpoint stalls until it is cleared. */
  | "stall"
  /** The last two bytes are missing. */
  | "short"
  /** The second half is missing. */
  | "truncated"
  /** The last byte, where a sync byte stands, is another. */
  | "wrong-sync"
  /** A bit of the OBP checksum and one of the data are flipped. */
  | "wrong-checksum"
  /** As many bytes as there should be, all of them wrong. */
  | "garbage"
  /** The transfer never ends; bytes written are lost, bytes to be read stay in the device. */
  | "silence"
  /** As silence, and cancelling it does not end it either; closing the device does. */
  | "stuck"
  /** The device is unplugged. */
  | "unplug"
  /** A lone 69, left over from an aborted read, comes before what follows. */
  | "orphan"
  /** The transfer takes longer, by `delayUs`. */
  | "delay"
  /** Bytes written are accepted and without effect. */
  | "ignored";

export interface Fault {
  readonly kind: FaultKind;
  /** The transfer it hits, counted from 1 over the reads and writes of `direction`. */
  readonly nth: number;
  readonly direction?: "read" | "write";
  readonly delayUs?: number;
}

/** What brings back firmware that hangs. A power-cycle also does what a reset does. */
export type HangCure = "reset" | "power-cycle" | "nothing";

export class FaultPlan {
  #hangsUntil: HangCure | undefined;
  readonly #faults: Fault[] = [];
  readonly #fired: Fault[] = [];
  #counts = { read: 0, write: 0 };

  /** The next transfers are counted from 1 again; faults that have not fired are forgotten. */
  start(...faults: readonly Fault[]): void {
    this.#faults.splice(0, Infinity, ...faults);
    this.#fired.length = 0;
    this.#counts = { read: 0, write: 0 };
    this.#hangsUntil = undefined;
  }

  /** The firmware hangs: whatever is written is taken without effect, and nothing is answered until the cure. */
  hang(until: HangCure): void {
    this.#hangsUntil = until;
  }

  get isHung(): boolean {
    return this.#hangsUntil !== undefined;
  }

  /** The device was reset by the bus. */
  wasReset(): void {
    if (this.#hangsUntil === "reset") this.#hangsUntil = undefined;
  }

  /** The device got power. */
  poweredUp(): void {
    if (this.#hangsUntil !== "nothing") this.#hangsUntil = undefined;
  }

  /** Faults that have happened; when a loop over N finds none, it has passed the last transfer. */
  get fired(): readonly Fault[] {
    return this.#fired;
  }

  /** Counts a transfer and says what happens to it. */
  next(direction: "read" | "write"): Fault | undefined {
    this.#counts[direction] += 1;
    const { read, write } = this.#counts;
    const fault = this.#faults.find((candidate) => {
      const count = candidate.direction === undefined ? read + write : this.#counts[candidate.direction];
      const applies = candidate.direction === undefined || candidate.direction === direction;
      return applies && candidate.nth === count;
    });
    if (fault !== undefined) this.#fired.push(fault);
    return fault;
  }
}

const CHECKSUM_FROM_END = 20;
/** Neither a sync byte of OOI nor the beginning of an OBP message. */
const GARBAGE = [0x5a, 0x00, 0xff, 0x13, 0x9c, 0x3e, 0xd7] as const;

/** What the kinds of fault that touch the bytes do to them. */
const DAMAGE: Partial<Record<FaultKind, (bytes: Uint8Array) => Uint8Array>> = {
  short: (bytes) => bytes.slice(0, Math.max(bytes.length - 2, 0)),
  truncated: (bytes) => bytes.slice(0, Math.floor(bytes.length / 2)),
  "wrong-sync": (bytes) => flipped(bytes, bytes.length - 1),
  "wrong-checksum": (bytes) =>
    flipped(flipped(bytes, bytes.length - CHECKSUM_FROM_END), Math.floor(bytes.length / 2)),
  garbage: (bytes) => bytes.map((_, index) => GARBAGE[index % GARBAGE.length] ?? 0),
};

/** The bytes of a transfer as a fault leaves them. */
export function damaged(bytes: Uint8Array, kind: FaultKind): Uint8Array {
  return DAMAGE[kind]?.(bytes) ?? bytes;
}

function flipped(bytes: Uint8Array, index: number): Uint8Array {
  return bytes.map((byte, at) => (at === index ? byte ^ 0x01 : byte));
}
