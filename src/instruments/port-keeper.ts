// The keeper of one USB port with a device in it: opens the device, waits until it fails, and climbs the ladder until
// it works again. What the spectrometer can do itself (cancel, clear halts, initialise, drain) has failed by then; the
// keeper closes it, resets the port, opens it again and, at last, has its power switched off and on.

import { NEVER, orAborted, withDeadline } from "../base/abort.ts";
import { type Clock, SECOND } from "../base/clock.ts";
import { asVscopeError, type ErrorCode, isVscopeError, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { SpectrometerDriver } from "../drivers/oceanoptics/driver.ts";
import { productName } from "../drivers/oceanoptics/models.ts";
import { openDriver } from "../drivers/oceanoptics/open.ts";
import { placeOf, type UsbBus, type UsbDevice } from "../drivers/usb/port.ts";
import { RecoveryLadder } from "./recovery-ladder.ts";
import type { Spectrometer, SpectrometerState, SpectrometerStatus } from "./spectrometer.ts";

/** A device that is seen on the bus and cannot be used. */
export interface RackProblem {
  readonly portPath: string;
  readonly model: string;
  readonly code: ErrorCode;
  readonly message: string;
}

/** What is known of a port; it outlasts the device's absence during a reset or without power. */
export interface PortHistory {
  readonly portPath: string;
  /** The port in messages. */
  readonly place: string;
  /** Of the spectrometer that was opened here last. */
  serial: string | undefined;
  /** Failures in a row, also of a device that opens and then does not work. */
  failures: number;
  /** The last of them. */
  reason: string | undefined;
  /** The next attempt is not made before. On Clock.nowUs, as are all times here. */
  retryAtUs: number;
  /** The device has been reset or switched off, and is expected back until then. */
  backByUs: number;
}

/** What a keeper needs of the rack. */
export interface PortOwner {
  readonly bus: UsbBus;
  readonly clock: Clock;
  readonly log: Log;
  readonly isSimulated: boolean;
  /** Throws DEVICE_FAULT when the device with this serial number is in use by another way. */
  requireFree(serial: string, history: PortHistory): void;
  /** The spectrometer of the driver's serial number. Throws DEVICE_FAULT when another device is that. */
  seat(driver: SpectrometerDriver, history: PortHistory): Spectrometer;
  announce(serial: string | undefined, status: SpectrometerStatus): void;
  report(portPath: string, problem: RackProblem | undefined): void;
  /** Resolves when nobody wants it to be switched off. */
  powered(serial: string | undefined, signal: AbortSignal): Promise<void>;
  isSwitchedOff(serial: string | undefined): boolean;
  canCyclePower(serial: string | undefined): boolean;
  /** Resolves when the device is back or late. The device leaves meanwhile, and with it the keeper that asks. */
  cyclePower(history: PortHistory): Promise<void>;
}

const RETRY_US = [1 * SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND] as const;
const LONGEST_RETRY_US = 10 * SECOND;
// Initialisation and the whole EEPROM of a slow device.
const OPEN_US = 30 * SECOND;
const CLOSE_US = 5 * SECOND;
const RESET_US = 5 * SECOND;
/** A device is back this soon after a reset. */
const RESET_RETURN_US = 10 * SECOND;
// After so many failures its power is cycled, and again after so many more.
const FIRST_CYCLE = 3;
const CYCLE_EVERY = 30;

export class PortKeeper {
  readonly #owner: PortOwner;
  readonly #history: PortHistory;
  readonly #gone = new AbortController();
  /** Resolves after the first attempt to open the device, however it ended. */
  readonly attempted: Promise<void>;
  #tellAttempted = (): void => {};
  #device: UsbDevice;
  /** The problem that the log tells of. */
  #reported: string | undefined;
  #spectrometer: Spectrometer | undefined;
  #fault: (error: VscopeError) => void = () => {};

  constructor(device: UsbDevice, history: PortHistory, owner: PortOwner) {
    this.#device = device;
    this.#history = history;
    this.#owner = owner;
    this.attempted = new Promise((resolve) => {
      this.#tellAttempted = resolve;
    });
  }

  get device(): UsbDevice {
    return this.#device;
  }

  get spectrometer(): Spectrometer | undefined {
    return this.#spectrometer;
  }

  /** Keeps the device until `leave`. Never rejects. */
  async run(): Promise<void> {
    const { signal } = this.#gone;
    while (!signal.aborted) {
      try {
        await this.#work();
      } catch (error) {
        this.#tellAttempted();
        if (!signal.aborted) await settled(this.#climb(asVscopeError(error)));
      }
    }
    this.#tellAttempted();
    await this.#end(asVscopeError(signal.reason));
  }

  /** The device has left, or the server closes. */
  leave(reason: VscopeError): void {
    this.#gone.abort(reason);
  }

  /** Somebody else has made the device unusable, by switching it off. */
  fail(reason: VscopeError): void {
    this.#fault(reason);
  }

  async #end(reason: VscopeError): Promise<void> {
    const spectrometer = this.#spectrometer;
    const { serial, backByUs } = this.#history;
    if (spectrometer !== undefined) await settled(spectrometer.detach(named(spectrometer, reason)));
    const isExpected = this.#owner.clock.nowUs() < backByUs;
    if (!isExpected) this.#owner.announce(serial, { state: "disconnected", reason: reason.message });
  }

  // Opens the device and waits for its fault, which is thrown.
  async #work(): Promise<never> {
    const { signal } = this.#gone;
    const { clock, log } = this.#owner;
    const history = this.#history;
    if (history.retryAtUs > clock.nowUs()) await clock.delay(history.retryAtUs - clock.nowUs(), signal);
    await this.#owner.powered(history.serial, signal);
    const driver = await this.#open(signal);
    const spectrometer = await this.#seat(driver, signal);
    const { failures } = history;
    Object.assign(history, UNTROUBLED, { failures, serial: spectrometer.serial });
    this.#owner.report(history.portPath, undefined);
    const { serial, model } = driver.identity;
    this.#reported = undefined;
    log.info({ serial, model, port: history.portPath }, `${serial}: connected`);
    this.#spectrometer = spectrometer;
    const fault = new Promise<VscopeError>((resolve) => {
      this.#fault = resolve;
      spectrometer.attach(driver, resolve);
      void this.#device.ended?.().then(resolve);
    });
    this.#tellAttempted();
    throw await orAborted(fault, signal);
  }

  async #open(signal: AbortSignal): Promise<SpectrometerDriver> {
    const { clock, log, isSimulated } = this.#owner;
    const { place, serial, reason } = this.#history;
    const device = await this.#present();
    const requireFree = (found: string): void => this.#owner.requireFree(found, this.#history);
    const run = (inner: AbortSignal): Promise<SpectrometerDriver> =>
      openDriver({ device, clock, log, isSimulated, requireFree }, inner);
    if (reason !== undefined)
      return this.#ladder().take({ name: "re-open", deadlineUs: OPEN_US, run }, reason, signal);
    this.#owner.announce(serial, { state: "connecting" });
    const late = (): Error =>
      new VscopeError("DEVICE_TIMEOUT", `${place}: not opened within ${OPEN_US / SECOND} s`);
    return withDeadline({ clock, us: OPEN_US, late }, signal, run);
  }

  // After a reset the same port may hold a new device object.
  async #present(): Promise<UsbDevice> {
    const devices = await this.#owner.bus.list();
    this.#device = devices.find(({ portPath }) => portPath === this.#history.portPath) ?? this.#device;
    return this.#device;
  }

  async #seat(driver: SpectrometerDriver, signal: AbortSignal): Promise<Spectrometer> {
    try {
      signal.throwIfAborted();
      return this.#owner.seat(driver, this.#history);
    } catch (error) {
      await driver.close();
      throw error;
    }
  }

  // One failure: says what is wrong, closes the device and takes the step that comes next. The loop opens it again.
  async #climb(error: VscopeError): Promise<void> {
    const { clock } = this.#owner;
    const history = this.#history;
    if (this.#owner.isSwitchedOff(history.serial)) {
      await settled(this.#detach("powered-off", error));
      return;
    }
    history.failures = this.#spectrometer?.hasWorked === true ? 1 : history.failures + 1;
    history.reason = error.message;
    const pauseUs = RETRY_US[history.failures - 1] ?? LONGEST_RETRY_US;
    history.retryAtUs = clock.nowUs() + pauseUs;
    this.#report(error);
    await settled(this.#detach("recovering", error));
    this.#owner.announce(history.serial, this.#status(error));
    if (!isCurable(error)) return;
    if (this.#canCyclePower && history.failures % CYCLE_EVERY === FIRST_CYCLE) {
      await orAborted(this.#owner.cyclePower(history), this.#gone.signal);
    } else if (error.code !== "DEVICE_NOT_CONNECTED") {
      await settled(this.#reset(error.message));
      history.retryAtUs = clock.nowUs() + pauseUs;
    }
  }

  get #canCyclePower(): boolean {
    return this.#owner.canCyclePower(this.#history.serial);
  }

  // Recovering for as long as there is a step that has not been tried.
  #status(error: VscopeError): SpectrometerStatus {
    const { failures } = this.#history;
    const hasMore = isCurable(error) && failures <= (this.#canCyclePower ? FIRST_CYCLE : 1);
    if (hasMore) return { state: "recovering", reason: error.message };
    const tried = this.#canCyclePower ? "reset, re-open and power-cycle" : "reset and re-open";
    const fact = isCurable(error) ? `, and ${tried} did not help` : "";
    const next = `tried again every ${LONGEST_RETRY_US / SECOND} s`;
    return { state: "faulty", reason: `${error.message}${fact}; ${next}` };
  }

  #report({ code, message }: VscopeError): void {
    const { vendorId, productId, portPath } = this.#device;
    const model = productName(vendorId, productId) ?? "unknown";
    const problem = { portPath, model, code, message };
    // Once: a network spectrometer that is off would fill the log of a season.
    const isNews = message !== this.#reported;
    this.#reported = message;
    const { log } = this.#owner;
    log[isNews ? "warn" : "debug"](
      { ...problem },
      `${placeOf(this.#device)}: not usable, will be tried again`,
    );
    this.#owner.report(portPath, problem);
  }

  async #detach(state: SpectrometerState, error: VscopeError): Promise<void> {
    const spectrometer = this.#spectrometer;
    this.#spectrometer = undefined;
    this.#fault = () => {};
    if (spectrometer === undefined || !spectrometer.isAttached) return;
    const closed = spectrometer.detach(named(spectrometer, error), state);
    const run = (inner: AbortSignal): Promise<void> => orAborted(closed, inner);
    await this.#ladder().take({ name: "close", deadlineUs: CLOSE_US, run }, error.message, NEVER);
  }

  // The device may come back under another address: then this keeper's is gone.
  async #reset(reason: string): Promise<void> {
    const history = this.#history;
    history.backByUs = this.#owner.clock.nowUs() + RESET_RETURN_US;
    const run = async (signal: AbortSignal): Promise<void> => {
      const transport = await (await this.#present()).open(signal);
      try {
        await orAborted(transport.reset(), signal);
      } finally {
        await orAborted(transport.close(), signal);
      }
    };
    await this.#ladder().take({ name: "reset", deadlineUs: RESET_US, run }, reason, this.#gone.signal);
  }

  #ladder(): RecoveryLadder {
    const { clock, log } = this.#owner;
    const { serial, place } = this.#history;
    return new RecoveryLadder({ clock, log, subject: serial ?? place });
  }
}

/** The history of a device that works. */
export const UNTROUBLED = { failures: 0, reason: undefined, retryAtUs: 0, backByUs: 0 } as const;

export function freshHistory(device: UsbDevice, serial: string | undefined): PortHistory {
  return { portPath: device.portPath, place: placeOf(device), serial, ...UNTROUBLED };
}

// A device that may not be opened, or that the server does not know, does not change by being reset.
function isCurable(error: VscopeError): boolean {
  return isVscopeError(error, "DEVICE_TIMEOUT", "DEVICE_PROTOCOL", "DEVICE_NOT_CONNECTED");
}

// The same reason, beginning with the serial number.
function named({ serial }: Spectrometer, error: VscopeError): VscopeError {
  if (error.message.startsWith(serial)) return error;
  return new VscopeError(error.code, `${serial}: ${error.message}`, { cause: error });
}

// Waits for the end of something, however it ends.
async function settled(promise: Promise<unknown>): Promise<void> {
  await Promise.allSettled([promise]);
}
