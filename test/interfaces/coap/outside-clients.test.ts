// The instrument as users of other CoAP clients see it: discover, get, put, watch a recording, download, upload.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { decode } from "cborg";
import { aiocoapPython, coapCli, coapClient, ROOT, run } from "../../coap/support/outside-clients.ts";
import { CoapInstrument, textOf } from "../../support/coap-instrument.ts";

const TIME = "spectrometers/FLMS01859/integration-time/upwelling";
const LARGE_BYTES = 60_000;

describe("outside clients", () => {
  let server: CoapInstrument;
  let base: string;
  before(async () => {
    server = await CoapInstrument.start();
    base = `coap://127.0.0.1:${server.port}`;
  });
  after(() => server.close());

  /** A configuration of more than 5 kB that differs from the one before. */
  const longConfiguration = async (remark: string): Promise<Buffer> => {
    const old = textOf(await server.get("/datadir/configuration"));
    return Buffer.from(old + `# ${remark}, a remark of the operator\n`.repeat(150));
  };

  test("libcoap's coap-client", { timeout: 120_000 }, async () => {
    const client = (...args: string[]) => run(coapClient(), ["-B", "60", ...args]);
    const links = (
      await client("-m", "get", `${base}/.well-known/core?rt=vscope.shutters*`)
    ).stdout.toString();
    assert.match(links, /^<\/shutters>;.*<\/shutters\/downwelling>;.*<\/shutters\/upwelling>;/);
    await client("-m", "put", "-e", "41000", `${base}/${TIME}`);
    assert.equal((await client("-m", "get", `${base}/${TIME}`)).stdout.toString().trim(), "41000");
    assert.match((await client("-m", "put", "-e", "1", `${base}/${TIME}`)).stderr, /4\.22.*1 us is outside/);

    const isOver = (seen: Buffer): boolean => /"phase":"light"[^]*\{"phase":"idle"\}/.test(seen.toString());
    const watching = run(coapClient(), ["-s", "60", "-m", "get", `${base}/acquisition/status`], {
      enough: isOver,
    });
    await client("-m", "post", "-e", '{"run":"libcoap","sequences":2}', `${base}/acquisition/record`);
    const seen = (await watching).stdout.toString();
    for (const phase of ["dark", "light", "idle"]) assert.match(seen, new RegExp(`"phase":"${phase}"`));

    const target = join(server.folder, "downloaded");
    const file = "b000000_s000001_light.pico";
    await client("-m", "get", "-o", target, `${base}/datadir/runs/libcoap/${file}`);
    const downloaded = await readFile(target);
    assert.ok(downloaded.length > LARGE_BYTES, `${downloaded.length} bytes`);
    assert.deepEqual(downloaded, await readFile(join(server.folder, "libcoap", file)));

    const upload = await longConfiguration("libcoap");
    const source = join(server.folder, "upload");
    await writeFile(source, upload);
    await client("-m", "put", "-f", source, `${base}/datadir/configuration`);
    assert.equal(textOf(await server.get("/datadir/configuration")), upload.toString());
  });

  test("libcoap's coap-client asks for a part, patches, and takes other formats", {
    timeout: 60_000,
  }, async () => {
    const client = (...args: string[]) => run(coapClient(), ["-B", "30", ...args]);
    const ask = async (...args: string[]): Promise<string> =>
      (await client(...args)).stdout.toString().trim();
    await server.perform("/acquisition/record", { run: "parts", autointegrate: 0 });
    const spectrum = `${base}/spectrometers/FLMS01859/spectrum/upwelling`;
    const part = await ask("-m", "fetch", "-t", "50", "-e", '{"pixels":[0,4],"fields":["counts"]}', spectrum);
    assert.match(part, /^\{"counts":\[\d+,\d+,\d+,\d+\],"pixels":\[0,4\],"pixelsPerBin":1\}$/);
    assert.match(
      await ask("-m", "get", "-A", "110", `${base}/${TIME}`),
      /^\[\{"bn":.*"u":"s","v":[\d.]+\}\]$/,
    );
    const trigger = `${base}/spectrometers/FLMS01859/trigger`;
    await client("-m", "ipatch", "-t", "52", "-e", '{"timeoutS":7}', trigger);
    assert.match(await ask("-m", "get", trigger), /"mode":"[a-z-]+".*"timeoutS":7/);
    assert.match((await client("-m", "get", "-A", "41", trigger)).stderr, /4\.06.*50 \(JSON\)/);
  });

  test("coap-cli", { timeout: 120_000 }, async () => {
    const client = (args: readonly string[], options: Parameters<typeof run>[2] = {}) =>
      run(process.execPath, [coapCli(), ...args], options);
    const links = (await client(["get", `${base}/.well-known/core`])).stdout.toString();
    assert.match(links, /<\/acquisition\/record>/);
    await client(["put", `${base}/${TIME}`, "-p", "42000"]);
    assert.match((await client(["get", `${base}/${TIME}`])).stdout.toString(), /42000/);

    const isOver = (seen: Buffer): boolean => /"phase":"light"[^]*\{"phase":"idle"\}/.test(seen.toString());
    const watching = client(["get", "-o", `${base}/acquisition/status`], { enough: isOver });
    await client(["post", `${base}/acquisition/record`, "-p", '{"run":"coap-cli","sequences":2}']);
    const seen = (await watching).stdout.toString();
    for (const phase of ["dark", "light", "idle"]) assert.match(seen, new RegExp(`"phase":"${phase}"`));

    const downloaded = (
      await client(["get", "-q", "-n", `${base}/datadir/runs/coap-cli/b000000_s000001_light.pico`])
    ).stdout.toString();
    const whole = await readFile(join(server.folder, "coap-cli", "b000000_s000001_light.pico"), "utf8");
    assert.ok(whole.length > LARGE_BYTES);
    assert.ok(downloaded.includes(whole), "the file did not arrive whole");

    // coap-cli 0.7.1 cannot send a body in blocks (its library has no Block1), so its limit is one datagram.
    const upload = "[channels]\n  [[shutter_1]]\n    direction = downwelling\n# by coap-cli\n";
    await client(["put", "-p", upload, `${base}/datadir/configuration`]);
    assert.equal(textOf(await server.get("/datadir/configuration")), upload);
  });

  test("aiocoap", { timeout: 180_000 }, async () => {
    const script = join(ROOT, "test", "interfaces", "clients", "aiocoap-record.py");
    const { stdout, stderr, status } = await run(aiocoapPython(), [script, base]);
    assert.equal(status, 0, stderr);
    const seen: Record<string, unknown> = JSON.parse(stdout.toString());
    const { links, phases, fileBytes, uploadedBytes, ...exact } = seen;
    assert.deepEqual(exact, { time: 40_000, state: "done", spectra: 4, isStored: true });
    assert.ok(Number(links) > 30);
    assert.ok(Number(fileBytes) > LARGE_BYTES, `${String(fileBytes)} bytes`);
    assert.ok(Number(uploadedBytes) > 5_000);
    assert.ok(Array.isArray(phases));
    assert.deepEqual(
      [phases[0], phases.includes("dark"), phases.includes("light"), phases.at(-1)],
      ["idle", true, true, "idle"],
    );
  });

  test("aiocoap asks for parts, patches, watches with conditions and reads problems", {
    timeout: 120_000,
  }, async () => {
    await server.perform("/acquisition/record", { run: "parts", autointegrate: 0 });
    const script = join(ROOT, "test", "interfaces", "clients", "aiocoap-parts.py");
    const { stdout, stderr, status } = await run(aiocoapPython(), [script, base]);
    assert.equal(status, 0, stderr);
    const seen: Record<string, unknown> = JSON.parse(stdout.toString());
    const { multipart, part, problem, ...plain } = seen;
    assert.deepEqual(plain, {
      codes: ["2.03", "2.04", "4.12", "4.22"],
      problemFormat: 257,
      crossings: [10_000, 60_000, 20_000],
    });
    const parts: unknown = cborOf(multipart);
    assert.ok(Array.isArray(parts));
    const [first, metadata, second, counts]: unknown[] = parts;
    assert.ok(metadata instanceof Uint8Array && counts instanceof Uint8Array);
    assert.deepEqual([first, second, counts.length], [60, 42, 2048 * 4]);
    assert.equal(decode(metadata).serial, "FLMS01859");
    assert.deepEqual(Object.keys(Object(cborOf(part))), ["counts", "pixels", "pixelsPerBin"]);
    assert.deepEqual(
      cborOf(problem),
      new Map([
        [-1, "Well formed, but outside the limits the message names."],
        [-2, "FLMS01859: 1 us is outside 1000..655350000 us"],
        [-3, `/${TIME}`],
      ]),
    );
  });
});

/** Maps with numbers as keys stay maps. */
function cborOf(hex: unknown): unknown {
  const bytes = Buffer.from(String(hex), "hex");
  try {
    return decode(bytes);
  } catch {
    return decode(bytes, { useMaps: true });
  }
}
