// How far a long command is: a bar that redraws itself on a terminal, lines as of a log elsewhere.

import { type Clock, SECOND } from "../../base/clock.ts";
import type { Terminal } from "./terminal.ts";

/** How long the rest will take, in us. */
export type Left = number | "unknown";

export interface Progress {
  /** `text` says what is being done, such as `light upwelling`. Without `left` a bar takes it from the steps done so far. */
  update(done: number, of: number, text?: string, left?: Left): void;
  /** Leaves the cursor on a fresh line. */
  finish(): void;
}

const SILENT_PROGRESS: Progress = { update: () => {}, finish: () => {} };
const BAR_WIDTH = 24;

export interface ProgressOptions {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly label: string;
  readonly isQuiet: boolean;
}

export function startProgress({ terminal, clock, label, isQuiet }: ProgressOptions): Progress {
  if (isQuiet) return SILENT_PROGRESS;
  return terminal.isErrorTty ? new Bar(terminal, clock, label) : new Lines(terminal, clock, label);
}

/** A log tells no more than this, but everything that is new in words. */
const LINE_EVERY_US = 30 * SECOND;
const LINE_EVERY_SHARE = 0.1;

class Lines implements Progress {
  readonly #terminal: Terminal;
  readonly #clock: Clock;
  readonly #label: string;
  #told:
    | { readonly line: string; readonly text: string; readonly share: number; readonly us: number }
    | undefined;

  constructor(terminal: Terminal, clock: Clock, label: string) {
    this.#terminal = terminal;
    this.#clock = clock;
    this.#label = label;
  }

  update(done: number, of: number, text = "", left: Left = "unknown"): void {
    const line = `${this.#label}: ${counted(done, of)}${text === "" ? "" : ` ${text}`}${leftText(left)}`;
    const now = { line, text, share: of > 0 ? done / of : 0, us: this.#clock.nowUs() };
    if (line === this.#told?.line || !this.#isDue(now, done >= of)) return;
    this.#told = now;
    this.#terminal.error(`${line}\n`);
  }

  finish(): void {}

  #isDue(
    now: { readonly text: string; readonly share: number; readonly us: number },
    isLast: boolean,
  ): boolean {
    const told = this.#told;
    if (told === undefined || isLast || wordsOf(now.text) !== wordsOf(told.text)) return true;
    return now.us - told.us >= LINE_EVERY_US || now.share - told.share >= LINE_EVERY_SHARE - 1e-9;
  }
}

// Counts change with every step.
function wordsOf(text: string): string {
  return text.replaceAll(/\d+/g, "");
}

class Bar implements Progress {
  readonly #terminal: Terminal;
  readonly #clock: Clock;
  readonly #label: string;
  readonly #startUs: number;
  #isDrawn = false;

  constructor(terminal: Terminal, clock: Clock, label: string) {
    this.#terminal = terminal;
    this.#clock = clock;
    this.#label = label;
    this.#startUs = clock.nowUs();
  }

  update(done: number, of: number, text = "", left?: Left): void {
    const share = of > 0 ? Math.min(1, done / of) : 0;
    const filled = Math.round(share * BAR_WIDTH);
    const elapsedUs = this.#clock.nowUs() - this.#startUs;
    const byShare = share > 0 ? (elapsedUs * (1 - share)) / share : "unknown";
    const bar = "#".repeat(filled) + ".".repeat(BAR_WIDTH - filled);
    const line = `${this.#label} [${bar}] ${counted(done, of)} ${text}`.trimEnd();
    // Carriage return and "erase to the end of the line" (ECMA-48 EL); cut so that it never wraps.
    this.#terminal.error(
      `\r${`${line}  ${duration(elapsedUs)}${leftText(left ?? byShare)}`.slice(0, this.#terminal.columns - 1)}\u001b[K`,
    );
    this.#isDrawn = true;
  }

  finish(): void {
    if (this.#isDrawn) this.#terminal.error("\n");
    this.#isDrawn = false;
  }
}

function leftText(left: Left): string {
  return left === "unknown" || left === 0 ? "" : `, ${duration(left)} left`;
}

/** Seconds below two minutes, else hours and minutes. */
export function duration(us: number): string {
  const seconds = Math.round(us / SECOND);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

// How many there are is not known at first.
function counted(done: number, of: number): string {
  return of === 0 ? "..." : `${done}/${of}`;
}
