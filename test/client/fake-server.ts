// A small resource tree on a real CoAP server, to test clients with: a few values, an acquisition whose operations do
// what the name of their run says, and one run with files. Not the server's own tree.

import { Cell } from "../../src/base/cell.ts";
import { MS, SystemClock } from "../../src/base/clock.ts";
import { SILENT } from "../../src/base/log.ts";
import type { CoapLimits } from "../../src/coap/engine/limits.ts";
import { type CoapLink, encodeLinks, filterLinks } from "../../src/coap/message/link-format.ts";
import { type CoapRequest, type CoapResponse, CoapServer } from "../../src/coap/server.ts";
import { sampleFile } from "./sample-spectra.ts";

const JSON_FORMAT = 50;
const STEP_US = 5 * MS;

interface FakeOperation {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly progress: { readonly done: number; readonly of: number };
  readonly startedUtc: string;
  readonly error?: { readonly code: string; readonly message: string };
  readonly result?: unknown;
}

/** A run of more files than go into two answers. */
export const SEASON = Array.from({ length: 1203 }, (_, index) => ({ file: `s${index}.pico`, bytes: index }));

const LINKS: readonly CoapLink[] = [
  link("shutters/upwelling", "State of a shutter"),
  link("spectrometers", "All spectrometers"),
  link("spectrometers/FLMS01859/integration-time/upwelling", "Integration time of the next spectrum [us]"),
  link("spectrometers/FLMS01859/wavelengths", "Wavelength of every pixel [nm]"),
  link("acquisition/status", "What is being recorded"),
  link("acquisition/record", "Records a batch"),
];

