// The process of a server as the world sees it: the clock, the USB bus and the pins that it uses, and what of them is
// still in use. It can be killed: from then on nothing of it runs, nothing it waits for comes, and only what the kernel
// cleans up is cleaned up. Devices stay as they are, in the middle of whatever was asked of them.

import { type Clock, delayOn } from "../../src/base/clock.ts";
import type { GpioBank, GpioLine } from "../../src/drivers/gpio/port.ts";
import type { UsbBus, UsbDevice, UsbListener, UsbTransport } from "../../src/drivers/usb/port.ts";

/** Where in its life a process dies: at a transfer (counted from 1), before, in the middle of it, or right after. */
export interface Death {
  readonly atTransfer: number;
  readonly moment: "before" | "within" | "after";
}

const NEVER_SETTLES: Promise<never> = new Promise(() => {});

export class HostProcess {
  readonly clock: Clock;
  readonly bus: UsbBus;
  readonly gpio: GpioBank;
  /** Resolves when the process has been killed. */
  readonly died: Promise<void>;
  readonly #tellDeath: () => void;
  readonly #death: Death | undefined;
  readonly #timers = new Set<() => void>();
  readonly #open = new Set<() => unknown>();
  #isAlive = true;
  #transfers = 0;
  #pendingTransfers = 0;

  constructor(
    world: { readonly clock: Clock; readonly bus: UsbBus; readonly gpio: GpioBank },
    death?: Death,
  ) {
    let tell = (): void => {};
    this.died = new Promise((resolve) => (tell = resolve));
    this.#tellDeath = tell;
    this.#death = death;
    this.clock = this.#mortalClock(world.clock);
    this.bus = this.#mortalBus(world.bus);
    this.gpio = this.#mortalGpio(world.gpio);
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Transfers begun so far. */
  get transfers(): number {
    return this.#transfers;
  }

  /** Timers and transfers that have not ended; nothing after an orderly end. */
  get pending(): { readonly timers: number; readonly transfers: number } {
    return { timers: this.#timers.size, transfers: this.#pendingTransfers };
  }

  /** As SIGKILL does. The kernel cancels transfers, closes the device and gives lines back with the level they have. */
  kill(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    for (const close of this.#open) close();
    this.#open.clear();
    this.#tellDeath();
  }

  // A dead process hears of nothing.
  #heard<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => this.#isAlive && resolve(value),
        (error: unknown) => this.#isAlive && reject(error),
      );
    });
  }

  #mortalClock(clock: Clock): Clock {
    const after = (us: number, fn: () => void): (() => void) => {
      if (!this.#isAlive) return () => {};
      const cancel = clock.after(us, () => {
        this.#timers.delete(cancel);
        fn();
      });
      this.#timers.add(cancel);
      return () => {
        this.#timers.delete(cancel);
        cancel();
      };
    };
    return {
      utcUs: () => clock.utcUs(),
      nowUs: () => clock.nowUs(),
      after,
      delay: (us, signal) => delayOn({ after }, us, signal),
    };
  }

  #mortalBus(bus: UsbBus): UsbBus {
    const known = new WeakMap<UsbDevice, UsbDevice>();
    const mortal = (device: UsbDevice): UsbDevice => {
      const { vendorId, productId, portPath } = device;
      const open = async (signal: AbortSignal): Promise<UsbTransport> =>
        this.#mortalTransport(await this.#heard(device.open(signal)));
      const wrapped = known.get(device) ?? { vendorId, productId, portPath, open };
      known.set(device, wrapped);
      return wrapped;
    };
    return {
      list: async () => (await this.#heard(bus.list())).map(mortal),
      watch: (listener) => this.#watch(bus, listener, mortal),
    };
  }

  #watch(bus: UsbBus, listener: UsbListener, mortal: (device: UsbDevice) => UsbDevice): () => void {
    const unwatch = bus.watch({
      attached: (device) => listener.attached(mortal(device)),
      detached: (device) => listener.detached(mortal(device)),
    });
    this.#open.add(unwatch);
    return () => {
      this.#open.delete(unwatch);
      unwatch();
    };
  }

  #mortalTransport(transport: UsbTransport): UsbTransport {
    const close = (): Promise<void> => transport.close();
    this.#open.add(close);
    return {
      speed: transport.speed,
      write: (endpoint, bytes, signal) =>
        // A command fits into one packet: there is no middle.
        this.#transfer(() => transport.write(endpoint, bytes, signal)),
      read: (endpoint, length, signal) => {
        const onePacket = transport.speed === "high" ? 512 : 64;
        const part = (): Promise<unknown> => transport.read(endpoint, Math.min(length, onePacket), signal);
        return this.#transfer(() => transport.read(endpoint, length, signal), part);
      },
      clearHalt: (endpoint) => this.#heard(transport.clearHalt(endpoint)),
      reset: () => this.#heard(transport.reset()),
      close: () => {
        this.#open.delete(close);
        return this.#heard(transport.close());
      },
    };
  }

  /** `part`: what of the transfer happens when the process dies within it. */
  async #transfer<T>(whole: () => Promise<T>, part: () => Promise<unknown> = whole): Promise<T> {
    if (!this.#isAlive) return NEVER_SETTLES;
    this.#transfers += 1;
    const { atTransfer, moment } = this.#death ?? {};
    if (this.#transfers === atTransfer && moment === "before") this.kill();
    if (!this.#isAlive) return NEVER_SETTLES;
    if (this.#transfers === atTransfer) {
      const last = moment === "within" ? part() : whole();
      void Promise.allSettled([last]).then(() => this.kill());
      return NEVER_SETTLES;
    }
    this.#pendingTransfers += 1;
    try {
      return await this.#heard(whole());
    } finally {
      this.#pendingTransfers -= 1;
    }
  }

  #mortalGpio(bank: GpioBank): GpioBank {
    return {
      description: bank.description,
      output: async (pin, initial) => this.#mortalLine(await this.#heard(bank.output(pin, initial))),
      input: (pin, options) => this.#heard(bank.input(pin, options)),
      close: () => this.#heard(bank.close()),
    };
  }

  #mortalLine(line: GpioLine): GpioLine {
    const close = (): void => line.close();
    this.#open.add(close);
    return {
      write: (level) => (this.#isAlive ? line.write(level) : undefined),
      read: () => line.read(),
      close: () => {
        this.#open.delete(close);
        close();
      },
    };
  }
}
