// Where the instrument stands: what gpsd says while its fix is fresh, else what the configuration says, else the last fix,
// with its age.

import { Cell, type ReadableCell } from "../base/cell.ts";
import { type Clock, SECOND } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { GpsdClient } from "../drivers/gpsd/gpsd-client.ts";
import type { GpsdAddress, GpsdNetwork } from "../drivers/gpsd/port.ts";
import type { GpsdFix } from "../drivers/gpsd/report.ts";
import type { Place } from "../spectra/sun.ts";

export interface Position extends Place {
  readonly source: "configuration" | "gpsd";
  /** Of the fix, in steps of 10 s; 0 for the configuration's. */
  readonly ageS: number;
}

export interface PositionOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly configured: Place | undefined;
  readonly gpsd: { readonly network: GpsdNetwork; readonly address: GpsdAddress } | undefined;
}

/** Older than this a fix is no news; the configuration, where there is one, is better. */
const FRESH_US = 60 * SECOND;
const STEP_US = 10 * SECOND;
// What a receiver that stands still wanders.
const SAME_PLACE_DEG = 2e-4;
const SAME_HEIGHT_M = 20;

export class PositionKeeper {
  readonly #clock: Clock;
  readonly #configured: Place | undefined;
  readonly #gpsd: GpsdClient | undefined;
  readonly #position: Cell<Position | undefined>;
  #fix: { readonly place: Place; readonly nowUs: number } | undefined;
  #cancelTimer = (): void => {};

  constructor({ clock, log, configured, gpsd }: PositionOptions) {
    this.#clock = clock;
    this.#configured = configured;
    this.#position = new Cell<Position | undefined>(undefined);
    const onFix = (fix: GpsdFix): void => this.#found(fix);
    this.#gpsd = gpsd === undefined ? undefined : new GpsdClient({ ...gpsd, clock, log, onFix });
    this.#show();
  }

  /** Undefined while nobody knows. */
  get position(): ReadableCell<Position | undefined> {
    return this.#position;
  }

  start(): void {
    if (this.#gpsd === undefined) return;
    this.#gpsd.start();
    this.#arm();
  }

  async close(): Promise<void> {
    this.#cancelTimer();
    await this.#gpsd?.close();
  }

  #found({ latitudeDeg, longitudeDeg, heightM }: GpsdFix): void {
    const known = this.#fix?.place;
    const place = {
      latitudeDeg,
      longitudeDeg,
      heightM: heightM ?? known?.heightM ?? this.#configured?.heightM ?? 0,
    };
    const isSame = known !== undefined && isNear(known, place);
    this.#fix = { place: isSame ? known : place, nowUs: this.#clock.nowUs() };
    this.#show();
  }

  #arm(): void {
    this.#cancelTimer = this.#clock.after(STEP_US, () => {
      this.#show();
      this.#arm();
    });
  }

  #show(): void {
    const ageUs = this.#fix === undefined ? Number.POSITIVE_INFINITY : this.#clock.nowUs() - this.#fix.nowUs;
    if (this.#configured !== undefined && ageUs > FRESH_US)
      this.#position.set({ ...this.#configured, source: "configuration", ageS: 0 });
    else if (this.#fix !== undefined) {
      const ageS = (Math.floor(ageUs / STEP_US) * STEP_US) / SECOND;
      this.#position.set({ ...this.#fix.place, source: "gpsd", ageS });
    }
  }
}

function isNear(a: Place, b: Place): boolean {
  return (
    Math.abs(a.latitudeDeg - b.latitudeDeg) < SAME_PLACE_DEG &&
    Math.abs(a.longitudeDeg - b.longitudeDeg) < SAME_PLACE_DEG &&
    Math.abs(a.heightM - b.heightM) < SAME_HEIGHT_M
  );
}
