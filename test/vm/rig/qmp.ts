// QEMU's machine protocol: devices are added and removed while the guest runs.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";

export class Qmp {
  readonly #socket: Socket;
  readonly #lines: AsyncIterator<string>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#lines = createInterface(socket)[Symbol.asyncIterator]();
  }

  static async connect(path: string): Promise<Qmp> {
    const socket = connect(path);
    await once(socket, "connect");
    // The end of QEMU is for the one who awaits an answer.
    socket.on("error", () => {});
    const qmp = new Qmp(socket);
    await qmp.#next();
    await qmp.execute("qmp_capabilities");
    return qmp;
  }

  /** One command at a time. Throws what QEMU complains about. */
  async execute(command: string, options: object = {}): Promise<unknown> {
    this.#socket.write(JSON.stringify({ execute: command, arguments: options }));
    const answer = await this.#until((message) => "return" in message || "error" in message);
    if ("error" in answer) throw new Error(`QEMU: ${command}: ${JSON.stringify(answer.error)}`);
    return answer.return;
  }

  /** Removes a device and waits until the guest has let go of it. */
  async remove(device: string): Promise<void> {
    await this.execute("device_del", { id: device });
    await this.#until(({ event, data }) => event === "DEVICE_DELETED" && nameOf(data) === device);
  }

  close(): void {
    this.#socket.destroy();
  }

  async #until(wanted: (message: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> {
    for (;;) {
      const message = await this.#next();
      if (wanted(message)) return message;
    }
  }

  async #next(): Promise<Record<string, unknown>> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error("QEMU has ended");
    return Object.fromEntries(Object.entries(JSON.parse(value)));
  }
}

function nameOf(data: unknown): unknown {
  return typeof data === "object" && data !== null && "device" in data ? data.device : undefined;
}
