// Opens the parts of the box that people touch and see: trigger input, power button, status LED. What is not configured
// is not there; a line that is refused costs its part only, and the log says why.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Operations } from "../acquisition/operations.ts";
import type { Recorder } from "../acquisition/recorder.ts";
import type { Resumption } from "../acquisition/resumption.ts";
import { Cell, type ReadableCell } from "../base/cell.ts";
import type { Clock } from "../base/clock.ts";
import { definedOnly } from "../base/defined-only.ts";
import { messageOf } from "../base/errors.ts";
import type { Lifetime } from "../base/lifetime.ts";
import type { Log } from "../base/log.ts";
import type { TriggerConfig } from "../config/box-config.ts";
import type { ServerConfig } from "../config/server-config.ts";
import type { DataDirectory } from "../datadir/data-directory.ts";
import type { Hardware } from "./hardware.ts";
import { type LedState, ledStateOf } from "../instruments/led-pattern.ts";
import { PowerButton } from "../instruments/power-button.ts";
import type { Rack } from "../instruments/rack.ts";
import { StatusLed } from "../instruments/status-led.ts";
import { TriggerInput, type TriggerStatus } from "../instruments/trigger-input.ts";
import type { Box } from "../resources/model.ts";

export interface BoxParts {
  readonly config: ServerConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly hardware: Hardware;
  readonly rack: Rack;
  readonly recorder: Recorder;
  readonly operations: Operations;
  readonly resumption: Resumption;
  readonly dataDirectory: DataDirectory;
}

const run = promisify(execFile);

/** `lifetime` closes what is opened. */
export async function openBox(parts: BoxParts, lifetime: Lifetime): Promise<Box> {
  await openPart("status LED", parts, () => openStatusLed(parts, lifetime));
  await openPart("power button", parts, () => openPowerButton(parts, lifetime));
  return { trigger: await openPart("trigger", parts, () => openTrigger(parts, lifetime)) };
}

async function openPart<T>(
  name: string,
  { log }: BoxParts,
  open: () => Promise<T | undefined>,
): Promise<T | undefined> {
  try {
    return await open();
  } catch (error) {
    log.error({ reason: messageOf(error) }, `the ${name} is not usable`);
    return undefined;
  }
}

async function openTrigger(
  { config: { box }, clock, log, hardware, recorder }: BoxParts,
  lifetime: Lifetime,
): Promise<ReadableCell<TriggerStatus> | undefined> {
  const { trigger: config } = box;
  if (config === undefined) return undefined;
  const start = () => recorder.record(triggeredSettings(config), { by: "trigger" });
  const trigger = await TriggerInput.open({ bank: hardware.gpio, clock, log, config, start });
  lifetime.defer("trigger", () => trigger.close());
  return trigger.status;
}

function triggeredSettings({ run: name, sequences, autointegrate }: TriggerConfig) {
  return { ...definedOnly({ run: name }), sequences, autointegrate };
}

async function openPowerButton(
  { config: { box }, clock, log, hardware, operations, resumption }: BoxParts,
  lifetime: Lifetime,
): Promise<void> {
  const { powerButton: config } = box;
  if (config === undefined) return;
  const settle = async (): Promise<void> => {
    const { running } = operations;
    // Nobody wanted to end it: with the power it comes back, if it is to.
    if (running?.isUndivided === false) running.interrupt("the power button was pressed");
    await running?.finished;
  };
  const execute = async ([program = "", ...words]: readonly string[], signal: AbortSignal): Promise<void> => {
    await run(program, words, { signal, killSignal: "SIGKILL" });
  };
  const failed = (): Promise<void> => resumption.again();
  const ways = { settle, run: execute, failed };
  const button = await PowerButton.open({ bank: hardware.gpio, clock, log, config, ...ways });
  lifetime.defer("power button", () => button.close());
}

async function openStatusLed(parts: BoxParts, lifetime: Lifetime): Promise<void> {
  const { config, hardware, clock, log } = parts;
  const pin = config.hardware.statusLedPin;
  if (pin === undefined) return;
  const { state, close } = ledState(parts);
  lifetime.defer("state of the box", close);
  const led = await StatusLed.open({ bank: hardware.gpio, pin, state, clock, log });
  lifetime.defer("status LED", () => led.close());
}

/** The state that the LED shows, followed until `close`. */
function ledState(parts: BoxParts): { readonly state: ReadableCell<LedState>; readonly close: () => void } {
  const { recorder, rack, dataDirectory, operations } = parts;
  const state = new Cell(stateNow(parts));
  const update = (): void => state.set(stateNow(parts));
  const followed = new Map<string, () => void>();
  const followAll = (): void => {
    for (const { serial, status } of rack.spectrometers.value) {
      if (!followed.has(serial)) followed.set(serial, status.subscribe(update));
    }
    update();
  };
  // Whether it has failed shows when the recorder is idle already.
  let endNewest = (): void => {};
  const followNewest = (): void => {
    endNewest();
    endNewest = operations.all.value.at(-1)?.status.subscribe(update) ?? (() => {});
    update();
  };
  followAll();
  const ends = [
    recorder.status.subscribe(update),
    dataDirectory.status.subscribe(update),
    operations.all.subscribe(followNewest),
    rack.spectrometers.subscribe(followAll),
    rack.problems.subscribe(update),
  ];
  const close = (): void => {
    for (const end of [...ends, ...followed.values(), endNewest]) end();
  };
  return { state, close };
}

function stateNow({ recorder, rack, dataDirectory, operations }: BoxParts): LedState {
  const { mounted, readOnly, freeBytes, totalBytes, reserveBytes } = dataDirectory.status.value;
  return ledStateOf({
    phase: recorder.status.value.phase,
    isMounted: mounted && !readOnly,
    freeBytes,
    totalBytes,
    reserveBytes,
    isInstrumentMissing: isInstrumentMissing(rack),
    hasLastFailed: operations.all.value.at(-1)?.status.value.state === "failed",
  });
}

// A box that found nothing at its start is no readier than one that has lost what it had.
function isInstrumentMissing({ spectrometers, problems }: Rack): boolean {
  const states = spectrometers.value.map(({ status }) => status.value.state);
  const isAway = states.some((state) => state === "disconnected" || state === "faulty");
  return isAway || states.length === 0 || problems.value.length > 0;
}
