// vscope-server as a process: start, refusals, background, signals, exit codes.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { NEVER } from "../src/base/abort.ts";
import { SystemClock } from "../src/base/clock.ts";
import { CoapClient } from "../src/coap/client/client.ts";
import { EXIT_CODES } from "../src/daemon/exit-codes.ts";
import { Program, runProgram } from "./support/program.ts";

const clock = new SystemClock();
/** A state folder of its own: nothing is written to this computer's. */
const SECURITY = /\[security\]\nstate = .*\n/;

describe("vscope-server", { timeout: 240_000 }, () => {
  let folder: string;
  let count = 0;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "vscope-main-"));
  });
  after(() => rm(folder, { recursive: true }));

  /** A configuration file of its own, with emulated hardware, on a port that the system chooses unless one is given. */
  const configuration = async (port = 0): Promise<string> => {
    count += 1;
    const file = join(folder, `server-${count}.cfg`);
    const data = join(folder, `data-${count}`);
    await writeFile(
      file,
      `[coap]\naddress = 127.0.0.1\nport = ${port}\n[security]\nstate = ${data}-state\n[datadir]\ndatadir = ${data}\n[hardware]\nusb = emulated\ngpio = emulated\n`,
    );
    return file;
  };

  const portOf = async (program: Program): Promise<number> => {
    const { port }: { port: number } = JSON.parse(await program.line("CoAP server listens"));
    return port;
  };

  const post = async (port: number, path: readonly string[], value: unknown): Promise<string> => {
    const client = await CoapClient.open({ host: "127.0.0.1", port, clock });
    const reply = await client.request(
      { method: "POST", path, payload: Buffer.from(JSON.stringify(value)) },
      NEVER,
    );
    await client.close();
    return `${reply.code} ${Buffer.from(reply.payload).toString()}`;
  };

  test("--version and --help print and end with 0", async () => {
    const version = await runProgram("--version");
    assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
    assert.equal(version.status, 0);
    const help = await runProgram("--help");
    assert.equal(help.status, 0);
    for (const option of ["-s", "-d", "-l", "-D", "-p", "-L", "-o", "-m", "--emulate", "--check"]) {
      assert.ok(help.stdout.includes(option), option);
    }
  });

  test("mistakes on the command line and in files end with 2 and name file, line and key", async () => {
    const unknown = await runProgram("--emulat");
    assert.equal(unknown.status, EXIT_CODES.configuration.code);
    assert.match(unknown.stderr, /^vscope-server: command line: unknown option '--emulat'/);
    const absent = await runProgram("-s", join(folder, "absent.cfg"));
    assert.equal(absent.status, EXIT_CODES.configuration.code);
    assert.match(absent.stderr, /absent\.cfg: cannot be read: ENOENT/);
    const wrong = join(folder, "wrong.cfg");
    await writeFile(wrong, "[coap]\nprot = 5683\nport = many\n");
    const mistakes = await runProgram("-s", wrong);
    assert.equal(mistakes.status, EXIT_CODES.configuration.code);
    assert.match(mistakes.stderr, /wrong\.cfg:2: coap\.prot: unknown key, did you mean port\?/);
    assert.match(mistakes.stderr, /wrong\.cfg:3: coap\.port: 'many' is not an integer in 0\.\.65535/);
  });

  test("a second server on the port or the data directory is refused with 3", async () => {
    const first = new Program(["-s", await configuration()]);
    const port = await portOf(first);
    await first.line("is ready");
    const samePort = await runProgram("-s", await configuration(port));
    assert.equal(samePort.status, EXIT_CODES.conflict.code, samePort.stderr);
    assert.match(samePort.stderr, new RegExp(`${port}`));
    const sameData = await runProgram("-s", await configuration(), "-o", join(folder, `data-${count - 2}`));
    assert.equal(sameData.status, EXIT_CODES.conflict.code, sameData.stderr);
    assert.equal((await first.stop()).status, 0);
  });

  test("SIGTERM in the middle of a recording ends it within 2 s; files are whole and shutters closed", async () => {
    const program = new Program(["-s", await configuration()]);
    const data = join(folder, `data-${count}`);
    const port = await portOf(program);
    await program.line("is ready");
    assert.match(await post(port, ["acquisition", "record"], { run: "term", sequences: 1000 }), /^2\.01 /);
    const isRecording = async (): Promise<boolean> =>
      existsSync(join(data, "term")) &&
      (await readdir(join(data, "term"))).filter((name) => name.endsWith(".pico")).length >= 3;
    await program.until(isRecording);
    const startUs = clock.nowUs();
    const { status, stdout } = await program.stop();
    assert.equal(status, 0);
    assert.ok(clock.nowUs() - startUs < 2_500_000, `stopping took ${clock.nowUs() - startUs} us`);
    assert.match(stdout, /"state":"cancelled"[^]*"msg":"stopped"/);
    for (const name of await readdir(join(data, "term"))) {
      assert.ok(!name.endsWith(".part"), name);
      if (name.endsWith(".pico")) JSON.parse(await readFile(join(data, "term", name), "utf8"));
    }
  });

  test("usb_log holds what goes over USB, to the end", async () => {
    const config = await configuration();
    const log = join(folder, "usb.log");
    await writeFile(config, `${await readFile(config, "utf8")}usb_log = ${log}\n`);
    const program = new Program(["-s", config]);
    const port = await portOf(program);
    await program.line("is ready");
    assert.match(await post(port, ["acquisition", "record"], { run: "usb", sequences: 1 }), /^2\.01 /);
    await program.line("operation ended");
    await program.stop();
    const lines = (await readFile(log, "utf8")).trimEnd().split("\n");
    const kinds = [/ open 2457:/, / > 01 01$/, / > 01 09$/, / < 82 /, / close$/];
    for (const kind of kinds)
      assert.ok(
        lines.some((line) => kind.test(line)),
        String(kind),
      );
    assert.match(lines.at(-1) ?? "", / close$/, "the end is not lost");
  });

  test("in the background: PID file, second start refused, end by SIGTERM, stale file recovered", async () => {
    const config = await configuration();
    const pidFile = join(folder, "background.pid");
    const args = ["-s", config, "-D", "-p", pidFile, "-L", join(folder, "background.log")];
    const started = await runProgram(...args);
    assert.equal(started.status, 0, started.stderr);
    const pid = Number((await readFile(pidFile, "utf8")).split("\n")[0]);
    assert.match(started.stdout, new RegExp(`PID ${pid}`));
    const second = await runProgram(...args);
    assert.equal(second.status, EXIT_CODES.conflict.code);
    assert.match(second.stderr, new RegExp(`${pid}`));
    process.kill(pid, "SIGKILL");
    while (isRunning(pid)) await clock.delay(10_000, NEVER);
    assert.ok(existsSync(pidFile), "a killed server cannot remove its file");
    const again = await runProgram(...args);
    assert.equal(again.status, 0, again.stderr);
    const next = Number((await readFile(pidFile, "utf8")).split("\n")[0]);
    assert.notEqual(next, pid);
    process.kill(next, "SIGTERM");
    while (existsSync(pidFile)) await clock.delay(10_000, NEVER);
  });

  test("a start in the background that fails tells why and ends with the same code", async () => {
    const config = await configuration();
    const failed = await runProgram(
      "-s",
      config,
      "-o",
      "/proc/nowhere",
      "-D",
      "-p",
      join(folder, "failed.pid"),
    );
    assert.equal(failed.status, EXIT_CODES.datadir.code, failed.stderr);
    assert.match(failed.stderr, /proc\/nowhere: no such file or folder/);
    assert.equal(existsSync(join(folder, "failed.pid")), false);
  });

  test("SIGHUP reopens the log file", async () => {
    const file = join(folder, "server.log");
    const program = new Program(["-s", await configuration(), "-l", file]);
    const holds = async (text: string): Promise<boolean> =>
      existsSync(file) && (await readFile(file, "utf8")).includes(text);
    await program.until(() => holds("is ready"));
    await rename(file, `${file}.1`);
    program.child.kill("SIGHUP");
    await program.until(() => holds("log reopened"));
    assert.equal((await program.stop()).status, 0);
    assert.ok(await holds("stopped"));
  });

  test("--check prints what it finds and ends with 0; missing hardware ends with 4", async () => {
    const config = await configuration();
    // It has no [security]; --check writes nothing.
    await writeFile(config, (await readFile(config, "utf8")).replace(SECURITY, ""));
    const good = await runProgram("-s", config, "--check");
    assert.match(good.stdout, /^TLS +opens with the first key: tls 5684$/m);
    assert.equal(good.status, 0, good.stderr);
    assert.match(good.stdout, /spectrometer +FLMS01859: Flame-S, 2048 pixels, \d+ to \d+ nm, emulated/);
    assert.match(good.stdout, /shutter +upwelling: closed/);
    assert.match(good.stdout, /^CoAP +127\.0\.0\.1: udp 0, tcp 0$/m);
    assert.match(good.stdout, /^state +\/var\/lib\/vscope: /m);
    assert.equal(good.stdout.match(/^warning +.*server-\d+\.cfg: no \[security\]: /gm)?.length, 1);
    assert.ok(!existsSync(join(folder, `data-${count}`)), "nothing is made");
    const bare = join(folder, "bare.cfg");
    await mkdir(join(folder, `data-${count}`));
    await writeFile(
      join(folder, `data-${count}`, "vscope.config"),
      "[channels]\n[[shutter_1]]\ndirection = upwelling\n",
    );
    await writeFile(
      bare,
      `[datadir]\ndatadir = ${join(folder, `data-${count}`)}\n[hardware]\nusb = none\ngpio = none\n`,
    );
    const missing = await runProgram("-s", bare, "--check");
    assert.equal(missing.status, EXIT_CODES.hardware.code, missing.stdout);
    assert.match(missing.stdout, /no spectrometer on the bus/);
    assert.doesNotMatch(missing.stdout, /no channel/);
    await writeFile(join(folder, `data-${count}`, "vscope.config"), "[channels]\n");
    const dumb = await runProgram("-s", config, "--check");
    assert.equal(dumb.status, EXIT_CODES.hardware.code, dumb.stdout);
    assert.match(dumb.stdout, /^missing +no channel is configured, nothing can be recorded$/m);
  });

  test("--check and the start end with 2 for logs, TLS and addresses that cannot be used", async () => {
    const beneathFile = join(await configuration(), "x.log");
    const faults: readonly (readonly [string, RegExp])[] = [
      [`[security]\naudit_log = ${beneathFile}\n`, /: security\.audit_log: .*x\.log: cannot be written, E/],
      [`[logging]\nlogfile = ${beneathFile}\n`, /: logging\.logfile: .*x\.log: cannot be written, E/],
      ["[coap]\naddress = 192.0.2.7\n", /192\.0\.2\.7/],
      [
        "[coap]\ntls_certificate = /none.pem\ntls_key = /none.key\n",
        /coap\.tls_certificate: \/none\.pem: cannot be read/,
      ],
      [
        "[coap]\ntls_port = 5999\nwebsocket_tls_port = 5999\n",
        /coap\.websocket_tls_port: 5999 is coap\.tls_port already/,
      ],
    ];
    for (const [text, message] of faults) {
      const file = await configuration();
      const own = (await readFile(file, "utf8")).replace(/^\[coap\]\naddress.*\nport.*\n/, "");
      const lines = own.replace(SECURITY, "");
      const coap = text.startsWith("[coap]") ? "" : "[coap]\naddress = 127.0.0.1\nport = 0\n";
      const keys = text.startsWith("[security]") ? "" : "[security]\n";
      const none = `${keys === "" ? text : `${text}${keys}`}keys = ${join(folder, "none.keys")}\nstate = ${join(folder, "none-state")}\n`;
      await writeFile(file, `${coap}${none}${lines}`);
      for (const more of [["--check"], []]) {
        const ended = await runProgram("-s", file, ...more);
        assert.equal(ended.status, EXIT_CODES.configuration.code, `${text} ${more.join("")} ${ended.stdout}`);
        assert.match(ended.stderr, message);
      }
    }
  });

  test("piccolo3's files start a server, with warnings for what is ignored", async () => {
    const data = join(folder, "piccolo-data");
    const config = join(folder, "piccolo.cfg");
    await writeFile(
      config,
      `[coap]\naddress = '127.0.0.1' # loopback\nport = 0\n[security]\nstate = ${data}-state\n[datadir]\n  datadir = ${data}\n[jsonrpc]\n  rpcLogging = False\n`,
    );
    await mkdir(data);
    await writeFile(
      join(data, "piccolo.config"),
      "[channels]\n  [[shutter_2]]\n    direction = upwelling\n    reverse = True # polarity?\n    fibreDiameter = 600 # micrometres\n  [[shutter_1]]\n    direction = downwelling\n    reverse = True\n    fibreDiameter = 400\n[spectrometers]\n  [[dummy_QEP00114]]\n    detectorTemperature = float(default=None)\n[NoAutoAdjust]\n    [[FLMT01859]]\n        saturationLevel = 32000\n",
    );
    const program = new Program(["-s", config, "--emulate"]);
    await program.line("is ready");
    const { stdout } = await program.stop();
    assert.match(stdout, /NoAutoAdjust/);
    assert.match(stdout, /jsonrpc/);
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
