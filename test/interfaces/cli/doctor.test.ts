// vscope doctor as a command: one screen of text or JSON, and its exit code. What it finds: test/doctor/.

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { SystemClock } from "../../../src/base/clock.ts";
import { askOverCoap } from "../../../src/doctor/server-process.ts";
import { diagnosisText } from "../../../src/interfaces/cli/commands/doctor.ts";
import { runVscope } from "../../../src/interfaces/cli/program.ts";
import { FakeServer } from "../../client/fake-server.ts";
import { type FixtureBox, writeBox } from "../../doctor/fixture-box.ts";
import { healthyBox, HR4000 } from "../../doctor/healthy-box.ts";
import { FakeTerminal } from "./fake-terminal.ts";

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "vscope-"));
});

after(() => rm(folder, { recursive: true }));

async function doctor(args: readonly string[]): Promise<{ code: number; out: string; errors: string }> {
  const terminal = new FakeTerminal();
  const code = await runVscope(["doctor", ...args], { terminal, clock: new SystemClock(), signal: NEVER });
  return { code, out: terminal.output, errors: terminal.errors };
}

async function copyOf(name: string, change: (box: FixtureBox) => void): Promise<string> {
  const box = healthyBox();
  // Files of a copy belong to whoever made it: who that is must not matter here.
  box.uid = process.geteuid?.() ?? 0;
  delete box.files["/etc/systemd/system/vscope-server.service"];
  change(box);
  await writeBox(box, join(folder, name));
  return join(folder, name);
}

test("a healthy box is 0 and fits on a screen of 24 lines", async () => {
  const { code, out, errors } = await doctor(["--root", await copyOf("healthy", () => {})]);
  assert.equal(errors, "");
  assert.equal(code, 0);
  const lines = out.split("\n");
  assert.equal(lines[0], "no faults, no warnings");
  assert.equal(lines[1], "spectrometers");
  assert.match(lines[2] ?? "", /^ {2}ok {5}HR4000 at 1-1\.2: 2457:1012, 480 Mbit\/s/);
  assert.ok(lines.length <= 24, `${lines.length} lines`);
  // Neither the network nor the space is that of the box.
  assert.doesNotMatch(out, /vscope-server:|free\n/);
});

test("a fault is 1, named in the first line, with its mend below it", async () => {
  const root = await copyOf("starved", (box) => {
    box.files["/sys/devices/platform/soc/soc:firmware/get_throttled"] = "1\n";
    box.files[`${HR4000}/speed`] = "12\n";
  });
  const { code, out, errors } = await doctor(["--root", root]);
  assert.equal(code, 1);
  assert.equal(errors, "vscope: doctor: 1 fault, see above\n");
  assert.match(out, /^1 fault, 1 warning: Raspberry Pi\n/);
  assert.match(out, /\n {2}fault {2}Raspberry Pi: under-voltage now .*\n {11}> a supply of 5\.1 V/);
  assert.match(out, /\n {2}warn {3}HR4000 at 1-1\.2: runs at 12 of 480/);
});

test("warnings alone are 0", async () => {
  const { code, out } = await doctor([
    "--root",
    await copyOf("slow", (box) => (box.files[`${HR4000}/speed`] = "12\n")),
  ]);
  assert.equal(code, 0);
  assert.match(out, /^no faults, 1 warning\n/);
});

test("--json has the same as data", async () => {
  const root = await copyOf("json", (box) => (box.files[`${HR4000}/authorized`] = "0\n"));
  const { code, out } = await doctor(["--root", root, "--json"]);
  assert.equal(code, 1);
  const { faults, warnings, findings } = JSON.parse(out);
  assert.deepEqual([faults, warnings], [1, 0]);
  const [found] = findings.filter(({ mark }: { mark: string }) => mark === "fault");
  assert.deepEqual(found, {
    section: "spectrometers",
    check: "usb-authorized",
    mark: "fault",
    subject: "HR4000 at 1-1.2",
    found: "the kernel does not let it in (authorized = 0; usbguard?)",
    mend: ["echo 1 | sudo tee /sys/bus/usb/devices/1-1.2/authorized"],
  });
});

test("-s names the configuration file, as with vscope-server", async () => {
  const root = await copyOf("named", () => {});
  await writeFile(join(root, "etc/other.cfg"), "[security]\n[hardware]\ngpio = none\n");
  const { out } = await doctor(["--root", root, "-s", "/etc/other.cfg"]);
  assert.match(out, /\n {2}ok {5}\/etc\/other\.cfg: valid\n/);
  assert.doesNotMatch(out, /GPIO/);
});

test("colour only on a terminal, and no control characters of devices", () => {
  const finding = {
    section: "clock",
    check: "clock",
    mark: "warn",
    subject: "a\u001b[2Jb",
    found: "c\nd",
    mend: ["e\r"],
  } as const;
  const diagnosis = { faults: 0, warnings: 1, findings: [finding] };
  assert.equal(
    diagnosisText(diagnosis, false),
    "no faults, 1 warning\nclock\n  warn   a?[2Jb: c?d\n           > e?",
  );
  assert.ok(diagnosisText(diagnosis, true).includes("\n  \u001b[33mwarn \u001b[0m  a"));
});

test("the real computer can be looked at, whatever it is", async () => {
  const { code, out } = await doctor(["-s", "test/none.cfg", "--json"]);
  assert.equal(code, 1); // the file is not there
  const { findings } = JSON.parse(out);
  const file = findings.find(({ check }: Record<string, string>) => check === "config-file");
  assert.deepEqual([file.subject, file.found], [resolve("test/none.cfg"), "not there"]);
});

test("a server that answers is asked for its version; a refused port and a silent one are told apart", async () => {
  const ask = askOverCoap(new SystemClock(), 1);
  const server = await FakeServer.start();
  assert.equal(await ask(server.url, NEVER), "0.0.0");
  await server.close();
  await assert.rejects(ask(server.url, NEVER), /^VscopeError: nothing listens at coap:/);
  const silent = createSocket("udp4");
  await new Promise<void>((resolve) => silent.bind(0, "127.0.0.1", resolve));
  try {
    await assert.rejects(
      ask(`coap://127.0.0.1:${silent.address().port}`, NEVER),
      /no answer from .* within 1 s/,
    );
  } finally {
    silent.close();
  }
});
