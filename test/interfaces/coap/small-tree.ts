// A small tree with one resource of each sort, served over a virtual network, and a client for it.

import type { TestContext } from "node:test";
import { z } from "zod";
import { NEVER } from "../../../src/base/abort.ts";
import { Cell } from "../../../src/base/cell.ts";
import { VscopeError } from "../../../src/base/errors.ts";
import { SILENT } from "../../../src/base/log.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { CoapClient, type CoapClientRequest, type CoapReply } from "../../../src/coap/client/client.ts";
import { CoapServer } from "../../../src/coap/server.ts";
import { coapHandler } from "../../../src/interfaces/coap/handler.ts";
import { resource } from "../../../src/resources/define.ts";
import { Router } from "../../../src/resources/router.ts";
import {
  selectSpectrum,
  spectrumSelection,
  spectrumVector,
} from "../../../src/resources/spectrum-selection.ts";
import { VirtualNetwork } from "../../coap/support/virtual-network.ts";

export const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]);

export class SmallModel {
  readonly level = new Cell(18.5);
  readonly isOpen = new Cell(false);
  readonly words = new Cell("idle");
  settings: { name: string; gain: number; offset?: number | undefined } = { name: "a", gain: 2 };
  /** Every value that was written to the settings or the strobe. */
  readonly written: unknown[] = [];
  problem: VscopeError | undefined;
  isThere = true;
}

const declare = resource<SmallModel>();
const settings = z.strictObject({
  name: z.string(),
  gain: z.number().max(10),
  offset: z.number().optional(),
});
const strobe = z.strictObject({ enabled: z.boolean().optional(), periodUs: z.number().optional() });
const spectrum = z.object({
  serial: z.string(),
  exposureStart: z.string(),
  integrationTimeUs: z.number(),
  flags: z.array(z.string()),
  wavelengthCoefficients: z.array(z.number()),
  counts: z.array(z.number().nullable()),
});

const SMALL_TREE = [
  declare("/level", {
    summary: "number",
    unit: "Cel",
    value: z.number(),
    get: ({ level }) => level.value,
    put: ({ level }, _at, value) => level.set(value),
    watch: ({ level }) => [level],
  }),
  declare("/slow-level", {
    summary: "number that takes its time",
    value: z.number(),
    get: ({ level }) => Promise.resolve().then(() => level.value),
    watch: ({ level }) => [level],
  }),
  declare("/open", {
    summary: "truth",
    value: z.boolean(),
    get: ({ isOpen }) => isOpen.value,
    watch: ({ isOpen }) => [isOpen],
  }),
  declare("/words", {
    summary: "text",
    value: z.string(),
    get: ({ words }) => words.value,
    watch: ({ words }) => [words],
  }),
  declare("/unwatched", { summary: "number", value: z.number(), get: ({ level }) => level.value }),
  declare("/settings", {
    summary: "settings, written whole",
    value: settings,
    get: (model) => model.settings,
    put: async (model, _at, value) => {
      // Long enough for another writer to come between.
      await Promise.resolve();
      model.written.push(value);
      model.settings = value;
    },
  }),
  declare("/settings/strobe", {
    summary: "settings, of which some are written",
    value: strobe,
    putMerges: true,
    get: () => ({ enabled: false, periodUs: 50 }),
    put: (model, _at, value) => void model.written.push(value),
  }),
  declare("/paged", {
    summary: "list with a query of its own",
    query: z.strictObject({ limit: z.string().default("9"), lt: z.string().optional() }),
    value: z.string(),
    get: ({ level }, _at, { limit, lt = "" }) => `${limit} ${lt} ${level.value}`,
    watch: ({ level }) => [level],
  }),
  declare("/spectrum", {
    summary: "spectrum",
    unit: "count",
    value: spectrum,
    selection: spectrumSelection(Object.keys(spectrum.shape)),
    select: selectSpectrum,
    vector: spectrumVector,
    get: ({ level }) => spectrumAt(level.value),
    watch: ({ level }) => [level],
  }),
  declare("/wavelengths", {
    summary: "vector",
    unit: "nm",
    value: z.array(z.number()),
    get: () => [400, 400.5],
  }),
  declare("/picture", { summary: "picture", contentFormat: 23, get: () => ({ bytes: PNG }) }),
  declare("/act", {
    summary: "action",
    input: z.unknown(),
    post: (model) => {
      model.written.push("act");
      return { location: ["act", "1"], value: { state: "running" } };
    },
  }),
  declare("/thing", {
    summary: "thing that can be missing",
    value: z.number(),
    get: ({ isThere }) => {
      if (!isThere) throw new VscopeError("RESOURCE_NOT_FOUND", "thing: is not there");
      return 1;
    },
    put: (model) => void (model.isThere = true),
    delete: (model) => void (model.isThere = false),
  }),
  declare("/problem", {
    summary: "failure",
    get: ({ problem }) => {
      throw problem ?? new VscopeError("INTERNAL", "secret");
    },
  }),
];

