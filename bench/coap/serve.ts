// A store over CoAP, as bench/coap.ts measures it: what is PUT at a path is got there, and observers are told.
//   node dist/bench/coap/serve.js this|npm PORT

import { createSocket } from "node:dgram";
import { createServer, type IncomingMessage, type OutgoingMessage } from "coap";
import { type CoapRequest, type CoapResponse, CoapServer } from "../../src/coap/server.ts";

const NOTHING: Buffer = Buffer.alloc(0);

class Entry {
  value: Uint8Array = NOTHING;
  /** Of the value, as its server tells it. */
  format: string | number | undefined;
  readonly #watchers = new Set<() => void>();

  set(value: Uint8Array): void {
    this.value = value;
    for (const watcher of this.#watchers) watcher();
  }

  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}

const entries = new Map<string, Entry>();

function entryAt(path: string): Entry {
  const entry = entries.get(path) ?? new Entry();
  entries.set(path, entry);
  return entry;
}

function answer({ method, path, payload, contentFormat }: CoapRequest): CoapResponse {
  const entry = entryAt(path[0] ?? "");
  const { value, format } = entry;
  if (method !== "PUT") {
    const observe = (changed: () => void) => entry.watch(changed);
    return {
      code: "2.05",
      payload: value,
      observe,
      ...(typeof format === "number" ? { contentFormat: format } : {}),
    };
  }
  entry.format = contentFormat;
  entry.set(payload);
  return { code: "2.04" };
}

function answerNpm(request: IncomingMessage, response: OutgoingMessage): void {
  const entry = entryAt(request.url.slice(1));
  if (request.method === "PUT") {
    const format = request.headers["Content-Format"];
    entry.format = typeof format === "string" || typeof format === "number" ? format : undefined;
    entry.set(request.payload);
    response.code = "2.04";
    response.end();
    return;
  }
  if (entry.format !== undefined) response.setOption("Content-Format", entry.format);
  if (request.headers["Observe"] === 0) {
    response.on(
      "finish",
      entry.watch(() => response.write(entry.value)),
    );
    response.write(entry.value);
  } else response.end(entry.value);
}

const [which, port] = [process.argv[2], Number(process.argv[3])];
if (which === "npm") {
  const socket = createSocket("udp4");
  socket.bind(port, "127.0.0.1", () => createServer(answerNpm).listen(socket));
} else {
  // The engine is measured, not its limit; the other servers have none.
  const limits = { requestsPerSecond: 0 };
  await CoapServer.listen({ address: "127.0.0.1", port, handler: answer, limits });
}
