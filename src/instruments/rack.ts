// All spectrometers on the bus: found by vendor and product, named by serial number. A device may come, go and come
// back on another port; the same serial number is the same Spectrometer, with its settings. A device that does not open
// is listed as a problem, tried again with growing delays, and never hides the others.

import { orAborted, withDeadline } from "../base/abort.ts";
import { Cell, type ReadableCell } from "../base/cell.ts";
import { type Clock, SECOND } from "../base/clock.ts";
import { asVscopeError, type ErrorCode, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { SpectrometerDriver } from "../drivers/oceanoptics/driver.ts";
import { findModel, isOceanVendor, productName } from "../drivers/oceanoptics/models.ts";
import { openDriver } from "../drivers/oceanoptics/open.ts";
import { placeOf, type UsbBus, type UsbDevice } from "../drivers/usb/port.ts";
import { Spectrometer, type SpectrometerSettings } from "./spectrometer.ts";

export interface RackOptions {
  readonly bus: UsbBus;
  readonly clock: Clock;
  readonly log: Log;
  readonly channels: readonly string[];
  readonly isSimulated: boolean;
  /** What the configuration says of the instrument with a serial number. */
  readonly settings?: (serial: string) => SpectrometerSettings;
}

/** A device that is seen on the bus and cannot be used. */
export interface RackProblem {
  readonly portPath: string;
  readonly model: string;
  readonly code: ErrorCode;
  readonly message: string;
}

const RETRY_US = [1 * SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND] as const;
const LONGEST_RETRY_US = 10 * SECOND;
// Initialisation and the whole EEPROM of a slow device.
const OPEN_US = 30 * SECOND;
const RESET_US = 5 * SECOND;

/** One USB port or network address with a device at it. */
interface Slot {
  /** Replaced when the device comes back from a reset. */
  device: UsbDevice;
  /** Aborts when the device leaves or the rack closes. */
  readonly gone: AbortController;
  /** Resolves after the first attempt to open the device, however it ended. */
  readonly attempted: Promise<void>;
}

export class Rack {
  readonly #options: RackOptions;
  readonly #slots = new Map<string, Slot>();
  readonly #known = new Map<string, Spectrometer>();
  readonly #spectrometers = new Cell<readonly Spectrometer[]>([]);
  readonly #problems = new Cell<readonly RackProblem[]>([]);
  readonly #served = new Set<Promise<void>>();
  #unwatch = (): void => {};

  constructor(options: RackOptions) {
    this.#options = options;
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
      const known = [...this.#known.keys()].join(", ") || "none";
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

  /** Closes all devices; pending acquisitions reject. */
  async close(): Promise<void> {
    this.#unwatch();
    for (const slot of this.#slots.values()) slot.gone.abort(serverCloses());
    this.#slots.clear();
    await Promise.all(this.#served);
    await Promise.all([...this.#known.values()].map((spectrometer) => spectrometer.close()));
  }

  // Resolves after the first attempt to open the device, however it ended.
  #add(device: UsbDevice): Promise<void> {
    const { portPath } = device;
    if (!isSpectrometer(device)) return Promise.resolve();
    const present = this.#slots.get(portPath);
    if (present?.device === device) return present.attempted;
    // Another device in the same port: it came back without anybody having seen it leave.
    if (present !== undefined) this.#remove(present.device);
    let tell = (): void => {};
    const attempted = new Promise<void>((resolve) => (tell = resolve));
    const slot: Slot = { device, gone: new AbortController(), attempted };
    this.#slots.set(portPath, slot);
    const served = this.#serve(slot, tell);
    this.#served.add(served);
    void served.finally(() => this.#served.delete(served));
    return attempted;
  }

  #remove(device: UsbDevice): void {
    const { portPath } = device;
    const slot = this.#slots.get(portPath);
    if (slot === undefined) return;
    this.#slots.delete(portPath);
    this.#clearProblem(portPath);
    const fact = `${placeOf(device)}: ${device.kind === "network" ? "has left" : "unplugged"}`;
    this.#options.log.warn({ portPath }, fact);
    slot.gone.abort(new VscopeError("DEVICE_NOT_CONNECTED", fact));
  }
  // Opens the device, waits until it fails, resets it and opens it again; until it leaves. Never rejects.
  async #serve(slot: Slot, attempted: () => void): Promise<void> {
    let spectrometer: Spectrometer | undefined;
    let isSeated = false;
    for (let failures = 0; !slot.gone.signal.aborted; failures++) {
      try {
        spectrometer?.announce({ state: "connecting" });
        const driver = await this.#open(slot);
        spectrometer = await this.#seat(slot, driver);
        failures = 0;
        isSeated = true;
        const fault = this.#attach(slot, spectrometer, driver);
        attempted();
        throw await orAborted(fault, slot.gone.signal);
      } catch (error) {
        attempted();
        const seated = isSeated ? spectrometer : undefined;
        isSeated = false;
        const reason = asVscopeError(error);
        if (!slot.gone.signal.aborted) await this.#report(slot, seated, reason);
        await seated?.detach(named(seated, reason));
        const state = slot.gone.signal.aborted ? "disconnected" : "faulty";
        spectrometer?.announce({ state, reason: reason.message });
      }
      await this.#pause(RETRY_US[failures] ?? LONGEST_RETRY_US, slot.gone.signal);
    }
  }

  async #open(slot: Slot): Promise<SpectrometerDriver> {
    const { bus, clock, log, isSimulated } = this.#options;
    const { portPath } = slot.device;
    // After a reset the same port may hold a new device object.
    slot.device = (await bus.list()).find((device) => device.portPath === portPath) ?? slot.device;
    const { device } = slot;
    const fact = `${placeOf(device)}: not opened within ${OPEN_US / SECOND} s`;
    const late = (): Error => new VscopeError("DEVICE_TIMEOUT", fact);
    const requireFree = (serial: string): void => this.#requireFree(serial, device);
    return withDeadline({ clock, us: OPEN_US, late }, slot.gone.signal, (inner) =>
      openDriver({ device, clock, log, isSimulated, requireFree }, inner),
    );
  }

  // The spectrometer of the driver's serial number, as long as no other device has it.
  async #seat({ device, gone }: Slot, driver: SpectrometerDriver): Promise<Spectrometer> {
    const { serial } = driver.identity;
    const spectrometer = this.#known.get(serial) ?? this.#introduce(driver);
    try {
      gone.signal.throwIfAborted();
      this.#requireFree(serial, device);
      return spectrometer;
    } catch (error) {
      await driver.close();
      throw error;
    }
  }

  #requireFree(serial: string, device: UsbDevice): void {
    if (this.#known.get(serial)?.isAttached !== true) return;
    throw new VscopeError(
      "DEVICE_FAULT",
      `${serial}: a second device, at ${placeOf(device)}, has this serial number`,
    );
  }

  #introduce({ identity }: SpectrometerDriver): Spectrometer {
    const { clock, log, channels, settings = () => ({}) } = this.#options;
    const spectrometer = new Spectrometer({
      identity,
      clock,
      log,
      channels,
      settings: settings(identity.serial),
    });
    this.#known.set(identity.serial, spectrometer);
    this.#spectrometers.set([...this.#known.values()].toSorted((a, b) => (a.serial < b.serial ? -1 : 1)));
    return spectrometer;
  }

  // Resolves with the error that the spectrometer could not recover from.
  #attach({ device }: Slot, spectrometer: Spectrometer, driver: SpectrometerDriver): Promise<VscopeError> {
    const { serial, model } = driver.identity;
    this.#clearProblem(device.portPath);
    this.#options.log.info({ serial, model, port: device.portPath }, `${serial}: connected`);
    return new Promise((resolve) => {
      spectrometer.attach(driver, resolve);
      void device.ended?.().then(resolve);
    });
  }

  // Says what is wrong; a reset is the last resort for a device that was in use.
  async #report(
    { device, gone }: Slot,
    spectrometer: Spectrometer | undefined,
    error: VscopeError,
  ): Promise<void> {
    const { log, clock } = this.#options;
    const { portPath } = device;
    const model = productName(device.vendorId, device.productId) ?? "unknown";
    const problem = { portPath, model, code: error.code, message: error.message };
    log.warn({ ...problem }, `${placeOf(device)}: not usable, will be tried again`);
    const others = this.#problems.value.filter((other) => other.portPath !== portPath);
    this.#problems.set([...others, problem].toSorted((a, b) => (a.portPath < b.portPath ? -1 : 1)));
    if (spectrometer === undefined) return;
    const late = (): Error => new VscopeError("DEVICE_TIMEOUT", `${placeOf(device)}: reset takes too long`);
    await settled(
      withDeadline({ clock, us: RESET_US, late }, gone.signal, (inner) =>
        orAborted(spectrometer.reset(), inner),
      ),
    );
  }

  #clearProblem(port: string): void {
    this.#problems.set(this.#problems.value.filter(({ portPath }) => portPath !== port));
  }

  // Ends early when the device leaves.
  #pause(us: number, signal: AbortSignal): Promise<void> {
    return settled(this.#options.clock.delay(us, signal));
  }
}

function serverCloses(): VscopeError {
  return new VscopeError("DEVICE_NOT_CONNECTED", "the server closes");
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

// An unknown product of the vendor becomes a problem with a message; vendor id 0999 is shared with others.
function isSpectrometer({ vendorId, productId }: UsbDevice): boolean {
  return isOceanVendor(vendorId) || findModel(vendorId, productId) !== undefined;
}