function spectrumAt(level: number): z.infer<typeof spectrum> {
  return {
    serial: "S1",
    exposureStart: "2026-06-21T12:00:00.250000Z",
    integrationTimeUs: 25_000,
    flags: [],
    wavelengthCoefficients: [400, 10],
    counts: [level, 2, 3, null, 5, 7],
  };
}

interface Parts {
  readonly clock: VirtualClock;
  readonly model: SmallModel;
  readonly network: VirtualNetwork;
  readonly server: CoapServer;
  readonly client: CoapClient;
}

export class SmallServer {
  readonly clock: VirtualClock;
  readonly model: SmallModel;
  readonly network: VirtualNetwork;
  readonly server: CoapServer;
  readonly client: CoapClient;

  private constructor({ clock, model, network, server, client }: Parts) {
    this.clock = clock;
    this.model = model;
    this.network = network;
    this.server = server;
    this.client = client;
  }

  static async start(t: TestContext): Promise<SmallServer> {
    const clock = new VirtualClock();
    const model = new SmallModel();
    const network = new VirtualNetwork(clock);
    const handler = coapHandler(new Router(model, SMALL_TREE), { clock, log: SILENT, check: () => {} });
    const socket = network.socket("10.0.0.1", 5683);
    const server = await CoapServer.listen({
      address: "10.0.0.1",
      port: 5683,
      handler,
      clock,
      log: SILENT,
      socket,
    });
    const client = await CoapClient.open({
      host: "10.0.0.1",
      clock,
      socket: network.socket("10.0.0.2", 40_000),
    });
    t.after(async () => {
      await client.close();
      await clock.run(server.close());
    });
    return new SmallServer({ clock, model, network, server, client });
  }

  request(request: CoapClientRequest): Promise<CoapReply> {
    return this.clock.run(this.client.request(request, NEVER));
  }

  get(path: string, options: Partial<CoapClientRequest> = {}): Promise<CoapReply> {
    return this.request({ method: "GET", path: path.split("/").slice(1), ...options });
  }

  send(
    method: CoapClientRequest["method"],
    path: string,
    value: unknown,
    options: Partial<CoapClientRequest> = {},
  ): Promise<CoapReply> {
    const payload = Buffer.from(JSON.stringify(value));
    return this.request({ method, path: path.split("/").slice(1), payload, ...options });
  }

  /** Observes; the returned list grows with each notification, its time in seconds in front. */
  observe(path: string, query: readonly string[] = [], options: Partial<CoapClientRequest> = {}): Observed {
    const seen: string[] = [];
    const stop = new AbortController();
    const request = { method: "GET", path: path.split("/").slice(1), query, ...options } as const;
    const ended = (async () => {
      for await (const reply of this.client.observe(request, stop.signal))
        seen.push(`${Math.round(this.clock.nowUs() / 1e5) / 10} ${reply.code} ${textOf(reply)}`);
    })().catch(() => {});
    return { seen, ended, stop: () => stop.abort() };
  }
}

export interface Observed {
  readonly seen: readonly string[];
  readonly ended: Promise<void>;
  stop(): void;
}

export function textOf({ payload }: { readonly payload: Uint8Array }): string {
  return Buffer.from(payload).toString("utf8");
}
