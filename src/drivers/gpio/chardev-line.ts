// A line of the character device that the kernel has given: what is done with its descriptor.

import { VscopeError } from "../../base/errors.ts";
import { gpioError } from "./gpio-error.ts";
import type { GpioKernel } from "./kernel.ts";
import type { GpioInput, GpioInputOptions, GpioLine } from "./port.ts";
import { decodeEdges, decodeValues, encodeValues, REQUEST, SIZE } from "./uapi.ts";

/** The line's descriptor, and whom to tell when it is given back. */
export interface LineEnd {
  readonly name: string;
  readonly kernel: GpioKernel;
  readonly descriptor: number;
  readonly onClose: (line: Pick<GpioLine, "close">) => void;
}

/** As many events as the kernel keeps for a line. */
const EVENTS = 16;

class OpenLine {
  readonly #end: LineEnd;
  #isOpen = true;

  constructor(end: LineEnd) {
    this.#end = end;
  }

  read(): 0 | 1 {
    return decodeValues(this.ask(REQUEST.getValues, 0));
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#end.kernel.close(this.#end.descriptor);
    this.#end.onClose(this);
  }

  protected ask(request: number, level: 0 | 1): Buffer {
    const { name, kernel, descriptor } = this.#end;
    if (!this.#isOpen) throw new VscopeError("DEVICE_FAULT", `${name}: the line is closed`);
    try {
      return ask(kernel, descriptor, request, encodeValues(level));
    } catch (error) {
      throw gpioError(name, error);
    }
  }
}

export class ChardevLine extends OpenLine implements GpioLine {
  write(level: 0 | 1): void {
    this.ask(REQUEST.setValues, level);
  }
}

export class ChardevInput extends OpenLine implements GpioInput {
  readonly #unwatch: () => void;

  constructor(end: LineEnd, { onEdge, onLost }: GpioInputOptions) {
    super(end);
    const { name, kernel, descriptor } = end;
    const events = Buffer.alloc(EVENTS * SIZE.lineEvent);
    this.#unwatch = kernel.onReadable(descriptor, (failure) => {
      try {
        if (failure !== undefined) throw failure;
        const length = kernel.read(descriptor, events);
        if (length === 0) throw new VscopeError("DEVICE_NOT_CONNECTED", `${name}: the line is gone`);
        for (const level of decodeEdges(events.subarray(0, length))) onEdge(level);
      } catch (error) {
        this.#unwatch();
        onLost(gpioError(name, error));
      }
    });
  }

  override close(): void {
    this.#unwatch();
    super.close();
  }
}

/** The kernel's answer, in the same bytes. */
export function ask(kernel: GpioKernel, descriptor: number, request: number, bytes: Buffer): Buffer {
  kernel.ioctl(descriptor, request, bytes);
  return bytes;
}
