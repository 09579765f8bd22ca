// Opens the scheduler, which reads the values of its conditions from the tree.

import { join } from "node:path";
import type { Operations } from "../acquisition/operations.ts";
import type { Recorder } from "../acquisition/recorder.ts";
import { withDeadline } from "../base/abort.ts";
import type { ReadableCell } from "../base/cell.ts";
import { type Clock, isoUtc, SECOND } from "../base/clock.ts";
import { definedOnly } from "../base/defined-only.ts";
import { messageOf, VscopeError } from "../base/errors.ts";
import type { Lifetime } from "../base/lifetime.ts";
import type { Log } from "../base/log.ts";
import { targetOf } from "../client/resource-path.ts";
import type { ServerConfig } from "../config/server-config.ts";
import type { DataDirectory } from "../datadir/data-directory.ts";
import type { ClockState } from "../instruments/clock-state.ts";
import type { Position } from "../instruments/position.ts";
import type { Rack } from "../instruments/rack.ts";
import { absenceOf, requireComparable } from "../resources/condition-check.ts";
import type { ServerModel } from "../resources/model.ts";
import { Router } from "../resources/router.ts";
import { TREE } from "../resources/tree.ts";
import { Scheduler } from "../scheduler/scheduler.ts";
import { SpectrometerPower } from "../scheduler/spectrometer-power.ts";
import { SCHEDULER_FILE, SchedulerStore } from "../scheduler/store.ts";

export interface ScheduleParts {
  readonly config: ServerConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: Recorder;
  readonly operations: Operations;
  readonly rack: Rack;
  readonly position: ReadableCell<Position | undefined>;
  readonly clockState: ReadableCell<ClockState>;
  readonly dataDirectory: DataDirectory;
}

/** What the model has of it, and how it begins: the model must be there for that. */
export interface Schedule extends Pick<ServerModel, "scheduler"> {
  begin(model: ServerModel): void;
}

const READ_US = 10 * SECOND;

export function openSchedule(parts: ScheduleParts, lifetime: Lifetime): Schedule {
  const { config, clock, log, recorder, operations, rack, position, clockState } = parts;
  const store = SchedulerStore.open(join(config.security.state, SCHEDULER_FILE), { clock, log });
  let router: Router<ServerModel> | undefined;
  const scheduler = new Scheduler({
    clock,
    log,
    store,
    recordings: recorder,
    operations,
    power: new SpectrometerPower({ rack, operations, clock }),
    place: position,
    read: (path, signal) => readValue(router, { path, clock }, signal),
    isSynchronised: () => clockState.value.isSynchronised,
    clockSet: (jumpUs) => noteJump(parts, jumpUs),
    checkValue: (wanted) => {
      requireComparable(TREE, wanted);
      return router === undefined ? undefined : absenceOf(router, wanted);
    },
  });
  lifetime.defer("scheduler", () => scheduler.close());
  const begin = (model: ServerModel): void => {
    router = new Router(model, TREE);
    scheduler.start();
  };
  return { scheduler, begin };
}

// Times of the spectra before and after it do not fit together.
function noteJump({ clock, log, recorder, dataDirectory }: ScheduleParts, jumpUs: number): void {
  const { run, batch } = recorder.status.value;
  if (run === undefined) return;
  const event = {
    utc: isoUtc(clock.utcUs()),
    event: "clock-set",
    byS: jumpUs / SECOND,
    ...definedOnly({ batch }),
  };
  dataDirectory.notes
    .addEvent(run, event)
    .catch((error: unknown) => log.warn({ run, reason: messageOf(error) }, "the event is not noted"));
}

function readValue(
  router: Router<ServerModel> | undefined,
  { path, clock }: { readonly path: string; readonly clock: Clock },
  signal: AbortSignal,
): Promise<unknown> {
  const late = (): Error => new VscopeError("DEVICE_TIMEOUT", `no value within ${READ_US / SECOND} s`);
  return withDeadline({ clock, us: READ_US, late }, signal, async (limited) => {
    if (router === undefined) throw new VscopeError("STATE_CONFLICT", "the server has not begun");
    const { path: segments, query } = targetOf(path);
    const parameters = query.map((part): [string, string] => {
      const [name = "", ...rest] = part.split("=");
      return [name, rest.join("=")];
    });
    return router.get(router.match(segments), Object.fromEntries(parameters), limited);
  });
}
