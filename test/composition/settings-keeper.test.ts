// What is set of the spectrometers, over a restart of the server: the same bus, another rack, the same file.

import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { MS, SECOND } from "../../src/base/clock.ts";
import { logTo } from "../../src/base/log.ts";
import { SettingsKeeper } from "../../src/composition/settings-keeper.ts";
import { type Disk, SYSTEM_DISK } from "../../src/datadir/disk/disk.ts";
import { ClientLimits } from "../../src/instruments/client-limits.ts";
import type { Rack } from "../../src/instruments/rack.ts";
import type { SpectrometerSettings } from "../../src/instruments/spectrometer.ts";
import { RackBench } from "../instruments/spectrometer-bench.ts";

const UNITS = [
  { model: "STS", serial: "S00001" },
  { model: "QE Pro", serial: "QEP00709" },
] as const;

interface Session {
  readonly bench: RackBench;
  readonly rack: Rack;
  readonly limits: ClientLimits;
  readonly keeper: SettingsKeeper;
  readonly lines: readonly Record<string, unknown>[];
  readonly writes: () => number;
  readonly close: () => Promise<void>;
}

/** One life of the server, on its own instruments. */
async function session(
  folder: string,
  configured = (_serial: string): SpectrometerSettings => ({}),
): Promise<Session> {
  const bench = new RackBench({ spectrometers: UNITS });
  const rack = bench.another(bench.instrument.bus, configured);
  const limits = new ClientLimits();
  const lines: Record<string, unknown>[] = [];
  const log = logTo({ write: (line: string) => void lines.push(JSON.parse(line)) });
  let writes = 0;
  const create = (path: string): ReturnType<Disk["create"]> => {
    writes += 1;
    return SYSTEM_DISK.create(path);
  };
  const disk = { ...SYSTEM_DISK, create };
  const path = join(folder, "state", "settings.json");
  const keeper = await SettingsKeeper.open({ path, clock: bench.clock, log, limits, configured, disk });
  keeper.follow(rack);
  await bench.clock.run(rack.start(NEVER));
  const close = async (): Promise<void> => {
    await bench.clock.run(rack.close());
    await bench.clock.run(keeper.close());
    // The emulated devices finish the exposures that they had begun.
    await bench.clock.advance(120 * SECOND);
    assert.equal(bench.clock.pending, 0);
  };
  return { bench, rack, limits, keeper, lines, writes: () => writes, close };
}

async function folderOf(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "vscope-settings-"));
  context.after(() => rm(folder, { recursive: true }));
  return folder;
}

async function setAll({ bench: { clock }, rack, limits }: Session): Promise<void> {
  const sts = rack.spectrometer("S00001");
  sts.setIntegrationTimeUs("upwelling", 44 * MS);
  sts.setScans(7);
  for (const [name, value] of [
    ["boxcar", 3],
    ["binning", 1],
  ] as const)
    await clock.run(sts.controls.write(name, value, NEVER));
  await clock.run(rack.spectrometer("QEP00709").setTec({ setpointC: -8 }, NEVER));
  limits.of("QEP00709").set({ maxUs: SECOND });
}

function shown({ rack, limits }: Session) {
  return rack.spectrometers.value.map((one) => ({
    serial: one.serial,
    times: one.channels.map((channel) => one.integrationTimeUs(channel).value),
    scans: one.scans.value,
    limits: limits.of(one.serial).value,
    controls: one.controls.written.value,
  }));
}

