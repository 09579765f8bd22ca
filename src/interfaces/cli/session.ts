// What every command needs: the global options, the terminal, the clock, and a client that is closed again.

import type { Command } from "commander";
import type { Clock } from "../../base/clock.ts";
import { defaultServerUrl, environment, parseServerUrl } from "../../client/server-url.ts";
import { VscopeClient } from "../../client/vscope-client.ts";
import { messageOf } from "../../base/errors.ts";
import { usageError } from "./exit-codes.ts";
import type { Terminal } from "./terminal.ts";

interface GlobalOptions {
  readonly url?: string;
  readonly json?: true;
  readonly key?: string;
  readonly timeout: number;
}

export class Session {
  readonly #program: Command;
  readonly terminal: Terminal;
  readonly clock: Clock;
  /** Aborts on Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;

  constructor(
    program: Command,
    world: { readonly terminal: Terminal; readonly clock: Clock; readonly signal: AbortSignal },
  ) {
    this.#program = program;
    this.terminal = world.terminal;
    this.clock = world.clock;
    this.signal = world.signal;
  }

  get isJson(): boolean {
    return this.#options.json === true;
  }

  /** Prints `value` as JSON with --json, else the text. */
  print(value: unknown, text: () => string): void {
    if (this.isJson)
      this.terminal.out(`${JSON.stringify(value, undefined, this.terminal.isOutTty ? 2 : 0)}\n`);
    else this.printText(text());
  }

  /** Prints a text that ends its line; nothing for an empty one. */
  printText(text: string): void {
    if (text !== "") this.terminal.out(text.endsWith("\n") ? text : `${text}\n`);
  }

  /** Says something about the progress of the command on stderr; quiet with --json. */
  say(text: string): void {
    if (!this.isJson) this.terminal.error(`${text}\n`);
  }

  /** Runs `task` with a client of `server`, else of --url, and closes that. Throws usage errors for a bad URL. */
  async withClient<T>(task: (client: VscopeClient) => Promise<T>, server?: string): Promise<T> {
    const {
      url: usual = defaultServerUrl(),
      timeout: timeoutS,
      key: keyFile = environment("VSCOPE_KEY"),
    } = this.#options;
    const url = server ?? usual;
    checkUrl(url);
    const key = keyFile === undefined ? {} : { keyFile };
    const client = await VscopeClient.connect(url, { timeoutS, clock: this.clock, ...key }, this.signal);
    try {
      return await task(client);
    } finally {
      await client.close();
    }
  }

  get #options(): GlobalOptions {
    return this.#program.opts<GlobalOptions>();
  }
}

function checkUrl(url: string): void {
  try {
    parseServerUrl(url);
  } catch (error) {
    throw usageError(messageOf(error));
  }
}
