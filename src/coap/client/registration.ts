// Registration at a resource directory (RFC 9176): announces the links of a server, renews that before its lifetime ends,
// tries again after failures, and removes it at the end.

import { NEVER, orAborted, withDeadline } from "../../base/abort.ts";
import type { Clock } from "../../base/clock.ts";
import { messageOf, VscopeError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { CoapClient, type CoapReply } from "./client.ts";
import { decodeLinks, LINK_FORMAT } from "../message/link-format.ts";
import { connectUdp, type DatagramSocket, endpointName } from "../network/udp.ts";

export interface RegistrationOptions {
  readonly directory: {
    readonly host: string;
    readonly port: number;
    /** Where to register; asked for at /.well-known/core when absent. */
    readonly path?: readonly string[] | undefined;
  };
  /** The name of this server in the directory (`ep`), at most 63 bytes. */
  readonly endpoint: string;
  /** The port of this server. */
  readonly serverPort: number;
  /** What is announced, as application/link-format. */
  readonly links: () => Uint8Array;
  readonly clock: Clock;
  readonly log: Log;
  readonly lifetimeS?: number;
  /** Instead of a UDP socket to the directory. */
  readonly connect?: () => Promise<DatagramSocket>;
}

const LIFETIME_S = 3600;
const FIRST_RETRY_US = 10_000_000;
const LONGEST_RETRY_US = 320_000_000;
// The whole server has two seconds to stop, and the registration ends by itself.
const CLOSE_WITHIN_US = 300_000;

export class Registration {
  readonly #options: RegistrationOptions;
  readonly #lifetimeS: number;
  readonly #name: string;
  readonly #ending = new AbortController();
  #running: Promise<void> | undefined;
  /** Where the directory keeps the registration. */
  #location: readonly string[] | undefined;
  #announced: Uint8Array = Buffer.alloc(0);
  #failures = 0;

  constructor(options: RegistrationOptions) {
    this.#options = options;
    this.#lifetimeS = options.lifetimeS ?? LIFETIME_S;
    this.#name = endpointName(options.directory.host, options.directory.port);
  }

  get isRegistered(): boolean {
    return this.#location !== undefined;
  }

  start(): void {
    this.#running ??= this.#run(this.#ending.signal);
  }

  /** Removes the registration; a directory that does not answer within 0.3 s keeps it until its lifetime ends. */
  async close(): Promise<void> {
    this.#ending.abort(new VscopeError("OPERATION_CANCELLED", `${this.#name}: the registration ends`));
    const { clock, log } = this.#options;
    const wasRegistered = this.isRegistered;
    const late = (): Error =>
      new VscopeError("DEVICE_TIMEOUT", `${this.#name}: no answer to the removal in time`);
    try {
      // To look up the directory's name takes as long as it takes: nobody waits for that.
      await withDeadline({ clock, us: CLOSE_WITHIN_US, late }, NEVER, (signal) =>
        orAborted(this.#remove(signal), signal),
      );
    } catch (error) {
      if (!wasRegistered) return;
      log.info({}, `resource directory: ${messageOf(error)}; the registration stays until its lifetime ends`);
    }
  }

  async #remove(signal: AbortSignal): Promise<void> {
    await this.#running;
    const path = this.#location;
    if (path === undefined) return;
    this.#location = undefined;
    await this.#withClient((client) => client.request({ method: "DELETE", path }, signal));
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const waitUs = await this.#attempt(signal);
      await this.#options.clock.delay(waitUs, signal).catch(() => {});
    }
  }

  /** Registers or renews; returns when to do so again. */
  async #attempt(signal: AbortSignal): Promise<number> {
    const { log } = this.#options;
    try {
      await this.#withClient((client, address) => this.#update(client, address, signal));
      if (this.#failures > 0) log.info({}, `resource directory ${this.#name}: registered again`);
      this.#failures = 0;
      return (this.#lifetimeS * 1_000_000) / 2;
    } catch (error) {
      if (!signal.aborted && this.#failures === 0)
        log.warn({}, `resource directory: ${messageOf(error)}; tried again`);
      this.#failures += 1;
      return Math.min(FIRST_RETRY_US * 2 ** (this.#failures - 1), LONGEST_RETRY_US);
    }
  }

  /** `localAddress` is the address of this computer that the directory sees. */
  async #withClient<T>(task: (client: CoapClient, localAddress: string) => Promise<T>): Promise<T> {
    const { directory, clock, connect } = this.#options;
    const socket = await (connect?.() ?? connectUdp(directory.host, directory.port));
    const client = await CoapClient.open({ ...directory, clock, socket });
    try {
      return await task(client, socket.address);
    } finally {
      await client.close();
    }
  }

  // A renewal is an empty POST to the registration (section 5.3.1); changed links need the whole again, and so does a
  // directory that has forgotten it.
  async #update(client: CoapClient, localAddress: string, signal: AbortSignal): Promise<void> {
    const links = this.#options.links();
    const path = this.#location;
    if (path !== undefined && Buffer.compare(links, this.#announced) === 0) {
      const reply = await client.request({ method: "POST", path }, signal);
      if (reply.code.startsWith("2.")) return;
      this.#location = undefined;
      if (reply.code !== "4.04") throw this.#refused("the renewal", reply);
    }
    const base = `coap://${endpointName(localAddress, this.#options.serverPort)}`;
    await this.#register(client, { links, base }, signal);
  }

  async #register(
    client: CoapClient,
    { links, base }: { readonly links: Uint8Array; readonly base: string },
    signal: AbortSignal,
  ): Promise<void> {
    const { endpoint, directory } = this.#options;
    const path = directory.path ?? (await this.#find(client, signal));
    const query = [`ep=${endpoint}`, `lt=${this.#lifetimeS}`, `base=${base}`];
    const reply = await client.request(
      { method: "POST", path, query, payload: links, contentFormat: LINK_FORMAT },
      signal,
    );
    if (reply.code !== "2.01" || reply.locationPath.length === 0)
      throw this.#refused("the registration", reply);
    this.#location = reply.locationPath;
    this.#announced = links;
    this.#options.log.info({ endpoint, base }, `resource directory ${this.#name}: registered`);
  }

  /** The path of the registration resource, section 4.3. */
  async #find(client: CoapClient, signal: AbortSignal): Promise<readonly string[]> {
    const reply = await client.request(
      { method: "GET", path: [".well-known", "core"], query: ["rt=core.rd*"] },
      signal,
    );
    const links = decodeLinks(Buffer.from(reply.payload).toString());
    const found = links.find(
      ({ attributes: { rt } }) => typeof rt === "string" && rt.split(" ").includes("core.rd"),
    );
    if (found === undefined)
      throw new VscopeError(
        "DEVICE_PROTOCOL",
        `${this.#name}: is no resource directory, it lists no core.rd`,
      );
    return found.path;
  }

  #refused(what: string, { code, payload }: CoapReply): VscopeError {
    const text = Buffer.from(payload).toString();
    return new VscopeError(
      "DEVICE_PROTOCOL",
      `${this.#name}: ${what} was answered ${code}${text && `, ${text}`}`,
    );
  }
}