test("everything is as it was, in the devices, too; the log says so", async (context) => {
  const folder = await folderOf(context);
  const first = await session(folder);
  await setAll(first);
  const before = shown(first);
  await first.close();
  const second = await session(folder);
  assert.deepEqual(shown(second), before);
  const { bench, rack } = second;
  const boxcar = await bench.clock.run(rack.spectrometer("S00001").controls.read("boxcar", NEVER));
  const tec = await bench.clock.run(rack.spectrometer("QEP00709").readTec(NEVER));
  assert.deepEqual([boxcar, tec.setpointC], [3, -8]);
  assert.equal(rack.spectrometer("S00001").identity.pixels, 512);
  const [line] = second.lines.filter(({ serial }) => serial === "S00001");
  assert.equal(line?.reason, "kept over the restart");
  assert.deepEqual(line?.integrationTimesUs, { downwelling: 100 * MS, upwelling: 44 * MS });
  await second.close();
  assert.equal(second.writes(), 0, "nothing has changed");
});

test("a power cut a few seconds after a change; many changes are one write", async (context) => {
  const folder = await folderOf(context);
  const first = await session(folder);
  const { bench, rack } = first;
  for (let us = 10 * MS; us < 60 * MS; us += MS)
    rack.spectrometer("S00001").setIntegrationTimeUs("upwelling", us);
  assert.equal(first.writes(), 0);
  await bench.clock.advance(5 * SECOND);
  assert.equal(first.writes(), 1);
  const second = await session(folder);
  assert.equal(second.rack.spectrometer("S00001").integrationTimeUs("upwelling").value, 59 * MS);
  await second.close();
  await first.close();
});

test("a spectrometer that is not there keeps its settings", async (context) => {
  const folder = await folderOf(context);
  const first = await session(folder);
  await setAll(first);
  await first.close();
  const path = join(folder, "state", "settings.json");
  const text = await readFile(path, "utf8");
  await writeFile(path, text.replace("S00001", "AWAY0001"));
  const second = await session(folder);
  second.rack.spectrometer("QEP00709").setScans(2);
  await second.close();
  assert.match(await readFile(path, "utf8"), /"AWAY0001"/);
});

test("a configuration that has changed goes before the integration times and the cooler that were kept", async (context) => {
  const folder = await folderOf(context);
  const first = await session(folder);
  await setAll(first);
  await first.close();
  const second = await session(folder, () => ({ initialIntegrationTimeUs: 20 * MS }));
  const [, sts] = shown(second);
  assert.deepEqual([sts?.times, sts?.scans], [[20 * MS, 20 * MS], 7]);
  second.rack.spectrometer("S00001").setIntegrationTimeUs("upwelling", 30 * MS);
  await second.close();
  const third = await session(folder, () => ({ initialIntegrationTimeUs: 20 * MS }));
  assert.deepEqual(shown(third)[1]?.times, [20 * MS, 30 * MS]);
  await third.close();
});

test("what makes no sense is left out with a warning, and the rest is set", async (context) => {
  const folder = await folderOf(context);
  const first = await session(folder);
  await setAll(first);
  await first.close();
  const path = join(folder, "state", "settings.json");
  const changed = (await readFile(path, "utf8"))
    .replace(/("upwelling": )44000/, "$1 -1")
    .replace('"boxcar"', '"wonder"')
    .replace(/"value": 1\b/, '"value": "many"');
  await writeFile(path, changed);
  const second = await session(folder);
  const [, sts] = shown(second);
  assert.deepEqual([sts?.times, sts?.scans, sts?.controls], [[100 * MS, 100 * MS], 7, []]);
  const reasons = second.lines.filter(({ level }) => level === 40).map(({ reason }) => String(reason));
  assert.equal(reasons.length, 3, reasons.join("; "));
  assert.match(reasons[0] ?? "", /^S00001: -1 us/);
  await second.close();
});

test("a file that is damaged is set aside", async (context) => {
  const folder = await folderOf(context);
  const first = await session(folder);
  await setAll(first);
  await first.close();
  const path = join(folder, "state", "settings.json");
  await writeFile(path, "{ torn");
  const second = await session(folder);
  assert.equal(await readFile(`${path}.damaged`, "utf8"), "{ torn");
  assert.deepEqual(await readdir(join(folder, "state")), ["settings.json.damaged"]);
  await second.close();
});
