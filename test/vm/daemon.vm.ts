// The server as it runs in the field: in the background with a PID file, as user vscope with the rules of etc/, on a
// computer whose header chip is named as on a Raspberry Pi and found without configuration.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { z } from "zod";
import { VscopeClient } from "../../src/client/vscope-client.ts";
import { EXIT_CODES } from "../../src/daemon/exit-codes.ts";
import { until } from "./rig/guest-server.ts";
import { Rig } from "./rig/rig.ts";
import { endTraces, startTraces } from "./rig/traces.ts";

const SERIAL = "FLMS01859";
const HEADER_LINES = 54;
const PINS = { open: 18, close: 17 } as const;
const PID_FILE = "/run/vscope/vscope.pid";
// The host is in the guest's network, where one may only read.
const CONFIG = "[security]\nallow = 10.0.2.2 admin\n[datadir]\ndatadir = /var/lib/vscope/vscope_data\n";
const INSTRUMENT = "[channels]\n  [[shutter_1]]\n    direction = upwelling\n";
const PATIENCE_MS = 120_000;
// As docs/how-to/run-as-a-service.md says.
const INSTALL = `groupadd --force --system plugdev && groupadd --force --system gpio
useradd --system --home-dir /var/lib/vscope --groups plugdev,gpio vscope
install -d -o vscope -g vscope /var/lib/vscope /var/lib/vscope/vscope_data /run/vscope
install -o vscope -g vscope -m 0644 /run/rig/vscope.config /var/lib/vscope/vscope_data/`;
const INSTALL_RULES = `cp /opt/vscope-server/etc/60-vscope.rules /etc/udev/rules.d/
udevadm control --reload && udevadm trigger && udevadm settle`;
const AS_USER = "setpriv --reuid=vscope --regid=vscope --init-groups --";
const START = `${AS_USER} vscope-server -s /run/rig/vscope.cfg -D -p ${PID_FILE} -L /run/vscope/server.log`;
const DOCTOR = `${AS_USER} vscope doctor -s /run/rig/vscope.cfg`;

let rig: Rig;
let client: VscopeClient;
before(async () => {
  rig = await Rig.boot("daemon", { spectrometers: [{ model: "Flame-S", serial: SERIAL }] });
  const { share, coapPort } = rig.machine;
  writeFileSync(join(share, "vscope.cfg"), CONFIG);
  writeFileSync(join(share, "vscope.config"), INSTRUMENT);
  await rig.insertGpioSim("pinctrl-bcm2711", HEADER_LINES);
  await rig.guest.run(INSTALL);
  client = await VscopeClient.connect(`coap://127.0.0.1:${coapPort}`, { timeoutS: 60 });
});
after(async () => {
  await client.close();
  await rig.guest.attempt("cp /run/vscope/server.log /run/rig/");
  await rig.end();
});

const isRunning = async (): Promise<boolean> =>
  (await rig.guest.attempt(`kill -0 $(head -n 1 ${PID_FILE})`)).status === 0;

test("vscope doctor names the udev rule that is missing, and says how to install it", async () => {
  const { status, output } = await rig.guest.attempt(DOCTOR);
  assert.equal(status, 1, output);
  assert.match(output, /^\d faults?, .*Flame-S at /m);
  assert.match(output, /fault .*Flame-S at [\d.-]+: .*is closed to vscope: no udev rule opens it/);
  assert.match(output, /fault .*60-vscope\.rules is not there/);
  assert.match(output, /> sudo cp .*60-vscope\.rules \/etc\/udev\/rules\.d/);
  await rig.guest.run(INSTALL_RULES);
});

test("it returns when the server answers; the PID file names its process, which is not root's", async () => {
  const { status, output } = await rig.guest.attempt(START);
  assert.equal(status, 0, output);
  const info = z.looseObject({ state: z.string() });
  const { state } = await client.getAs(["spectrometers", SERIAL], info);
  assert.notEqual(state, "disconnected");
  assert.equal(await rig.guest.run(`ps -o user=,comm= -p $(head -n 1 ${PID_FILE})`), "vscope   node");
});

test("vscope doctor finds nothing wrong beside the server that uses the spectrometer", async (context) => {
  const { status, output } = await rig.guest.attempt(DOCTOR);
  for (const line of output.split("\n")) context.diagnostic(line);
  assert.equal(status, 0, output);
  assert.match(output, /^no faults/);
  assert.match(output, /ok .*Flame-S at [\d.-]+: 2457:101e, 480 Mbit\/s, 500 mA, .*in use by vscope-server/);
  assert.match(output, /ok .*60-vscope\.rules, as this version has it/);
  assert.match(output, /ok .*answers at coap:\/\//);
});

test("a shutter of the chip that was found by its name moves, and a batch is recorded", async () => {
  await startTraces(rig.machine);
  const operation = await client.record({ run: "field", sequences: 1 });
  await operation.result(AbortSignal.timeout(PATIENCE_MS));
  const { lines } = await endTraces(rig.machine);
  const base = Number(
    await rig.guest.run(
      "grep -l pinctrl-bcm2711 /sys/class/gpio/gpiochip*/label | sed 's/label$/base/' | xargs cat",
    ),
  );
  const risen = lines.filter(({ level }) => level === 1).map(({ line }) => line - base);
  assert.ok(risen.includes(PINS.open) && risen.at(-1) === PINS.close, `lines ${risen.join()} of ${base}`);
  const { total } = await client.run("field");
  assert.equal(total, 2);
});

test("a second server with its PID file is refused, and changes nothing", async () => {
  const before = await rig.guest.run(`cat ${PID_FILE}`);
  const { status, output } = await rig.guest.attempt(START);
  assert.equal(status, EXIT_CODES.conflict.code, output);
  assert.match(output, /vscope\.pid: .*is running with this PID file/);
  assert.equal(await rig.guest.run(`cat ${PID_FILE}`), before);
  assert.ok(await isRunning());
});

test("the PID file of a killed server is taken over", async () => {
  await rig.guest.run(`kill -9 $(head -n 1 ${PID_FILE}); test -f ${PID_FILE}`);
  await until("its end", async () => ((await isRunning()) ? undefined : true));
  const { status, output } = await rig.guest.attempt(START);
  assert.equal(status, 0, output);
  const operation = await client.record({ run: "field", sequences: 1 });
  await operation.result(AbortSignal.timeout(PATIENCE_MS));
});

test("SIGTERM ends it and removes the PID file", async () => {
  await rig.guest.run(`kill $(head -n 1 ${PID_FILE})`);
  await until("its end", async () => ((await isRunning()) ? undefined : true));
  assert.equal((await rig.guest.attempt(`test -e ${PID_FILE}`)).status, 1);
});

test("systemd finds nothing wrong with the unit", async () => {
  const { status, output } = await rig.guest.attempt(
    "systemd-analyze verify /opt/vscope-server/etc/vscope-server.service",
  );
  assert.deepEqual([status, output], [0, ""]);
});
