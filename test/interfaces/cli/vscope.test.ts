// The commands that read and write resources, as processes against a server on loopback: output and exit codes.

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { defaultServerUrl } from "../../../src/client/server-url.ts";
import { Cell } from "../../../src/base/cell.ts";
import { FakeServer } from "../../client/fake-server.ts";
import { sampleFile } from "../../client/sample-spectra.ts";
import { vscope } from "./spawn-vscope.ts";

const INTEGRATION_TIME = "/spectrometers/FLMS01859/integration-time/upwelling";

let server: FakeServer;
let url: string;
let folder: string;

before(async () => {
  server = await FakeServer.start();
  url = server.url;
  folder = await mkdtemp(join(tmpdir(), "vscope-"));
});

after(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

test("list shows the tree with values, units and titles", async () => {
  const { code, out, errors } = await vscope(["list"], { url });
  assert.equal(errors, "");
  assert.equal(code, 0);
  const lines = out
    .split("\n")
    .map((line) => line.replaceAll(/ {2,}/g, (spaces, at) => (at === 0 ? spaces : "|")));
  assert.deepEqual(lines, [
    "/acquisition",
    "  record|Records a batch",
    "  status|What is being recorded",
    "/shutters",
    "  upwelling|closed|State of a shutter",
    "/spectrometers|All spectrometers",
    "  FLMS01859",
    "    integration-time",
    "      upwelling|250000 us|Integration time of the next spectrum",
    "    wavelengths|(nm)|Wavelength of every pixel",
    "",
  ]);
});

test("list takes a part of the tree, --long and --json", async () => {
  const long = await vscope(["list", "/shutters", "--long"], { url });
  assert.match(long.out, /^\/shutters\n {2}upwelling +closed +State of a shutter +obs rt=vscope ct=50,60\n$/);
  const { out } = await vscope(["--json", "list", "/shutters"], { url });
  assert.deepEqual(JSON.parse(out), [
    {
      path: "/shutters/upwelling",
      title: "State of a shutter",
      observable: true,
      contentFormats: [50, 60],
      value: "closed",
    },
  ]);
});

test("get prints a value with its unit, and exactly with --json", async () => {
  assert.deepEqual(await vscope(["get", INTEGRATION_TIME], { url }), {
    code: 0,
    out: "250000 us\n",
    errors: "",
  });
  assert.equal((await vscope(["get", INTEGRATION_TIME, "--json"], { url })).out, "250000\n");
  const wavelengths = `/spectrometers/FLMS01859/wavelengths`;
  assert.equal(
    (await vscope(["get", wavelengths], { url })).out,
    "340, 340.25, 340.5 .. 851.75 nm (2048 values)\n",
  );
  assert.equal(JSON.parse((await vscope(["get", wavelengths, "--json"], { url })).out).length, 2048);
  assert.equal((await vscope(["get", "/spectrometers"], { url })).out, "serial     state\nFLMS01859  idle\n");
  assert.equal((await vscope(["get", "/datadir/configuration"], { url })).out, "[a]\nb = 1\n");
});

test("put sends JSON, bare text, a file and standard input", async () => {
  await writeFile(join(folder, "vscope.config"), "[channels]\n");
  const commands = [
    [["put", INTEGRATION_TIME, "5000"], `PUT ${INTEGRATION_TIME} 5000`],
    [["put", "/shutters/upwelling", "open"], 'PUT /shutters/upwelling "open"'],
    [["put", "/shutters/upwelling", '{"a":[1]}'], 'PUT /shutters/upwelling {"a":[1]}'],
    [["put", "/shutters/upwelling", "-5"], "PUT /shutters/upwelling -5"],
    [["put", "/datadir/configuration", "@vscope.config"], "PUT /datadir/configuration [channels]\n"],
    [["put", "/datadir/configuration", "-"], "PUT /datadir/configuration from a pipe"],
    [["put", "/shutters/upwelling", '"closed"', "--json"], 'PUT /shutters/upwelling "closed"'],
  ] as const;
  for (const [args, change] of commands) {
    const { code, out, errors } = await vscope(args, { url, cwd: folder, input: "from a pipe" });
    assert.equal(errors, "");
    assert.equal(code, 0);
    assert.equal(server.changes.at(-1), change);
    if (args.at(-1) === "--json")
      assert.deepEqual(JSON.parse(out), { path: "/shutters/upwelling", bytes: 8 });
    else assert.equal(out, "");
  }
});

const REFUSED = [
  [["put", INTEGRATION_TIME, "1"], "FLMS01859: 1 us is outside 1000..655350000 us"],
  [["get", "/nothing"], "/nothing: no such resource"],
  [["get", "/acquisition/record"], "/acquisition/record: has no GET, only POST"],
  [["observe", "/nothing"], "/nothing: no such resource"],
  [["runs", "other"], "run other: not found"],
  [["list", "/nothing"], "/nothing: the server lists no such resource"],
  [["download", "plot10", "x.pico"], "plot10: has no file x.pico"],
  [["record", "-r", "../x"], 'run "../x": only letters, digits, space, . _ and - are allowed'],
] as const;

for (const [args, message] of REFUSED) {
  test(`${args.join(" ")} is refused with 4 and the server's text`, async () => {
    assert.deepEqual(await vscope(args, { url }), { code: 4, out: "", errors: `vscope: ${message}\n` });
  });
}

test("a server that cannot is 5", async () => {
  const { code, errors } = await vscope(["record", "-r", "full"], { url });
  assert.equal(code, 5);
  assert.equal(errors, "vscope: data directory: 0 bytes free, 64000000 are the reserve\n");
});

test("events of a run, and what a crash left of it", async () => {
  const events = [{ utc: "2026-06-21T12:00:00.000000Z", event: "interrupted", batch: 3 }, { torn: '{"ev' }];
  server.values.set("datadir/runs/crashed/events", new Cell<unknown>({ total: 2, events }));
  const told = await vscope(["runs", "crashed", "--events"], { url });
  assert.equal(
    told.out,
    `2026-06-21 12:00:00  interrupted  batch=3\n${"-".padEnd(19)}    torn={"ev\n`,
    told.errors,
  );
  const part = { file: "b.pico.part", bytes: 8, modified: "2026-06-20T22:00:00.000000Z" };
  server.values.set(
    "datadir/runs/crashed",
    new Cell<unknown>({ name: "crashed", total: 0, files: [], unfinished: [part] }),
  );
  const { errors } = await vscope(["runs", "crashed"], { url });
  assert.equal(errors, "unfinished, no data: b.pico.part, 8 B, of 2026-06-20 22:00:00\n");
});

const USAGE = [
  [["find", "--near", "55.92,-3.17,"], /--near: "55.92,-3.17," is not latitude,longitude,metres/],
  [["find", "--near", "55.92,,500"], /--near: "55.92,,500" is not latitude,longitude,metres/],
  [["find", "--sun", "40.. "], /--sun: "40.. " is no range/],
  [["runs", "--events"], /--events: of which run\?/],
  [[], /Usage: vscope/],
  [["bogus"], /unknown command 'bogus'/],
  [["get"], /missing required argument 'path'\n\(vscope get --help tells more\)/],
  [["key", "new"], /missing required argument 'name'\n\(vscope key new --help tells more\)/],
  [["get", "/x", "--bogus"], /unknown option '--bogus'/],
  [["get", "/x", "--url", "http://x"], /expected coap:\/\/host/],
  [["get", "/x", "--timeout", "0"], /--timeout: 0 is outside 0.1..86400/],
  [["record", "-n", "0"], /-n: 0 is outside 1..100000/],
  [["record", "-n", "1e3"], /-n: "1e3" is not a whole number in digits/],
  [["record", "--auto", "x"], /--auto: "x" is not a whole number in digits/],
  [["record", "--autointegrate=-2"], /--auto: -2 is outside -1..100000/],
  [["record", "--order", "random"], /Allowed choices are turns, interleaved/],
  [["record", "--target", "95"], /--target: 95 is outside 10..90/],
  [["put", "/x", "@no/such/file"], /@no\/such\/file: the file cannot be read/],
  [["show", "nothing"], /nothing: no such file here, and not RUN\/FILE.pico of the server/],
  [["show", "a.pico", "b.pico", "--svg", "x.svg"], /--svg: takes one file at a time/],
  [["reindex", "no/such/folder"], /no\/such\/folder: no such folder/],
  [["verify"], /which data directory\? give its folder here, or --server/],
  [["verify", ".", "--server"], /one of them, a folder here or the server's/],
  [["verify", ".", "--since", "noon"], /--since: "noon" is not a day such as/],
] as const;

for (const [args, message] of USAGE) {
  test(`vscope ${args.join(" ")} is a mistake on the command line`, async () => {
    const { code, out, errors } = await vscope(args, { url });
    assert.match(errors, message);
    assert.equal(out, "");
    assert.equal(code, 2);
  });
}

test("a refused port and a silent one are 3, with the address", async () => {
  const gone = await FakeServer.start();
  await gone.close();
  const refused = await vscope(["get", "/x", "--url", gone.url]);
  assert.equal(refused.errors, `vscope: nothing listens at ${gone.url}; is vscope-server running there?\n`);
  assert.equal(refused.code, 3);
  const silent = createSocket("udp4");
  await new Promise<void>((resolve) => silent.bind(0, "127.0.0.1", resolve));
  try {
    const address = `coap://127.0.0.1:${silent.address().port}`;
    for (const args of [["get", "/x"], ["list"], ["observe", "/x"], ["record"]]) {
      const { code, errors } = await vscope([...args, "--timeout", "0.2", "--url", address]);
      assert.equal(
        errors,
        `vscope: no answer from ${address} within 0.2 s; is vscope-server running there?\n`,
      );
      assert.equal(code, 3);
    }
  } finally {
    silent.close();
  }
});

test("observe prints a line for each change and ends after --count", async () => {
  const cell = server.values.get("shutters/upwelling");
  cell?.set("closed");
  const observed = vscope(["observe", "/shutters/upwelling", "--count", "2"], {
    url,
    watch: (text) => text.includes("closed") && cell?.set("open"),
  });
  const { code, out } = await observed;
  assert.match(out, /^\d\d:\d\d:\d\d\.\d{3} {2}closed\n\d\d:\d\d:\d\d\.\d{3} {2}open\n$/);
  assert.equal(code, 0);
});

test("observe of what cannot be observed prints the value, says so and ends with 1", async () => {
  const { code, out, errors } = await vscope(["observe", "/datadir/runs", "--json"], { url });
  assert.equal(JSON.parse(out).value.total, 1);
  assert.equal(errors, "vscope: /datadir/runs: cannot be observed, this is its present value\n");
  assert.equal(code, 1);
});

test("observe of what the server has no room to observe says so, but not after --count lines", async () => {
  const full = await FakeServer.start("127.0.0.1", { observers: 0 });
  try {
    const { code, errors } = await vscope(["observe", INTEGRATION_TIME], { url: full.url });
    const text = `vscope: ${INTEGRATION_TIME}: the server has no room for another observation, `;
    assert.equal(errors, `${text}this is the present value\n`);
    assert.equal(code, 1);
    const once = await vscope(["observe", INTEGRATION_TIME, "--count", "1"], { url: full.url });
    assert.deepEqual([once.code, once.errors], [0, ""]);
  } finally {
    await full.close();
  }
});

test("an empty VSCOPE_URL or VSCOPE_KEY counts as unset", async (t) => {
  const { VSCOPE_URL: before } = process.env;
  t.after(() => {
    delete process.env["VSCOPE_KEY"];
    if (before === undefined) delete process.env["VSCOPE_URL"];
    else process.env["VSCOPE_URL"] = before;
  });
  process.env["VSCOPE_KEY"] = "";
  const { code, errors } = await vscope(["get", INTEGRATION_TIME], { url });
  assert.deepEqual([code, errors], [0, ""]);
  process.env["VSCOPE_URL"] = "";
  assert.equal(defaultServerUrl(), "coap://localhost");
  process.env["VSCOPE_URL"] = "coap://box";
  assert.equal(defaultServerUrl(), "coap://box");
});

test("a key file with a member missing names it, and no secret", async () => {
  const key = join(folder, "part.key");
  const secret = "s".repeat(32);
  await writeFile(key, JSON.stringify({ name: "x", id: "x", secret, salt: "00" }), { mode: 0o600 });
  const { code, errors } = await vscope(["get", "/x", "--key", key], { url });
  assert.match(errors, /part\.key: not a key, serverId missing or wrong; expected the line of JSON/);
  assert.ok(!errors.includes(secret));
  assert.equal(code, 1);
});

test("what takes the connection and speaks no CoAP is told from what refuses it", async () => {
  // The one ends the connection, the other waits for what it understands.
  let connections = 0;
  const other = createServer((socket) => {
    socket.on("error", () => {});
    if (connections++ === 0) socket.end("HTTP/1.1 400\r\n\r\n");
    else socket.write("SSH-2.0-OpenSSH_9.2\r\n");
  });
  other.listen(0, "127.0.0.1");
  await once(other, "listening");
  const address = other.address();
  assert.ok(address !== null && typeof address === "object");
  const at = `coap+tcp://127.0.0.1:${address.port}`;
  try {
    for (const what of ["HTTP", "SSH"]) {
      const { code, errors } = await vscope(["get", "/x"], { url: at });
      assert.match(errors, /^vscope: coap\+tcp:.*: no CoAP over TCP there, another protocol\? /, what);
      assert.equal(code, 3);
    }
  } finally {
    other.close();
  }
  assert.match((await vscope(["get", "/x"], { url: at })).errors, /^vscope: nothing listens at coap\+tcp:/);
});

test("observe --json prints one JSON a line, and Ctrl-C ends it with 130", async () => {
  let isInterrupted = false;
  const { code, out, errors } = await vscope(["observe", INTEGRATION_TIME, "--json"], {
    url,
    // Once: a second Ctrl-C would end the program while it is ending.
    watch: (_, child) => {
      if (!isInterrupted) child.kill("SIGINT");
      isInterrupted = true;
    },
  });
  const [line = "", rest] = out.split("\n");
  assert.deepEqual(Object.keys(JSON.parse(line)), ["timeUtc", "value"]);
  assert.equal(rest, "");
  assert.equal(errors, "vscope: interrupted\n");
  assert.equal(code, 130);
});

test("runs lists the runs and the files of one", async () => {
  const runs = await vscope(["runs"], { url });
  assert.equal(runs.out, "name    files  bytes\nplot10      2  61234\n");
  assert.deepEqual(JSON.parse((await vscope(["runs", "--match", "x", "--json"], { url })).out), {
    total: 0,
    runs: [],
  });
  const files = await vscope(["runs", "plot10"], { url });
  assert.match(
    files.out,
    /^file +size\nb000001_s000000_dark.pico +\d+\.\d kB\nb000001_s000000_light.pico +\d+\.\d kB\n$/,
  );
});

test("download writes the files whole, and skips them the second time", async () => {
  const target = join(folder, "copy");
  const first = await vscope(["download", "plot10", "-o", target], { url });
  assert.equal(first.out, `2 files written to ${target}\n`);
  assert.equal(first.code, 0);
  assert.equal(first.errors.split("\n").length, 4);
  assert.deepEqual(await readdir(target), ["b000001_s000000_dark.pico", "b000001_s000000_light.pico"]);
  assert.equal(await readFile(join(target, "b000001_s000000_light.pico"), "utf8"), sampleFile("light"));
  const again = await vscope(["download", "plot10", "b000001_s000000_dark.pico", "-o", target, "--json"], {
    url,
  });
  assert.deepEqual(JSON.parse(again.out), { folder: target, written: [], skipped: 1 });
  assert.equal(again.errors, "");
});

test("download in bursts", async () => {
  const target = join(folder, "bursts");
  const { out } = await vscope(["download", "plot10", "-o", target, "--q-block"], { url });
  assert.equal(out, `2 files written to ${target}\n`);
  assert.equal(await readFile(join(target, "b000001_s000000_light.pico"), "utf8"), sampleFile("light"));
});

test("help and version", async () => {
  const help = await vscope(["--help"]);
  assert.match(help.out, /Exit codes:\n {4}0 {2}done\n/);
  assert.equal(help.code, 0);
  for (const name of [
    "servers",
    "find",
    "list",
    "get",
    "put",
    "observe",
    "record",
    "dark",
    "auto",
    "abort",
    "schedule",
    "plan",
    "runs",
    "download",
    "show",
    "verify",
    "reindex",
    "doctor",
  ]) {
    assert.match(help.out, new RegExp(`^  ${name} `, "m"));
    assert.match((await vscope([name, "--help"])).out, new RegExp(`Examples:\n  vscope ${name}`));
  }
  // Where no server is asked, how to ask one is left out.
  for (const [words, isServerless] of [
    [["get"], false],
    [["servers"], true],
    [["find"], false],
    [["key", "new"], true],
    [["key", "list"], true],
    [["key", "revoke"], true],
  ] as const) {
    const { out } = await vscope([...words, "--help"]);
    assert.match(out, new RegExp(`Examples:\n  (sudo )?vscope ${words.join(" ")}`));
    assert.match(out, /^ {2}--json /m);
    assert.equal(/^ {2}--timeout /m.test(out), !isServerless);
  }
  const version = await vscope(["-v"]);
  assert.match(version.out, /^\d+\.\d+\.\d+\n$/);
});
