// A kernel with GPIO chips, spoken to in bytes as the real one.

import type { VscopeError } from "../../../src/base/errors.ts";
import type { GpioKernel } from "../../../src/drivers/gpio/kernel.ts";
import type { ReadyListener } from "../../../src/drivers/gpio/readiness.ts";
import { REQUEST } from "../../../src/drivers/gpio/uapi.ts";

export interface FakeChip {
  readonly label: string;
  readonly lineNames: readonly string[];
  /** Refuses to be opened with this code. */
  readonly refusal?: string;
}

interface OpenFile {
  readonly chip: string;
  /** Undefined for the chip itself. */
  readonly offset?: number;
}

export class FakeKernel implements GpioKernel {
  /** Level of each line that has been driven, by `path:offset`. */
  readonly levels = new Map<string, number>();
  readonly consumers = new Map<string, string>();
  /** Flags of the request for each line, by `path:offset`. */
  readonly flags = new Map<string, bigint>();
  /** The next ioctl with this number fails with the code. */
  failure: { readonly request: number; readonly code: string } | undefined;
  readonly #chips: ReadonlyMap<string, FakeChip>;
  readonly #files = new Map<number, OpenFile>();
  readonly #events = new Map<number, Buffer[]>();
  readonly #listeners = new Map<number, ReadyListener>();
  #nextDescriptor = 100;

  constructor(chips: readonly FakeChip[]) {
    this.#chips = new Map(chips.map((chip, index) => [`/dev/gpiochip${index}`, chip]));
  }

  get openDescriptors(): number {
    return this.#files.size;
  }

  chips(): string[] {
    return [...this.#chips.keys()];
  }

  open(path: string): number {
    const refusal = this.#chips.get(path)?.refusal;
    if (refusal !== undefined) throw systemError(refusal);
    return this.#register({ chip: path });
  }

  close(descriptor: number): void {
    const file = this.#files.get(descriptor);
    if (file === undefined) throw systemError("EBADF");
    this.#files.delete(descriptor);
    if (file.offset !== undefined) this.consumers.delete(`${file.chip}:${file.offset}`);
  }

  ioctl(descriptor: number, request: number, bytes: Buffer): void {
    const file = this.#files.get(descriptor);
    if (file === undefined) throw systemError("EBADF");
    if (this.failure?.request === request) throw systemError(this.failure.code);
    const chip = this.#chips.get(file.chip);
    if (chip === undefined) throw systemError("ENODEV");
    if (request === REQUEST.chipInfo) this.#chipInfo(file.chip, chip, bytes);
    else if (request === REQUEST.lineInfo) this.#lineInfo(file.chip, chip, bytes);
    else if (request === REQUEST.line) this.#line(file.chip, chip, bytes);
    else this.#values(file, request, bytes);
  }

  read(descriptor: number, bytes: Buffer): number {
    const waiting = Buffer.concat(this.#events.get(descriptor) ?? []);
    this.#events.delete(descriptor);
    return waiting.copy(bytes);
  }

  onReadable(descriptor: number, listener: ReadyListener): () => void {
    this.#listeners.set(descriptor, listener);
    return () => this.#listeners.delete(descriptor);
  }

  /** Edges of an input that lead to these levels, told at once. */
  edges(path: string, offset: number, levels: readonly (0 | 1)[]): void {
    for (const [descriptor, file] of this.#files) {
      if (file.chip !== path || file.offset !== offset) continue;
      this.#events.set(descriptor, levels.map(lineEvent));
      this.levels.set(`${path}:${offset}`, levels.at(-1) ?? 0);
      this.#listeners.get(descriptor)?.();
    }
  }

  /** No event will be seen any more. */
  endEvents(reason: VscopeError): void {
    for (const listener of this.#listeners.values()) listener(reason);
  }

  #chipInfo(path: string, chip: FakeChip, bytes: Buffer): void {
    bytes.write(path.slice("/dev/".length), 0);
    bytes.write(chip.label, 32);
    bytes.writeUInt32LE(chip.lineNames.length, 64);
  }

  #lineInfo(path: string, chip: FakeChip, bytes: Buffer): void {
    const offset = bytes.readUInt32LE(64);
    const name = chip.lineNames[offset];
    if (name === undefined) throw systemError("EINVAL");
    bytes.write(name, 0);
    const consumer = this.consumers.get(`${path}:${offset}`);
    if (consumer === undefined) return;
    bytes.write(consumer, 32);
    bytes.writeUInt32LE(1, 72);
  }

  #line(path: string, chip: FakeChip, bytes: Buffer): void {
    const offset = bytes.readUInt32LE(0);
    const id = `${path}:${offset}`;
    if (offset >= chip.lineNames.length || bytes.readUInt32LE(560) !== 1) throw systemError("EINVAL");
    if (this.consumers.has(id)) throw systemError("EBUSY");
    this.consumers.set(id, bytes.toString("latin1", 256, bytes.indexOf(0, 256)));
    this.flags.set(id, bytes.readBigUInt64LE(288));
    this.levels.set(id, bytes[328] ?? 0);
    bytes.writeInt32LE(this.#register({ chip: path, offset }), 588);
  }

  #values(file: OpenFile, request: number, bytes: Buffer): void {
    const id = `${file.chip}:${file.offset}`;
    if (file.offset === undefined || bytes[8] !== 1) throw systemError("EINVAL");
    if (request === REQUEST.setValues) this.levels.set(id, bytes[0] ?? 0);
    else bytes[0] = this.levels.get(id) ?? 0;
  }

  #register(file: OpenFile): number {
    this.#files.set(++this.#nextDescriptor, file);
    return this.#nextDescriptor;
  }
}

// struct gpio_v2_line_event: 1 is a rising edge, 2 a falling one.
function lineEvent(level: 0 | 1): Buffer {
  const bytes = Buffer.alloc(48);
  bytes.writeUInt32LE(level === 1 ? 1 : 2, 8);
  return bytes;
}

export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: as the system says`), { code });
}
