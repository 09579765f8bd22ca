// The runs that there are, and their files. The current run is there from the beginning, although its folder is made with
// its first batch.

import { type Clock, SECOND } from "../../base/clock.ts";
import { isVscopeError } from "../../base/errors.ts";
import type { DataDirectory } from "../../datadir/data-directory.ts";

const FRESH_US = SECOND;

export class RunNames {
  readonly #dataDirectory: DataDirectory;
  readonly #clock: Clock;
  #shown: Promise<readonly string[]> | undefined;
  #shownUs = 0;
  #version = -1;

  constructor(dataDirectory: DataDirectory, clock: Clock) {
    this.#dataDirectory = dataDirectory;
    this.#clock = clock;
  }

  /** The most recently changed first. */
  async list(): Promise<readonly string[]> {
    const { value: current } = this.#dataDirectory.currentRun;
    const names = await this.#dataDirectory.shelf.names();
    return names.includes(current) ? names : [current, ...names];
  }

  /** For discovery, where anybody may ask: looked up at most once a second. Empty without the medium, never rejects. */
  shown(): Promise<readonly string[]> {
    const nowUs = this.#clock.nowUs();
    // A run that was made here shows at once.
    const { version } = this.#dataDirectory.currentRun;
    const isFresh = nowUs - this.#shownUs < FRESH_US && version === this.#version;
    if (this.#shown === undefined || !isFresh) {
      this.#shownUs = nowUs;
      this.#version = version;
      this.#shown = this.list().catch(() => []);
    }
    return this.#shown;
  }

  /** Whether there is such a run now. */
  async has(run: string): Promise<boolean> {
    return (await this.#files(run)) !== undefined;
  }

  /** Newest first. */
  async files(run: string): Promise<readonly string[]> {
    return (await this.#files(run)) ?? [];
  }

  async #files(run: string): Promise<readonly string[] | undefined> {
    try {
      return await this.#dataDirectory.shelf.names(run);
    } catch (error) {
      if (!isVscopeError(error, "RESOURCE_NOT_FOUND")) throw error;
      return run === this.#dataDirectory.currentRun.value ? [] : undefined;
    }
  }
}
