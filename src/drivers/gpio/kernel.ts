// The system calls that the GPIO character device needs; Node.js has no ioctl, so libc's is called.

import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import { openLibc } from "../../base/libc.ts";
import { Readiness, type ReadyListener } from "./readiness.ts";

/** The far end of the character device; a test puts its own in place. Failures carry the system's `code` (EBUSY, ...). */
export interface GpioKernel {
  /** Paths of the chips, such as `/dev/gpiochip0`. */
  chips(): string[];
  open(path: string): number;
  close(descriptor: number): void;
  /** Passes `bytes` to the kernel, which may change them. */
  ioctl(descriptor: number, request: number, bytes: Buffer): void;
  /** Reads what waits, after `onReadable` has said so; the number of bytes. */
  read(descriptor: number, bytes: Buffer): number;
  /**
   * Calls `listener`, which must not throw, whenever a read would not wait or would fail, until the returned function is
   * called; with a failure once, when nothing more will be told.
   */
  onReadable(descriptor: number, listener: ReadyListener): () => void;
}

export async function linuxGpioKernel(): Promise<GpioKernel> {
  const libc = await openLibc();
  const ioctl = libc.declare("int ioctl(int descriptor, unsigned long request, ...)");
  const readiness = new Readiness(
    libc.declareWaiting("int poll(void *descriptors, unsigned long count, int milliseconds)"),
  );
  return {
    chips: () => chipPaths("/dev"),
    open: (path) => openSync(path, "r+"),
    close: (descriptor) => closeSync(descriptor),
    read: (descriptor, bytes) => readSync(descriptor, bytes),
    onReadable: (descriptor, listener) => readiness.watch(descriptor, listener),
    ioctl: (descriptor, request, bytes) => {
      if (ioctl(descriptor, request, "void *", bytes) >= 0) return;
      throw libc.lastError(`ioctl 0x${request.toString(16)}`);
    },
  };
}

/** The chips among a folder's entries, in order of their numbers. */
export function chipPaths(folder: string): string[] {
  const numbers = readdirSync(folder).flatMap((name) => /^gpiochip(\d+)$/.exec(name)?.[1] ?? []);
  return numbers
    .map(Number)
    .sort((a, b) => a - b)
    .map((number) => `${folder}/gpiochip${number}`);
}
