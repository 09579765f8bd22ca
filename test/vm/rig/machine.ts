// The guest computer: one QEMU process. Software emulation always: a /dev/kvm that opens is not one that works, and a
// rig that passes on one machine and hangs on the next is worth nothing.

import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NEVER } from "../../../src/base/abort.ts";
import { MS, SystemClock } from "../../../src/base/clock.ts";
import { ROOT } from "../../coap/support/outside-clients.ts";
import { Guest } from "./guest.ts";
import { type RigKernel, rigKernel } from "./kernel.ts";
import { Qmp } from "./qmp.ts";
import type { Stick } from "./stick.ts";

export interface MachineOptions {
  /** Logs go here; the guest sees `share` below it as /run/rig. Emptied at the start. */
  readonly folder: string;
  /** Unix sockets with a USB device behind each, by the name of QEMU's device. */
  readonly usb?: ReadonlyMap<string, string>;
  /** A USB stick to plug in. */
  readonly stick?: Stick;
}

export class Machine {
  readonly guest: Guest;
  readonly qmp: Qmp;
  /** Folder of the host that is /run/rig in the guest. */
  readonly share: string;
  /** UDP port on the host's loopback that leads to 5683 in the guest. */
  readonly coapPort: number;
  readonly kernel: RigKernel;
  readonly #process: ChildProcess;
  readonly #sockets: string;

  private constructor(parts: Started, guest: Guest, qmp: Qmp) {
    this.guest = guest;
    this.qmp = qmp;
    this.share = parts.share;
    this.coapPort = parts.coapPort;
    this.kernel = parts.kernel;
    this.#process = parts.process;
    this.#sockets = parts.sockets;
  }

  /** Resolves when the guest takes commands. */
  static async boot(options: MachineOptions): Promise<Machine> {
    const parts = await start(options);
    try {
      await appearance(join(parts.sockets, "qmp"), parts.process);
      const qmp = await Qmp.connect(join(parts.sockets, "qmp"));
      const guest = await Guest.connect(join(parts.sockets, "agent"), parts.share);
      return new Machine(parts, guest, qmp);
    } catch (error) {
      parts.process.kill("SIGKILL");
      throw new Error(`the guest did not start, see ${options.folder}: ${String(error)}`, { cause: error });
    }
  }

  /** A power cut: what the guest has not written to its disks is lost. */
  async cut(): Promise<void> {
    this.qmp.close();
    this.guest.close();
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = once(this.#process, "exit");
      this.#process.kill("SIGKILL");
      await ended;
    }
    rmSync(this.#sockets, { recursive: true, force: true });
  }
}

interface Started {
  readonly process: ChildProcess;
  readonly share: string;
  readonly sockets: string;
  readonly coapPort: number;
  readonly kernel: RigKernel;
}

async function start(options: MachineOptions): Promise<Started> {
  const { folder } = options;
  const share = join(folder, "share");
  rmSync(share, { recursive: true, force: true });
  mkdirSync(share, { recursive: true });
  // A socket's path has at most 107 bytes, a project's can be longer.
  const sockets = mkdtempSync(join(tmpdir(), "vscope-rig-"));
  const kernel = rigKernel();
  const coapPort = await freeUdpPort();
  const args = qemuArguments(options, { kernel, share, sockets, coapPort });
  const child = spawn("qemu-system-x86_64", args, {
    stdio: ["ignore", "pipe", openSync(join(folder, "qemu.log"), "w")],
  });
  child.stdout?.pipe(createWriteStream(join(folder, "console.log")));
  const kill = (): boolean => child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  return { process: child, share, sockets, coapPort, kernel };
}

function qemuArguments(
  { usb = new Map(), stick }: MachineOptions,
  { kernel, share, sockets, coapPort }: Omit<Started, "process">,
): string[] {
  const append = [
    "console=ttyS0 quiet panic=-1 mitigations=off tsc=reliable net.ifnames=0",
    `rig.modules=${kernel.modules} rig.project=${ROOT} rig.node=${process.execPath}`,
  ].join(" ");
  const usbDevices = [...usb].map(([name, path]) => [
    "-chardev",
    `socket,id=${name}-wire,path=${path}`,
    "-device",
    `usb-redir,chardev=${name}-wire,id=${name}`,
  ]);
  return [
    ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-machine", "q35,usb=off"],
    // AVX is slow to emulate, and V8 and OpenSSL would use it. A second processor would not make it faster, and leaves
    // the host none for the far ends of the sockets.
    ["-accel", "tcg,thread=multi", "-cpu", "max,-avx,-avx2,-fma,-f16c", "-smp", "1", "-m", "1024"],
    ["-kernel", kernel.vmlinux, "-initrd", kernel.initrd, "-append", append],
    ["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console", "-device", "virtio-rng-pci"],
    ["-fsdev", "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap"],
    ["-device", "virtio-9p-pci,fsdev=root,mount_tag=root"],
    ["-fsdev", `local,id=share,path=${share},security_model=none`],
    ["-device", "virtio-9p-pci,fsdev=share,mount_tag=share"],
    [
      "-device",
      "virtio-serial-pci",
      "-chardev",
      `socket,id=agent,path=${join(sockets, "agent")},server=on,wait=off`,
    ],
    ["-device", "virtserialport,chardev=agent"],
    // Not restrict=on, which drops the answers to forwarded datagrams, too. The guest has no route to elsewhere.
    ["-netdev", `user,id=net,ipv6=off,hostfwd=udp:127.0.0.1:${coapPort}-10.0.2.15:5683`],
    ["-device", "virtio-net-pci,netdev=net,romfile="],
    ["-qmp", `unix:${join(sockets, "qmp")},server=on,wait=off`],
    ["-device", "qemu-xhci,id=xhci,p2=15,p3=15"],
    ...usbDevices,
    stick === undefined ? [] : ["-blockdev", blockDevice(stick)],
  ].flat();
}

function blockDevice({ image, log }: Stick): string {
  if (log === undefined) return `driver=raw,node-name=stick,file.driver=file,file.filename=${image}`;
  const logged = `log.driver=file,log.filename=${log}`;
  return `driver=blklogwrites,node-name=stick,file.driver=file,file.filename=${image},${logged}`;
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  return port;
}

// QEMU makes its sockets before anything else, but tells nobody.
async function appearance(path: string, qemu: ChildProcess): Promise<void> {
  const clock = new SystemClock();
  while (!existsSync(path)) {
    if (qemu.exitCode !== null) throw new Error(`QEMU has ended with ${qemu.exitCode}`);
    await clock.delay(20 * MS, NEVER);
  }
}
