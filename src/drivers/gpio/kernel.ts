// The system calls that the GPIO character device needs. Node.js has no ioctl, so libc's is called through koffi,
// which is loaded only when a chip is opened.

import { closeSync, openSync, readdirSync } from "node:fs";

/** The far end of the character device; a test puts its own in place. Failures carry the system's `code` (EBUSY, ...). */
export interface GpioKernel {
  /** Paths of the chips, such as `/dev/gpiochip0`. */
  chips(): string[];
  open(path: string): number;
  close(descriptor: number): void;
  /** Passes `bytes` to the kernel, which may change them. */
  ioctl(descriptor: number, request: number, bytes: Buffer): void;
}

export async function linuxGpioKernel(): Promise<GpioKernel> {
  const koffi = await import("koffi");
  // The C library of this process.
  const call: (descriptor: number, request: number, kind: string, bytes: Buffer) => number = koffi
    .load(null)
    .func("int ioctl(int descriptor, unsigned long request, ...)");
  const names = new Map(Object.entries(koffi.os.errno).map(([name, number]) => [number, name]));
  return {
    chips: () => chipPaths("/dev"),
    open: (path) => openSync(path, "r+"),
    close: (descriptor) => closeSync(descriptor),
    ioctl: (descriptor, request, bytes) => {
      if (call(descriptor, request, "void *", bytes) >= 0) return;
      const code = names.get(koffi.errno()) ?? `errno ${koffi.errno()}`;
      throw Object.assign(new Error(`ioctl 0x${request.toString(16)}: ${code}`), { code });
    },
  };
}

/** The chips among a folder's entries, in order of their numbers. */
export function chipPaths(folder: string): string[] {
  const numbers = readdirSync(folder).flatMap((name) => /^gpiochip(\d+)$/.exec(name)?.[1] ?? []);
  return numbers.map(Number).sort((a, b) => a - b).map((number) => `${folder}/gpiochip${number}`);
}
