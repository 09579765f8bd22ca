// The virtual instrument: a guest computer with emulated spectrometers in its USB sockets and a stick to plug in.

import { mkdirSync, rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GuestServer, type GuestServerOptions } from "./guest-server.ts";
import { logFolder } from "./kernel.ts";
import { Machine } from "./machine.ts";
import type { Stick } from "./stick.ts";
import { RigSpectrometer, type RigSpectrometerOptions } from "./spectrometer.ts";

export interface RigOptions {
  readonly spectrometers?: readonly RigSpectrometerOptions[];
  /** The stick that `insertStick` plugs in. */
  readonly stick?: Stick;
}

// Modules load by themselves, rules apply, and libusb learns of devices that come and go.
const START_UDEV =
  "/lib/systemd/systemd-udevd --daemon && udevadm trigger --action=add --subsystem-match=pci && udevadm settle";

export class Rig {
  readonly machine: Machine;
  readonly spectrometers: readonly RigSpectrometer[];
  readonly #sockets: string;
  readonly #servers: GuestServer[] = [];

  private constructor(machine: Machine, spectrometers: readonly RigSpectrometer[], sockets: string) {
    this.machine = machine;
    this.spectrometers = spectrometers;
    this.#sockets = sockets;
  }

  /** Boots the guest; `group` names the folder with its logs. */
  static async boot(group: string, options: RigOptions = {}): Promise<Rig> {
    const folder = logFolder(group);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const spectrometers = (options.spectrometers ?? []).map((one) => new RigSpectrometer(one));
    const sockets = await mkdtemp(join(tmpdir(), "vscope-usb-"));
    const usb = new Map<string, string>();
    for (const one of spectrometers) usb.set(one.serial, await one.listen(sockets));
    const stick = options.stick === undefined ? {} : { stick: options.stick };
    const machine = await Machine.boot({ folder, usb, ...stick }).catch((error: unknown) => {
      // An open socket would keep the test from ending.
      for (const one of spectrometers) one.close();
      throw error;
    });
    const rig = new Rig(machine, spectrometers, sockets);
    await machine.guest.run(START_UDEV);
    return rig;
  }

  get guest(): Machine["guest"] {
    return this.machine.guest;
  }

  spectrometer(serial: string): RigSpectrometer {
    const found = this.spectrometers.find((one) => one.serial === serial);
    if (found === undefined) throw new Error(`the rig has no spectrometer ${serial}`);
    return found;
  }

  /** Starts a server. */
  async start(options: GuestServerOptions): Promise<GuestServer> {
    const server = await GuestServer.start(this.machine, options);
    this.#servers.push(server);
    return server;
  }

  /** Starts a server and waits until it is ready. */
  async serve(options: GuestServerOptions): Promise<GuestServer> {
    const server = await this.start(options);
    await server.ready();
    return server;
  }

  /** A chip of gpio-mockup, label gpio-mockup-A, with `lines` lines that are `base` and up in /sys/class/gpio. */
  async insertGpioMockup(base: number, lines = 54): Promise<void> {
    const { gpio } = this.machine.kernel;
    await this.guest.run(`lsmod | grep -q '^irq_sim' || insmod ${gpio}/irq_sim.ko`);
    await this.guest.run(`insmod ${gpio}/gpio-mockup.ko gpio_mockup_ranges=${base},${base + lines}`);
  }

  removeGpioMockup(): Promise<string> {
    return this.guest.run("rmmod gpio-mockup");
  }

  /** A chip of gpio-sim with this label, as a device tree names chips; /dev/gpiochipN only. */
  async insertGpioSim(label: string, lines: number): Promise<void> {
    const { gpio } = this.machine.kernel;
    await this.guest.run(`modprobe configfs; mount -t configfs none /sys/kernel/config
      lsmod | grep -q '^irq_sim' || insmod ${gpio}/irq_sim.ko
      insmod ${gpio}/gpio-sim.ko
      chip=/sys/kernel/config/gpio-sim/chip
      mkdir -p $chip/bank && echo ${lines} >$chip/bank/num_lines && echo ${label} >$chip/bank/label
      echo 1 >$chip/live && udevadm settle`);
  }

  /** Plugs the stick in, and waits for /dev/sda1. */
  async insertStick(): Promise<void> {
    await this.guest.run("modprobe -a usb-storage sd_mod");
    await this.machine.qmp.execute("device_add", {
      driver: "usb-storage",
      id: "stick-in-socket",
      drive: "stick",
      bus: "xhci.0",
      removable: true,
      serial: "VSCOPE0001",
    });
    await this.guest.run("until [ -b /dev/sda1 ]; do sleep 0.1; done");
  }

  /** Pulls the stick out, whatever is being written. */
  async pullStick(): Promise<void> {
    await this.machine.qmp.remove("stick-in-socket");
  }

  /** Switches everything off, as a power cut does. */
  async end(): Promise<void> {
    for (const { client } of this.#servers) await client.close();
    await this.machine.cut();
    for (const one of this.spectrometers) one.close();
    await rm(this.#sockets, { recursive: true, force: true });
  }
}
