// vscope-server in the guest, started as a user starts it, and a client for it on the host.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NEVER } from "../../../src/base/abort.ts";
import { MS, SECOND, SystemClock } from "../../../src/base/clock.ts";
import { VscopeClient } from "../../../src/client/vscope-client.ts";
import type { Machine } from "./machine.ts";

export interface GuestServerOptions {
  /** Text of the server's configuration file. */
  readonly config: string;
  /** Text of the instrument's configuration, vscope.config in the data directory; absent: none is written. */
  readonly instrument?: { readonly folder: string; readonly text: string };
  /** Who runs it. Default: root. */
  readonly user?: string;
}

// The client on the host is not on the guest's loopback.
const OPEN = "[security]\npolicy = open\n";
const PATIENCE_US = 120 * SECOND;
const LOOK_EVERY_US = 100 * MS;
// The guest is many times slower than a Raspberry Pi.
const REQUEST_TIMEOUT_S = 60;

export class GuestServer {
  readonly client: VscopeClient;
  readonly #machine: Machine;
  readonly #log: string;

  private constructor(machine: Machine, client: VscopeClient, log: string) {
    this.#machine = machine;
    this.client = client;
    this.#log = log;
  }

  /** `vscope-server -s vscope.cfg` in the guest; does not wait until it is ready. */
  static async start(machine: Machine, options: GuestServerOptions): Promise<GuestServer> {
    const { config, instrument, user = "root" } = options;
    const { share, guest } = machine;
    const log = join(share, "server.log");
    writeFileSync(join(share, "vscope.cfg"), `${config}${OPEN}`);
    writeFileSync(log, "");
    if (instrument !== undefined) {
      writeFileSync(join(share, "vscope.config"), instrument.text);
      await guest.run(`mkdir -p '${instrument.folder}'; cp /run/rig/vscope.config '${instrument.folder}'`);
    }
    const command = "vscope-server -s /run/rig/vscope.cfg";
    const asUser =
      user === "root" ? command : `setpriv --reuid=${user} --regid=${user} --init-groups -- ${command}`;
    await guest.run(`rm -f /run/rig/server.ended
      { (exec ${asUser}) >/run/rig/server.log 2>&1 & echo $! >/run/rig/server.pid; wait $!; echo $? >/run/rig/server.ended; } &`);
    const url = `coap://127.0.0.1:${machine.coapPort}`;
    const client = await VscopeClient.connect(url, { timeoutS: REQUEST_TIMEOUT_S });
    return new GuestServer(machine, client, log);
  }

  /** Everything that it has printed. */
  get log(): string {
    return readFileSync(this.#log, "utf8");
  }

  /** The first line of the log with `text`; waits for it. Throws when the server ends before. */
  line(text: string): Promise<string> {
    return until(`the log line "${text}"`, async () => {
      const lines = this.log.split("\n");
      const found = lines.find((line) => line.includes(text));
      if (found === undefined && existsSync(join(this.#machine.share, "server.ended")))
        throw new Error(`the server has ended: ${this.log}`);
      return found;
    });
  }

  async ready(): Promise<void> {
    await this.line("vscope-server is ready");
  }

  /** SIGTERM; resolves when it has ended. */
  async stop(): Promise<void> {
    await this.client.close();
    await this.#machine.guest.run(
      "pid=$(cat /run/rig/server.pid); kill $pid; while kill -0 $pid 2>/dev/null; do sleep 0.05; done",
    );
  }
}

/** Looks again and again, for what no event tells the host. Throws after two minutes. */
export async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const clock = new SystemClock();
  const startUs = clock.nowUs();
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (clock.nowUs() - startUs > PATIENCE_US)
      throw new Error(`did not come within ${PATIENCE_US / SECOND} s: ${what}`);
    await clock.delay(LOOK_EVERY_US, NEVER);
  }
}
