// What the resource tree is a view of.

import type { Calibrations } from "../acquisition/calibrations.ts";
import type { Levels } from "../acquisition/levels.ts";
import type { Recorder } from "../acquisition/recorder.ts";
import type { Resumption } from "../acquisition/resumption.ts";
import type { Operations } from "../acquisition/operations.ts";
import type { WhiteReferences } from "../acquisition/white-references.ts";
import type { ReadableCell } from "../base/cell.ts";
import type { CoapStats } from "../coap/engine/limits.ts";
import type { DataDirectory } from "../datadir/data-directory.ts";
import type { Exports } from "../export/exports.ts";
import type { ClockState } from "../instruments/clock-state.ts";
import type { Host } from "../instruments/host.ts";
import type { Position } from "../instruments/position.ts";
import type { Presence } from "../instruments/presence.ts";
import type { Rack } from "../instruments/rack.ts";
import type { ShutterSet } from "../instruments/shutter.ts";
import type { TriggerStatus } from "../instruments/trigger-input.ts";
import type { Scheduler } from "../scheduler/scheduler.ts";
import type { QualityLimits } from "../spectra/quality.ts";
import { resource } from "./define.ts";

/** The instrument configuration as text; `write` validates it and keeps the old one beside it. */
export interface ConfigurationText {
  read(): Promise<string>;
  write(text: string): Promise<void>;
}

/** An emulated device, for whoever tries the server out: its plug, and the level of its trigger input. */
export interface EmulatedUnit {
  readonly isPlugged: ReadableCell<boolean>;
  setPlugged(isPlugged: boolean): void;
  readonly triggerInput: ReadableCell<boolean>;
  setTriggerInput(isHigh: boolean): void;
}

/** The light before all channels of the emulated instrument. */
export interface EmulatedLight {
  readonly source: ReadableCell<string>;
  /** Throws VALUE_INVALID for a name that is none of a source. */
  setSource(name: string): void;
}

/** What a channel of the emulated scene looks at. */
export interface EmulatedTarget {
  readonly target: ReadableCell<string>;
  /** Throws VALUE_INVALID for a target that nobody knows. */
  setTarget(name: string): void;
}

/** The parts of the box that clients can see. */
export interface Box {
  /** Absent without a usable trigger input. */
  readonly trigger: ReadableCell<TriggerStatus> | undefined;
}

export interface ServerModel {
  readonly host: Host;
  readonly rack: Rack;
  readonly presence: Presence;
  readonly shutters: ShutterSet;
  readonly dataDirectory: DataDirectory;
  readonly exports: Exports;
  readonly recorder: Recorder;
  readonly resumption: Resumption;
  readonly operations: Operations;
  readonly scheduler: Scheduler;
  /** Where the instrument stands; undefined while nobody knows. */
  readonly position: ReadableCell<Position | undefined>;
  readonly clockState: ReadableCell<ClockState>;
  readonly qualityLimits: QualityLimits;
  readonly calibrations: Calibrations;
  readonly whiteReferences: WhiteReferences;
  readonly levels: Levels;
  readonly box: Box;
  readonly configuration: ConfigurationText;
  /** What the CoAP server counts; undefined while there is none. */
  readonly coapStats: () => Readonly<CoapStats> | undefined;
  /** By serial number; empty with real hardware. */
  readonly emulatedUnits: ReadonlyMap<string, EmulatedUnit>;
  /** By channel; empty with real hardware. */
  readonly emulatedTargets: ReadonlyMap<string, EmulatedTarget>;
  /** Undefined with real hardware. */
  readonly emulatedLight: EmulatedLight | undefined;
}

/** Declares a resource of this server. */
export const declare = resource<ServerModel>();
