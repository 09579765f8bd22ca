// What `vscope key new` prints is all that a client of others needs.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { aiocoapPython, coapClientWithTls, run } from "../coap/support/outside-clients.ts";
import { vscope } from "../interfaces/cli/spawn-vscope.ts";
import { CoapInstrument } from "../support/coap-instrument.ts";

describe("a key as it is printed", { timeout: 240_000 }, () => {
  let instrument: CoapInstrument;
  /** A key a client: no two may send with the same one. */
  const handouts = new Map<string, string>();
  before(async () => {
    const folder = await mkdtemp(join(tmpdir(), "vscope-key-"));
    const file = join(folder, "vscope.keys");
    for (const name of ["laptop", "python", "libcoap", "refused"])
      handouts.set(name, (await vscope(["key", "new", name, "--file", file])).out);
    handouts.set("office", (await vscope(["--json", "key", "new", "office", "--file", file])).out);
    const keys = await readFile(file, "utf8");
    await rm(folder, { recursive: true });
    instrument = await CoapInstrument.start({
      security: { policy: "closed", loopback: "none" },
      coap: { tlsPort: 0 },
      keys,
    });
  });
  after(() => instrument.close());

  /** The lines that follow the one with `title`, up to an empty one. */
  const block = (name: string, title: string): string => {
    const parts = (handouts.get(name) ?? "").split("\n\n");
    const text = parts.find((part) => part.startsWith(title))?.replace(/^.*\n/, "");
    return text ?? assert.fail(`${title} in what was printed for ${name}`);
  };

  const write = async (name: string, text: string): Promise<string> => {
    const path = join(instrument.folder, ".client", name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text, { mode: 0o600 });
    return path;
  };

  const isOpen = async (): Promise<boolean> =>
    instrument.server.model.shutters.shutter("upwelling").state.value === "open";

  test("vscope", async () => {
    const key = await write("laptop.key", block("laptop", "vscope: save as"));
    const url = `coap://127.0.0.1:${instrument.port}`;
    const put = await vscope(["--key", key, "put", "/shutters/upwelling", "open"], { url });
    assert.deepEqual([put.code, put.errors], [0, ""]);
    assert.ok(await isOpen());
    const clock = await vscope(["--key", key, "put", "/sysinfo/clock", "2026-06-21T12:00:00Z"], { url });
    assert.equal(clock.code, 4);
    assert.match(clock.errors, /PUT \/sysinfo\/clock: needs role admin, key laptop has operate\n$/);
    const observed = await vscope(["--key", key, "observe", "/shutters/upwelling", "--count", "1"], { url });
    assert.match(observed.out, /open\n$/);
    await vscope(["--key", key, "put", "/shutters/upwelling", "closed"], { url });
  });

  test("vscope with what --json printed, whatever else it has", async () => {
    const url = `coap://127.0.0.1:${instrument.port}`;
    const key = await write("office.key", handouts.get("office") ?? "");
    const put = await vscope(["--key", key, "put", "/shutters/upwelling", "closed"], { url });
    assert.deepEqual([put.code, put.errors], [0, ""]);
  });

  test("what OSCORE refuses is explained, and ends with the code of a refusal", async () => {
    const url = `coap://127.0.0.1:${instrument.port}`;
    const line = block("refused", "vscope: save as");
    for (const [name, text, expected] of [
      [
        "stranger.key",
        line.replace(/"id":"\w+"/, '"id":"a"'),
        /4\.01 without protection: Security context not found; the server does not know this key: revoked, /,
      ],
      [
        "spoilt.key",
        line.replace(/("secret":")\w/, "$10"),
        /4\.00 without protection: Decryption failed; the secret is wrong\n$/,
      ],
    ] as const) {
      const { code, errors } = await vscope(["--key", await write(name, text), "get", "/shutters"], { url });
      assert.match(errors, expected);
      assert.equal(code, 4);
    }
  });

  test("aiocoap", async () => {
    const python = aiocoapPython();
    const [settings = "", , credentials = ""] = block("python", "aiocoap, OSCORE").split("\n");
    await write("python/settings.json", settings);
    const base = `coap://127.0.0.1:${instrument.port}`;
    const own = credentials
      .replace("coap://SERVER", base)
      .replace('"python/"', JSON.stringify(`${join(instrument.folder, ".client", "python")}/`));
    const file = await write("credentials.json", own);
    const client = (...args: string[]) =>
      run(python, ["-m", "aiocoap.cli.client", "--credentials", file, ...args]);
    const put = await client("-m", "PUT", "--payload", '"open"', `${base}/shutters/upwelling`);
    assert.equal(put.status, 0, put.stderr);
    assert.ok(await isOpen());
    const get = await client(`${base}/shutters/upwelling`);
    assert.match(get.stdout.toString(), /open/);
    const refused = await client("-m", "PUT", "--payload", "true", `${base}/datadir/mount`);
    assert.match(`${refused.stdout.toString()}${refused.stderr}`, /4\.03|needs role admin/);
  });

  test("vscope over TLS and TCP", async () => {
    const key = await write("laptop.key", block("laptop", "vscope: save as"));
    const { tls, tcp } = instrument.server.ports;
    for (const url of [`coaps+tcp://127.0.0.1:${tls}`, `coap+tcp://127.0.0.1:${tcp}`]) {
      const put = await vscope(["--key", key, "put", "/shutters/upwelling", "open"], { url });
      assert.deepEqual([put.code, put.errors], [0, ""], url);
      assert.ok(await isOpen());
      const refused = await vscope(["--key", key, "put", "/datadir/mount", "true"], { url });
      assert.match(refused.errors, /needs role admin, key laptop has operate\n$/);
      await vscope(["--key", key, "put", "/shutters/upwelling", "closed"], { url });
    }
    const url = `coap+tcp://127.0.0.1:${tcp}`;
    assert.equal((await vscope(["get", "/shutters/upwelling"], { url })).code, 4);
    const wrong = await write(
      "wrong.key",
      block("laptop", "vscope: save as").replace(/("secret":")\w/, "$10"),
    );
    const stranger = await vscope(["--key", wrong, "get", "/shutters"], {
      url: `coaps+tcp://127.0.0.1:${tls}`,
    });
    assert.equal(stranger.code, 3, stranger.errors);
  });

  test("libcoap over TLS", async () => {
    const [, options = ""] =
      /coap-client-openssl (-u libcoap -k \w+) coaps\+tcp/.exec(handouts.get("libcoap") ?? "") ?? [];
    const url = `coaps+tcp://127.0.0.1:${instrument.server.ports.tls}/shutters/upwelling`;
    const client = (...args: string[]) =>
      run(coapClientWithTls(), [...options.split(" "), "-B", "20", ...args, url]);
    const put = await client("-m", "put", "-e", '"open"');
    assert.equal(put.stderr, "");
    assert.ok(await isOpen());
    assert.equal((await client("-m", "get")).stdout.toString().trim(), '"open"');
  });
});