export class FakeServer {
  readonly clock = new SystemClock();
  /** Each request but GET, as `PUT /path body`. */
  readonly changes: string[] = [];
  readonly bodies: Buffer[] = [];
  readonly values = new Map<string, Cell<unknown>>(
    Object.entries({
      "sysinfo/version": "0.0.0",
      "shutters/upwelling": "closed",
      spectrometers: [{ serial: "FLMS01859", state: "idle" }],
      "spectrometers/FLMS01859/integration-time/upwelling": 250_000,
      "spectrometers/FLMS01859/wavelengths": Array.from({ length: 2048 }, (_, pixel) => 340 + pixel / 4),
      "acquisition/status": { phase: "idle" },
    }).map(([path, value]) => [path, new Cell<unknown>(value)]),
  );
  readonly #files = new Map([
    ["b000001_s000000_dark.pico", sampleFile("dark")],
    ["b000001_s000000_light.pico", sampleFile("light")],
  ]);
  #server: CoapServer | undefined;
  #operations = 0;

  static async start(address = "127.0.0.1", limits: Partial<CoapLimits> = {}): Promise<FakeServer> {
    const fake = new FakeServer();
    const handler = (request: CoapRequest): CoapResponse => fake.#answer(request);
    const { clock } = fake;
    fake.#server = await CoapServer.listen({ address, port: 0, handler, clock, log: SILENT, limits });
    return fake;
  }

  get port(): number {
    return this.#server?.port ?? 0;
  }

  get url(): string {
    return `coap://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }

  #answer(request: CoapRequest): CoapResponse {
    const { method, payload } = request;
    const path = request.path.join("/");
    const body = Buffer.from(payload);
    if (method !== "GET") {
      this.bodies.push(body);
      const text = body.length > 0 && body.length < 200 ? ` ${body.toString()}` : "";
      this.changes.push(`${method} /${path}${text}`);
    }
    if (path === ".well-known/core") {
      return {
        code: "2.05",
        contentFormat: 40,
        payload: Buffer.from(encodeLinks(filterLinks(LINKS, request.query))),
      };
    }
    if (path.startsWith("datadir/") && !this.values.has(path)) return this.#dataDirectory(request, path);
    if (path.startsWith("acquisition/") && method === "POST") return this.#start(path, body);
    const cell = this.values.get(path);
    if (path.endsWith("record")) return text("4.05", "/acquisition/record: has no GET, only POST");
    if (cell === undefined) return text("4.04", `/${path}: no such resource`);
    if (method === "PUT") return put(cell, body);
    if (method === "DELETE") return this.#cancel(cell);
    return { ...json("2.05", cell.value), observe: (changed) => cell.subscribe(changed) };
  }

  #dataDirectory({ method, query, path: [, , run, file] }: CoapRequest, path: string): CoapResponse {
    if (path === "datadir/configuration" && method === "PUT") return { code: "2.04" };
    if (path === "datadir/configuration")
      return { code: "2.05", contentFormat: 0, payload: Buffer.from("[a]\nb = 1\n") };
    if (path === "datadir/runs") {
      const isWanted = query.every((part) => !part.startsWith("match=") || "plot10".includes(part.slice(6)));
      const runs = isWanted ? [{ name: "plot10", files: 2, bytes: 61_234 }] : [];
      return json("2.05", { total: runs.length, runs });
    }
    if (run === "season" && file === undefined) return filePage(run, SEASON, query);
    if (run !== "plot10") return text("4.04", `run ${run}: not found`);
    const files = [...this.#files].map(([name, content]) => ({ file: name, bytes: content.length }));
    if (file === undefined) return filePage(run, files, query);
    const content = this.#files.get(file);
    if (content === undefined) return text("4.04", `${run}/${file}: not found`);
    return { code: "2.05", contentFormat: JSON_FORMAT, payload: Buffer.from(content) };
  }

  #start(path: string, body: Buffer): CoapResponse {
    const kind = path.split("/")[1] ?? "";
    if (["abort", "pause", "resume"].includes(kind)) return { code: "2.04" };
    const asked = body.length === 0 ? {} : JSON.parse(body.toString());
    if (asked.run === "../x")
      return text("4.00", 'run "../x": only letters, digits, space, . _ and - are allowed');
    if (asked.run === "full") return text("5.03", "data directory: 0 bytes free, 64000000 are the reserve");
    this.#operations += 1;
    const id = String(this.#operations);
    const of = asked.sequences ?? 1;
    const cell = new Cell<unknown>(undefined);
    this.values.set(`acquisition/operations/${id}`, cell);
    const startedUtc = "2026-06-21T12:00:00.000000Z";
    this.#step(
      cell,
      { id, kind, state: "running", progress: { done: 0, of }, startedUtc },
      asked.run ?? "spectra",
    );
    return { ...json("2.01", cell.value), locationPath: ["acquisition", "operations", id] };
  }

  #step(cell: Cell<unknown>, operation: FakeOperation, run: string): void {
    cell.set(operation);
    const { done, of } = operation.progress;
    if (run === "slow" && done === 1) return;
    const next = done < of ? { progress: { done: done + 1, of } } : ending(run, of);
    this.clock.after(STEP_US, () => {
      if (next.state === undefined) this.#step(cell, { ...operation, ...next }, run);
      else cell.set({ ...operation, ...next });
    });
  }

  #cancel(cell: Cell<unknown>): CoapResponse {
    cell.set({
      ...Object(cell.value),
      state: "cancelled",
      error: { code: "OPERATION_CANCELLED", message: "cancelled" },
    });
    return { code: "2.02" };
  }
}

// As the server: 500 files at most. While a client pages through the season, a file is added at the front.
function filePage(run: string, files: readonly object[], query: readonly string[]): CoapResponse {
  const asked = new URLSearchParams(query.join("&"));
  const [offset, limit] = [Number(asked.get("offset") ?? 0), Number(asked.get("limit") ?? 100)];
  if (limit > 500) return text("4.00", `/datadir/runs/${run}: limit: expected 1..500`);
  const grown = run === "season" && offset > 0 ? [{ file: "newest.pico", bytes: 1 }, ...files] : files;
  return json("2.05", { name: run, total: grown.length, files: grown.slice(offset, offset + limit) });
}

type Change = Partial<Pick<FakeOperation, "state" | "error" | "result" | "progress">>;

function ending(run: string, of: number): Change {
  if (run !== "fails") return { state: "done", result: { run, batch: 3, files: of + 1 } };
  return { state: "failed", error: { code: "DEVICE_NOT_CONNECTED", message: "FLMS01859: unplugged" } };
}

function link(path: string, title: string): CoapLink {
  return { path: path.split("/"), attributes: { title, rt: "vscope", ct: "50 60", obs: true } };
}

function put(cell: Cell<unknown>, body: Buffer): CoapResponse {
  const value: unknown = JSON.parse(body.toString());
  if (value === 1) return text("4.22", "FLMS01859: 1 us is outside 1000..655350000 us");
  cell.set(value);
  return { code: "2.04" };
}

function json(code: string, value: unknown): CoapResponse {
  return { code, contentFormat: JSON_FORMAT, payload: Buffer.from(JSON.stringify(value)) };
}

function text(code: string, message: string): CoapResponse {
  return { code, payload: Buffer.from(message) };
}
