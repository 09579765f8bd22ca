// What piccolo3's tree is a view of: the native model, and the little that only piccolo3's clients know.

import type { ReadableCell } from "../../base/cell.ts";
import { Cell } from "../../base/cell.ts";
import type { Clock } from "../../base/clock.ts";
import { VscopeError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { ClientLimits } from "../../instruments/client-limits.ts";
import type { ServerModel } from "../../resources/model.ts";
import { Connections } from "./connection.ts";
import { Cooler } from "./cooler.ts";
import { RunNames } from "./run-names.ts";
import { SequenceNumber } from "./sequence-number.ts";
import { type ControlSettings, newSettings } from "./settings.ts";
import { type StateNumber, stateNumber } from "./spectrometer-state.ts";
import { Unit } from "./unit.ts";

/** What the instrument configuration says that this tree shows. */
export interface Configured {
  /** Serial numbers of the spectrometers, in the order of the file. */
  readonly serials: readonly string[];
  /** Longest time that a search chooses. */
  readonly searchMaxUs: (serial: string) => number;
  /** The medium that the server mounts, if it does. */
  readonly medium: { readonly device: string; readonly mountPoint: string } | undefined;
}

export interface LegacyParts {
  readonly model: ServerModel;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: ClientLimits;
  readonly configured: Configured;
}

export class Legacy {
  readonly model: ServerModel;
  readonly clock: Clock;
  readonly log: Log;
  readonly configured: Configured;
  readonly settings: ControlSettings = newSettings();
  readonly sequence: SequenceNumber;
  readonly runs: RunNames;
  readonly connections: Connections;
  readonly #limits: ClientLimits;
  readonly #units = new Map<string, Unit>();
  readonly #told = new Map<string, Cell<number>>();
  readonly #closing = new AbortController();

  constructor({ model, clock, log, limits, configured }: LegacyParts) {
    this.model = model;
    this.clock = clock;
    this.log = log;
    this.configured = configured;
    this.#limits = limits;
    this.sequence = new SequenceNumber(model.recorder.status, model.operations);
    this.runs = new RunNames(model.dataDirectory, clock);
    this.connections = new Connections({
      rack: model.rack,
      clock,
      log,
      stateOf: (unit) => this.stateOf(unit),
      positionOf: (unit) => Math.max(0, configured.serials.indexOf(unit.serial)),
      signal: this.signal,
    });
    model.rack.spectrometers.subscribe(() => this.#meet());
    for (const serial of configured.serials) this.#unit(serial);
    this.#meet();
  }

  /** Aborts when the server closes. */
  get signal(): AbortSignal {
    return this.#closing.signal;
  }

  /** The spectrometers that are configured or were found, sorted by name. */
  get units(): readonly Unit[] {
    return [...this.#units.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Throws RESOURCE_NOT_FOUND. */
  unit(name: string): Unit {
    const unit = this.findUnit(name);
    if (unit === undefined) throw new VscopeError("RESOURCE_NOT_FOUND", `${name}: no such spectrometer`);
    return unit;
  }

  findUnit(name: string): Unit | undefined {
    return name.startsWith("S_") ? this.#units.get(name.slice(2)) : undefined;
  }

  stateOf({ serial, spectrometer }: Unit): StateNumber {
    const { rack, recorder } = this.model;
    // Before it has been seen, its switch tells.
    const isOff = rack.switched.includes(serial) && rack.powerSwitch(serial).state.value === "off";
    const state = spectrometer?.status.value.state ?? (isOff ? "powered-off" : undefined);
    const isReleased = rack.isReleased(serial);
    return stateNumber({ state, isReleased, phase: recorder.status.value.phase });
  }

  /** Changes each time that somebody has put a value there, whatever it was. */
  told(name: string): ReadableCell<number> {
    return this.#toldCell(name);
  }

  tell(name: string): void {
    const cell = this.#toldCell(name);
    cell.set(cell.value + 1);
  }

  close(): void {
    this.#closing.abort(new VscopeError("OPERATION_CANCELLED", "the server closes"));
  }

  #toldCell(name: string): Cell<number> {
    const cell = this.#told.get(name) ?? new Cell(0);
    this.#told.set(name, cell);
    return cell;
  }

  #meet(): void {
    for (const spectrometer of this.model.rack.spectrometers.value)
      this.#unit(spectrometer.serial).cooler.belongsTo(spectrometer);
  }

  #unit(serial: string): Unit {
    const known = this.#units.get(serial);
    if (known !== undefined) return known;
    const { rack, recorder } = this.model;
    const unit = new Unit({
      serial,
      rack,
      limits: this.#limits,
      searchMaxUs: this.configured.searchMaxUs,
      channels: recorder.channels,
      cooler: new Cooler(this.log, this.signal),
    });
    this.#units.set(serial, unit);
    return unit;
  }
}
