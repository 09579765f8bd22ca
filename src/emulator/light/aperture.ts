// How far a channel's shutter is open, over time: what an exposure sees of the shutter, moves in mid-exposure included.

/** Openness goes linearly from 0 to 1 or back while a blade travels. */
interface Move {
  readonly startUs: number;
  readonly endUs: number;
  readonly from: number;
  readonly to: number;
}

/** Moves that ended this long before the newest one are forgotten; longer than any exposure (1600 s). */
const MEMORY_US = 7_200_000_000;

export class Aperture {
  #moves: Move[];

  constructor(isOpen: boolean) {
    const openness = isOpen ? 1 : 0;
    this.#moves = [{ startUs: -Infinity, endUs: -Infinity, from: openness, to: openness }];
  }

  /** The blade leaves its place at `startUs` and arrives `travelUs` later. Moves come in order of time. */
  move(isOpen: boolean, startUs: number, travelUs: number): void {
    const from = this.opennessAt(startUs);
    const to = isOpen ? 1 : 0;
    const kept = this.#moves.filter((_, index) => {
      const next = this.#moves[index + 1];
      return next === undefined || next.startUs > startUs - MEMORY_US;
    });
    this.#moves = [...kept, { startUs, endUs: startUs + travelUs * Math.abs(to - from), from, to }];
  }

  /** 0 is closed, 1 is open. */
  opennessAt(atUs: number): number {
    const move = this.#moves.findLast(({ startUs }) => startUs <= atUs);
    return move === undefined ? 0 : opennessDuring(move, atUs);
  }

  /** Integral of the openness over [fromUs, toUs] in microseconds. */
  openUs(fromUs: number, toUs: number): number {
    let sum = 0;
    for (let index = this.#moves.length - 1; index >= 0; index--) {
      const move = this.#moves[index];
      if (move === undefined) break;
      const untilUs = Math.min(this.#moves[index + 1]?.startUs ?? Infinity, toUs);
      sum += integralDuring(move, Math.max(move.startUs, fromUs), untilUs);
      if (move.startUs <= fromUs) break;
    }
    return sum;
  }
}

function opennessDuring({ startUs, endUs, from, to }: Move, atUs: number): number {
  return atUs >= endUs ? to : from + ((to - from) * (atUs - startUs)) / (endUs - startUs);
}

function integralDuring(move: Move, fromUs: number, toUs: number): number {
  if (toUs <= fromUs) return 0;
  const turnUs = Math.min(Math.max(move.endUs, fromUs), toUs);
  const travelling =
    turnUs > fromUs
      ? ((opennessDuring(move, fromUs) + opennessDuring(move, turnUs)) / 2) * (turnUs - fromUs)
      : 0;
  return travelling + move.to * (toUs - turnUs);
}
