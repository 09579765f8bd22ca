// All spectrometers on the bus: found by vendor and product, named by serial number. A device may come, go and come
// back on another port; the same serial number is the same Spectrometer, with its settings. Each port has a keeper
// (port-keeper.ts); a device that does not open is listed as a problem, tried again, and never hides the others.

import { orAborted, withAny, withDeadline } from "../base/abort.ts";
import { Cell, type ReadableCell, until } from "../base/cell.ts";
import { type Clock, SECOND } from "../base/clock.ts";
import { messageOf, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { SpectrometerDriver } from "../drivers/oceanoptics/driver.ts";
import { isSpectrometer } from "../drivers/oceanoptics/models.ts";
import { placeOf, type UsbBus, type UsbDevice } from "../drivers/usb/port.ts";
import {
  freshHistory,
  UNTROUBLED,
  type PortHistory,
  PortKeeper,
  type PortOwner,
  type RackProblem,
} from "./port-keeper.ts";
import type { Power, PowerSwitch } from "./power-switch.ts";
import { RecoveryLadder } from "./recovery-ladder.ts";
import type { Judge } from "./quality-judge.ts";
import { Spectrometer, type SpectrometerSettings, type SpectrometerStatus } from "./spectrometer.ts";

export interface RackOptions {
  readonly bus: UsbBus;
  readonly clock: Clock;
  readonly log: Log;
  readonly channels: readonly string[];
  readonly isSimulated: boolean;
  /** What the configuration says of the instrument with a serial number. */
  readonly settings?: (serial: string) => SpectrometerSettings;
  /** By serial number. */
  readonly powerSwitches?: ReadonlyMap<string, PowerSwitch>;
  /** Gives the spectra their quality flags. */
  readonly judge?: Judge | undefined;
}

/** A device boots and is found by the computer within this time after it got power. */
const POWER_UP_US = 30 * SECOND;

export class Rack {
  readonly #options: RackOptions;
  readonly #switches: ReadonlyMap<string, PowerSwitch>;
  readonly #keepers = new Map<string, PortKeeper>();
  readonly #histories = new Map<string, PortHistory>();
  readonly #ports = new Cell<readonly string[]>([]);
  readonly #known = new Map<string, Spectrometer>();
  /** Those that clients have released; "on" ends the wait of who would open one. */
  readonly #released = new Map<string, Cell<Power>>();
  readonly #spectrometers = new Cell<readonly Spectrometer[]>([]);
  readonly #problems = new Cell<readonly RackProblem[]>([]);
  readonly #tasks = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  #unwatch = (): void => {};

  constructor(options: RackOptions) {
    this.#options = options;
    this.#switches = options.powerSwitches ?? new Map();
  }

  /** Whether the bus is emulated. */
  get isSimulated(): boolean {
    return this.#options.isSimulated;
  }

  /** Every spectrometer seen so far, by serial number; their status tells which are connected. */
  get spectrometers(): ReadableCell<readonly Spectrometer[]> {
    return this.#spectrometers;
  }

  get problems(): ReadableCell<readonly RackProblem[]> {
    return this.#problems;
  }

  /** Throws RESOURCE_NOT_FOUND. */
  spectrometer(serial: string): Spectrometer {
    const found = this.#known.get(serial);
    if (found === undefined) {
      const known = [...this.#known.keys()].sort().join(", ") || "none";
      throw new VscopeError("RESOURCE_NOT_FOUND", `${serial}: no such spectrometer, there is ${known}`);
    }
    return found;
  }

  /** Resolves when every device present has been opened or has become a problem. Rejects when the bus does. */
  async start(signal: AbortSignal): Promise<void> {
    this.#unwatch = this.#options.bus.watch({
      attached: (device) => void this.#add(device),
      detached: (device) => this.#remove(device),
    });
    const devices = await orAborted(this.#options.bus.list(), signal);
    await orAborted(Promise.all(devices.map((device) => this.#add(device))), signal);
  }

  /** The serial numbers of the spectrometers whose power can be switched. */
  get switched(): readonly string[] {
    return [...this.#switches.keys()];
  }

  /** The power switch of a spectrometer. Throws RESOURCE_NOT_FOUND when it has none. */
  powerSwitch(serial: string): PowerSwitch {
    const found = this.#switches.get(serial);
    if (found === undefined) throw new VscopeError("RESOURCE_NOT_FOUND", `${serial}: has no power switch`);
    return found;
  }

  /**
   * Switches a spectrometer's power; `cycle` is off and on again, unless somebody has switched it meanwhile. Resolves when the line has its new level: the state
   * tells when the device is back. Throws RESOURCE_NOT_FOUND, or DEVICE_FAULT when the line fails.
   */
  async setPower(serial: string, wanted: "on" | "off" | "cycle", signal: AbortSignal): Promise<void> {
    const power = this.powerSwitch(serial);
    if (wanted === "on") return await this.#switchOnInTurn(serial, power, signal);
    const order = await this.#switchOff(serial, power);
    if (wanted === "off") return;
    try {
      await withAny([signal, this.#closing.signal], (joined) =>
        this.#options.clock.delay(power.offUs, joined).then(() => power.turn(joined)),
      );
    } finally {
      if (power.orders === order) this.#switchOn(serial, power);
    }
  }

  /** Whether a client has released a spectrometer. */
  isReleased(serial: string): boolean {
    return this.#released.has(serial);
  }

  /** Closes a spectrometer and leaves it alone until `reconnect`: other programs can have it. Throws RESOURCE_NOT_FOUND. */
  async release(serial: string): Promise<void> {
    const spectrometer = this.spectrometer(serial);
    if (this.isReleased(serial)) return;
    const reason = new VscopeError("DEVICE_NOT_CONNECTED", `${serial}: released by a client`);
    this.#released.set(serial, new Cell<Power>("off"));
    const keeper = [...this.#keepers.values()].find((one) => one.spectrometer === spectrometer);
    await spectrometer.detach(reason, "powered-off");
    spectrometer.announce({ state: "powered-off", reason: reason.message });
    keeper?.fail(reason);
    this.#options.log.info({ serial }, reason.message);
  }

  /** Opens a spectrometer again that was released. */
  reconnect(serial: string): void {
    const released = this.#released.get(serial);
    if (released === undefined) return;
    this.#released.delete(serial);
    const state = this.#isBeingOpened(serial) ? "connecting" : "disconnected";
    this.#announce(serial, { state, reason: `${serial}: wanted again by a client` });
    released.set("on");
  }

  /** Closes all devices; pending acquisitions reject. */
  async close(): Promise<void> {
    this.#unwatch();
    const reason = new VscopeError("DEVICE_NOT_CONNECTED", "the server closes");
    this.#closing.abort(reason);
    for (const keeper of this.#keepers.values()) keeper.leave(reason);
    this.#keepers.clear();
    await Promise.all(this.#tasks);
    await Promise.all([...this.#known.values()].map((spectrometer) => spectrometer.close()));
  }

  // Resolves after the first attempt to open the device, however it ended.
  #add(device: UsbDevice): Promise<void> {
    const { portPath } = device;
    if (!isSpectrometer(device) || this.#closing.signal.aborted) return Promise.resolve();
    const present = this.#keepers.get(portPath);
    if (present?.device === device) return present.attempted;
    // Another device in the same port: it came back without anybody having seen it leave.
    if (present !== undefined) this.#remove(present.device);
    const keeper = new PortKeeper(device, this.#historyOf(device), this.#owner());
    this.#keepers.set(portPath, keeper);
    this.#ports.set([...this.#keepers.keys()]);
    void this.#follow(keeper.run());
    return keeper.attempted;
  }

  #remove(device: UsbDevice): void {
    const { portPath } = device;
    const keeper = this.#keepers.get(portPath);
    if (keeper === undefined) return;
    const { clock, log } = this.#options;
    this.#keepers.delete(portPath);
    this.#ports.set([...this.#keepers.keys()]);
    this.#report(portPath, undefined);
    const history = this.#histories.get(portPath);
    const isExpected = history !== undefined && clock.nowUs() < history.backByUs;
    const fact = `${placeOf(device)}: ${device.kind === "network" ? "has left" : "unplugged"}`;
    log.warn({ portPath }, isExpected ? `${placeOf(device)}: is away for its recovery` : fact);
    keeper.leave(new VscopeError("DEVICE_NOT_CONNECTED", fact));
    if (isExpected) void this.#follow(this.#awaitReturn(history));
  }

  // A device that comes back in time is still the one that is being recovered.
  #historyOf(device: UsbDevice): PortHistory {
    const { clock } = this.#options;
    const { portPath } = device;
    const former = this.#histories.get(portPath);
    if (former !== undefined && clock.nowUs() < former.backByUs) return former;
    // In the place of a device that is switched off there is another one.
    const serial = this.#isSwitchedOff(former?.serial) ? undefined : former?.serial;
    const history = freshHistory(device, serial);
    this.#histories.set(portPath, history);
    return history;
  }

  #owner(): PortOwner {
    const { bus, clock, log, isSimulated } = this.#options;
    return {
      bus,
      clock,
      log,
      isSimulated,
      requireFree: (serial, history) => this.#requireFree(serial, history),
      seat: (driver, history) => this.#seat(driver, history),
      announce: (serial, status) => this.#announce(serial, status),
      report: (portPath, problem) => this.#report(portPath, problem),
      powered: (serial, signal) => this.#powered(serial, signal),
      isSwitchedOff: (serial) => this.#isSwitchedOff(serial),
      canCyclePower: (serial) => this.#cyclable(serial).length > 0,
      cyclePower: (history) => this.#follow(this.#cyclePower(history)),
    };
  }

  // The spectrometer of the driver's serial number, as long as no other device has it.
  #seat(driver: SpectrometerDriver, history: PortHistory): Spectrometer {
    const { serial } = driver.identity;
    if (history.serial !== serial)
      this.#announce(history.serial, {
        state: "disconnected",
        reason: `${history.place}: another spectrometer is there`,
      });
    const spectrometer = this.#known.get(serial) ?? this.#introduce(driver);
    if (this.#isSwitchedOff(serial)) {
      const fact = this.isReleased(serial)
        ? "is released"
        : "is on the bus although its power is switched off";
      throw new VscopeError("DEVICE_FAULT", `${serial}: ${fact}`);
    }
    this.#requireFree(serial, history);
    return spectrometer;
  }

  #requireFree(serial: string, { place }: PortHistory): void {
    if (this.#known.get(serial)?.isAttached !== true) return;
    throw new VscopeError("DEVICE_FAULT", `${serial}: a second device, at ${place}, has this serial number`);
  }

  #introduce({ identity }: SpectrometerDriver): Spectrometer {
    const { clock, log, channels, settings = () => ({}), judge } = this.#options;
    const spectrometer = new Spectrometer({
      identity,
      clock,
      log,
      channels,
      settings: settings(identity.serial),
      judge,
    });
    this.#known.set(identity.serial, spectrometer);
    this.#spectrometers.set([...this.#known.values()].toSorted((a, b) => (a.serial < b.serial ? -1 : 1)));
    return spectrometer;
  }

  // Whoever is switched off stays so, whatever else happens.
  #announce(serial: string | undefined, status: SpectrometerStatus): void {
    if (serial === undefined || this.#isSwitchedOff(serial)) return;
    this.#known.get(serial)?.announce(status);
  }

  #report(portPath: string, problem: RackProblem | undefined): void {
    const others = this.#problems.value.filter((other) => other.portPath !== portPath);
    const all = problem === undefined ? others : [...others, problem];
    this.#problems.set(all.toSorted((a, b) => (a.portPath < b.portPath ? -1 : 1)));
  }

  #isSwitchedOff(serial: string | undefined): boolean {
    if (serial === undefined) return false;
    return this.isReleased(serial) || this.#switches.get(serial)?.state.value === "off";
  }

  async #powered(serial: string | undefined, signal: AbortSignal): Promise<void> {
    if (serial === undefined) return;
    const isOn = (state: Power): boolean => state === "on";
    while (this.#isSwitchedOff(serial)) {
      for (const state of [this.#released.get(serial), this.#switches.get(serial)?.state])
        if (state !== undefined) await until(state, isOn, signal);
    }
  }

  // The order's number.
  async #switchOff(serial: string, power: PowerSwitch): Promise<number> {
    const { log } = this.#options;
    const reason = new VscopeError("DEVICE_NOT_CONNECTED", `${serial}: switched off by a client`);
    const status = { state: "powered-off", reason: reason.message } as const;
    const spectrometer = this.#known.get(serial);
    const keeper = [...this.#keepers.values()].find((one) => one.spectrometer?.serial === serial);
    let order = power.orders;
    await spectrometer?.detach(reason, status.state);
    spectrometer?.announce(status);
    try {
      power.set("off");
      order = power.orders;
    } finally {
      // When the line fails it is opened again.
      keeper?.fail(reason);
    }
    const history = this.#historyFor(serial);
    if (history !== undefined) this.#report(history.portPath, undefined);
    log.info({ serial }, `${serial}: power is switched off`);
    return order;
  }

  // A later order to switch off wins.
  async #switchOnInTurn(serial: string, power: PowerSwitch, signal: AbortSignal): Promise<void> {
    if (power.state.value === "on") return;
    const { orders } = power;
    await withAny([signal, this.#closing.signal], (joined) => power.turn(joined));
    if (power.orders === orders) this.#switchOn(serial, power);
  }

  #switchOn(serial: string, power: PowerSwitch): void {
    if (power.state.value === "on") return;
    const { clock, log } = this.#options;
    power.set("on");
    log.info({ serial }, `${serial}: power is switched on`);
    this.#announce(serial, { state: "connecting", reason: `${serial}: switched on` });
    const history = this.#historyFor(serial);
    if (history === undefined) return;
    Object.assign(history, UNTROUBLED, { backByUs: clock.nowUs() + POWER_UP_US });
    void this.#follow(this.#awaitReturn(history));
  }

  #historyFor(serial: string): PortHistory | undefined {
    return [...this.#histories.values()].find((one) => one.serial === serial);
  }

  // The power of the spectrometer that fails; of all that are missing when it has never said which one it is.
  #cyclable(serial: string | undefined): readonly PowerSwitch[] {
    return [...this.#switches]
      .filter(([one, { state }]) => state.value === "on" && (serial === undefined || one === serial))
      .filter(([one]) => this.#known.get(one)?.isAttached !== true)
      .filter(([one]) => one === serial || !this.#isBeingOpened(one))
      .map(([, power]) => power);
  }

  // Its own port's keeper has it: it is there, or expected back from a reset.
  #isBeingOpened(serial: string): boolean {
    const isExpected = ({ backByUs }: PortHistory): boolean => this.#options.clock.nowUs() < backByUs;
    return [...this.#histories.values()].some(
      (one) => one.serial === serial && (this.#keepers.has(one.portPath) || isExpected(one)),
    );
  }

  async #cyclePower(history: PortHistory): Promise<void> {
    const { clock, log } = this.#options;
    const { serial, portPath, place, reason = "" } = history;
    const switches = this.#cyclable(serial);
    const deadlineUs = Math.max(...switches.map(({ offUs }) => offUs)) + this.#inrushUs() + POWER_UP_US;
    history.backByUs = clock.nowUs() + deadlineUs;
    const ladder = new RecoveryLadder({ clock, log, subject: serial ?? place });
    const run = async (signal: AbortSignal): Promise<void> => {
      await Promise.all(switches.map((power) => power.cycle(signal)));
      history.retryAtUs = clock.nowUs();
      await until(this.#ports, (ports) => ports.includes(portPath), signal);
    };
    await ladder.take({ name: "power-cycle", deadlineUs, run }, reason, this.#closing.signal).catch(() => {});
  }

  // The longest that one can wait for its turn.
  #inrushUs(): number {
    return [...this.#switches.values()].reduce((sum, { onDelayUs }) => sum + onDelayUs, 0);
  }

  // A device that does not come back is missing.
  async #awaitReturn(history: PortHistory): Promise<void> {
    const { clock } = this.#options;
    const { portPath, place, serial, backByUs } = history;
    const us = Math.max(0, backByUs - clock.nowUs());
    const fact = `${place}: not back within ${Math.round(us / SECOND)} s`;
    const late = (): Error => new VscopeError("DEVICE_NOT_CONNECTED", fact);
    try {
      await withDeadline({ clock, us, late }, this.#closing.signal, (inner) =>
        until(this.#ports, (ports) => ports.includes(portPath), inner),
      );
    } catch (error) {
      this.#announce(serial, { state: "disconnected", reason: messageOf(error) });
    }
  }

  // What runs in the background and ends before the rack is closed; it never rejects.
  #follow(task: Promise<void>): Promise<void> {
    this.#tasks.add(task);
    return task.finally(() => this.#tasks.delete(task));
  }
}
