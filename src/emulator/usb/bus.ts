// An emulated USB: devices are attached and detached at will, and opened through the same port as real ones.

import type { Clock } from "../../base/clock.ts";
import { VscopeError } from "../../base/errors.ts";
import type { UsbBus, UsbDevice, UsbListener, UsbTransport } from "../../drivers/usb/port.ts";
import type { UsbFarEnd } from "./far-end.ts";
import { FaultPlan } from "./faults.ts";
import { EmulatedTransport, type Socket } from "./transport.ts";

export interface AttachOptions {
  /** The socket; by default the one it was in before, or the next one of a hub, `1-1.1`, `1-1.2`, ... */
  readonly portPath?: string;
  readonly faults?: FaultPlan;
  /** Opening fails with DEVICE_PERMISSION, as without a udev rule. */
  readonly isForbidden?: boolean;
  /** After a port reset the device comes back with a new address: the open transport is dead. */
  readonly reenumerates?: boolean;
}

interface Plug {
  readonly usbDevice: UsbDevice;
  readonly halted: Set<number>;
  transport: EmulatedTransport | undefined;
}

export class EmulatedUsbBus implements UsbBus {
  readonly #clock: Clock;
  readonly #plugs = new Map<UsbFarEnd, Plug>();
  readonly #listeners = new Set<UsbListener>();
  readonly #former = new Map<UsbFarEnd, string>();
  #sockets = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async list(): Promise<readonly UsbDevice[]> {
    return [...this.#plugs.values()].map(({ usbDevice }) => usbDevice);
  }

  watch(listener: UsbListener): () => void {
    const entry: UsbListener = {
      attached: (device) => listener.attached(device),
      detached: (device) => listener.detached(device),
    };
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  /** Plugs a device in; it powers up. Does nothing when it is plugged in already. */
  attach(device: UsbFarEnd, options: AttachOptions = {}): void {
    if (this.#plugs.has(device)) return;
    options.faults?.poweredUp();
    this.#plugIn(device, options);
  }

  #plugIn(device: UsbFarEnd, options: AttachOptions): void {
    const { portPath = this.#former.get(device) ?? this.#nextSocket() } = options;
    this.#former.set(device, portPath);
    const faults = options.faults ?? new FaultPlan();
    const plug: Plug = {
      transport: undefined,
      halted: new Set(),
      usbDevice: {
        vendorId: device.vendorId,
        productId: device.productId,
        portPath,
        open: async (signal) => {
          signal.throwIfAborted();
          return this.#open(device, plug, { ...options, portPath, faults });
        },
      },
    };
    this.#plugs.set(device, plug);
    for (const listener of this.#listeners) listener.attached(plug.usbDevice);
  }

  /** Pulls a device out: its transfers reject with DEVICE_NOT_CONNECTED and its state is lost. */
  detach(device: UsbFarEnd): void {
    const plug = this.#plugs.get(device);
    if (plug === undefined) return;
    this.#plugs.delete(device);
    plug.transport?.end(
      new VscopeError("DEVICE_NOT_CONNECTED", `usb ${plug.usbDevice.portPath}: the device was unplugged`),
    );
    device.reset();
    for (const listener of this.#listeners) listener.detached(plug.usbDevice);
  }

  isAttached(device: UsbFarEnd): boolean {
    return this.#plugs.has(device);
  }

  #nextSocket(): string {
    this.#sockets += 1;
    return `1-1.${this.#sockets}`;
  }

  #open(
    device: UsbFarEnd,
    plug: Plug,
    options: AttachOptions & { readonly portPath: string; readonly faults: FaultPlan },
  ): UsbTransport {
    const name = `usb ${options.portPath}`;
    if (this.#plugs.get(device) !== plug) {
      throw new VscopeError("DEVICE_NOT_CONNECTED", `${name}: the device is not plugged in any more`);
    }
    if (options.isForbidden === true) {
      throw new VscopeError("DEVICE_PERMISSION", `${name}: opening is not permitted`);
    }
    if (plug.transport !== undefined) {
      throw new VscopeError("DEVICE_BUSY", `${name}: the device is open already`);
    }
    const socket: Socket = {
      name,
      device,
      clock: this.#clock,
      faults: options.faults,
      halted: plug.halted,
      unplug: () => this.detach(device),
      afterReset: () => (options.reenumerates === true ? this.#reenumerate(device, options) : undefined),
      closed: () => (plug.transport = undefined),
    };
    plug.transport = new EmulatedTransport(socket);
    return plug.transport;
  }

  #reenumerate(device: UsbFarEnd, options: AttachOptions): void {
    this.detach(device);
    this.#plugIn(device, options);
  }
}
