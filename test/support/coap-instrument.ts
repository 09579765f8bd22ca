// A whole server with the emulated instrument that listens on a port of its own on loopback, and a client for it.
// It runs on the real clock, because sockets do.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NEVER } from "../../src/base/abort.ts";
import { SystemClock } from "../../src/base/clock.ts";
import { type Log, SILENT } from "../../src/base/log.ts";
import { CoapClient, type CoapClientRequest, type CoapReply } from "../../src/coap/client/client.ts";
import { DEFAULT_SERVER_CONFIG, type ServerConfig } from "../../src/config/server-config.ts";
import { Server } from "../../src/server.ts";
import { emulatedConfig } from "./instrument.ts";

export interface CoapInstrumentOptions {
  readonly security?: Partial<ServerConfig["security"]>;
  readonly coap?: Partial<ServerConfig["coap"]>;
  readonly log?: Log;
  /** Whether piccolo3's tree is served; as by default when absent. */
  readonly piccolo3?: boolean;
  /** Instrument configuration; the sample when absent. */
  readonly configuration?: string;
  /** A data directory that is there already; it stays. */
  readonly folder?: string;
  /** Text of the file of keys. */
  readonly keys?: string;
}

export class CoapInstrument {
  readonly server: Server;
  readonly client: CoapClient;
  readonly folder: string;
  readonly port: number;
  readonly #stays: boolean;

  private constructor(
    server: Server,
    client: CoapClient,
    { folder, port, stays }: { folder: string; port: number; stays: boolean },
  ) {
    this.server = server;
    this.client = client;
    this.folder = folder;
    this.port = port;
    this.#stays = stays;
  }

  /** Everybody may do all there unless `security` says something else. */
  static async start({
    security = {},
    coap = {},
    log = SILENT,
    keys = "",
    piccolo3 = DEFAULT_SERVER_CONFIG.piccolo3.enabled,
    configuration,
    folder: given,
  }: CoapInstrumentOptions = {}): Promise<CoapInstrument> {
    const clock = new SystemClock();
    const folder = given ?? (await mkdtemp(join(tmpdir(), "vscope-")));
    const emulated = emulatedConfig(folder);
    if (keys !== "") await writeFile(emulated.security.keys, keys, { mode: 0o600 });
    if (configuration !== undefined) await writeFile(join(folder, emulated.config), configuration);
    const config = {
      ...emulated,
      coap: { ...emulated.coap, enabled: true, address: ["127.0.0.1"], port: 0, ...coap },
      security: { ...emulated.security, ...security },
      piccolo3: { enabled: piccolo3 },
    };
    const server = await Server.start({ config, clock, log, version: "test" }, NEVER);
    const { port } = server;
    assert.ok(port !== undefined);
    const client = await CoapClient.open({ host: "127.0.0.1", port, clock });
    return new CoapInstrument(server, client, { folder, port, stays: given !== undefined });
  }

  get keysFile(): string {
    return emulatedConfig(this.folder).security.keys;
  }

  async close(): Promise<void> {
    await this.client.close();
    await this.server.close();
    if (!this.#stays) await rm(this.folder, { recursive: true });
  }

  request(request: CoapClientRequest): Promise<CoapReply> {
    return this.client.request(request, NEVER);
  }

  get(path: string, options: Partial<CoapClientRequest> = {}): Promise<CoapReply> {
    return this.request({ method: "GET", path: segments(path), ...options });
  }

  put(path: string, value: unknown): Promise<CoapReply> {
    return this.request({ method: "PUT", path: segments(path), payload: Buffer.from(JSON.stringify(value)) });
  }

  post(path: string, value?: unknown): Promise<CoapReply> {
    const payload = Buffer.from(value === undefined ? "" : JSON.stringify(value));
    return this.request({ method: "POST", path: segments(path), payload });
  }

  /** Starts an action and resolves with the operation's last status. */
  async perform(
    path: string,
    value?: unknown,
  ): Promise<{ readonly state: string; readonly error?: { readonly code: string } }> {
    const started = await this.post(path, value);
    assert.equal(started.code, "2.01", textOf(started));
    const { id }: { id: string } = JSON.parse(textOf(started));
    await this.server.model.operations.get(id).finished;
    return JSON.parse(textOf(await this.get(`/acquisition/operations/${id}`)));
  }
}

/** `/a/b` as segments. */
export function segments(path: string): readonly string[] {
  return path.split("/").slice(1);
}

export function textOf({ payload }: { readonly payload: Uint8Array }): string {
  return Buffer.from(payload).toString("utf8");
}
