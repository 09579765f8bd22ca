// Opens what is known of time and place: the position, the state of the clock, and the judge of the spectra, who uses both.

import type { ReadableCell } from "../base/cell.ts";
import type { Clock } from "../base/clock.ts";
import type { Lifetime } from "../base/lifetime.ts";
import type { Log } from "../base/log.ts";
import type { ServerConfig } from "../config/server-config.ts";
import type { Programs } from "../drivers/clock/port.ts";
import type { GpsdNetwork } from "../drivers/gpsd/port.ts";
import { NODE_NETWORK } from "../drivers/net/node-network.ts";
import { type ClockState, ClockStateKeeper } from "../instruments/clock-state.ts";
import { type Position, PositionKeeper } from "../instruments/position.ts";
import { type Judge, type JudgeParts, qualityJudge } from "../instruments/quality-judge.ts";

export interface SurroundingsParts {
  readonly config: Pick<ServerConfig, "position" | "quality">;
  readonly clock: Clock;
  readonly log: Log;
  readonly programs: Programs | undefined;
  readonly gpsd: GpsdNetwork | undefined;
  readonly referenceAge?: JudgeParts["referenceAge"];
}

export interface OpenedSurroundings {
  readonly position: ReadableCell<Position | undefined>;
  readonly clockState: ReadableCell<ClockState>;
  readonly judge: Judge;
}

export function openSurroundings(parts: SurroundingsParts, lifetime: Lifetime): OpenedSurroundings {
  const { config, clock, log, programs, gpsd: network = NODE_NETWORK, referenceAge } = parts;
  const { place, gpsd: address } = config.position;
  const gpsd = address === undefined ? undefined : { network, address };
  const whereabouts = new PositionKeeper({ clock, log, configured: place, gpsd });
  lifetime.defer("position", () => whereabouts.close());
  whereabouts.start();
  const timekeeping = new ClockStateKeeper({ clock, log, programs });
  lifetime.defer("state of the clock", () => timekeeping.close());
  timekeeping.start();
  const { position } = whereabouts;
  const clockState = timekeeping.state;
  const judge = qualityJudge({ limits: config.quality, position, clockState, referenceAge });
  return { position, clockState, judge };
}
