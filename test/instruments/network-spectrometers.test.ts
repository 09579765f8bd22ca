import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { SECOND } from "../../src/base/clock.ts";
import { isVscopeError } from "../../src/base/errors.ts";
import { type Log, SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { CombinedBus } from "../../src/drivers/net/combined-bus.ts";
import { modelNamed } from "../../src/drivers/oceanoptics/models.ts";
import type { UsbBus } from "../../src/drivers/usb/port.ts";
import { recordUsb } from "../../src/drivers/usb/recording-bus.ts";
import { createSpectrometer } from "../../src/emulator/device/create.ts";
import { Scene } from "../../src/emulator/light/scene.ts";
import type { NetworkFault } from "../../src/emulator/net/network-faults.ts";
import { VirtualNetwork } from "../../src/emulator/net/virtual-network.ts";
import { EmulatedUsbBus } from "../../src/emulator/usb/bus.ts";
import { Rack } from "../../src/instruments/rack.ts";
import type { Spectrum } from "../../src/spectra/spectrum.ts";
import { ADDRESS, busOf, farEndOf, OTHER_ADDRESS, searchingBusOf } from "../drivers/net/network-bench.ts";

class Bench {
  readonly clock = new VirtualClock();
  readonly network = new VirtualNetwork(this.clock);
  readonly warnings: string[] = [];
  #rack: Rack | undefined;

  async start(bus: UsbBus): Promise<Rack> {
    const log: Log = { ...SILENT, warn: (_, message) => this.warnings.push(message), child: () => log };
    const { clock } = this;
    const rack = new Rack({ bus, clock, log, channels: ["downwelling"], isSimulated: true });
    this.#rack = rack;
    await clock.run(rack.start(NEVER));
    return rack;
  }

  async acquire(serial: string, integrationTimeUs = 100_000): Promise<Spectrum> {
    assert.ok(this.#rack);
    const notBeforeUs = this.clock.nowUs();
    const request = { channel: "downwelling", kind: "light", integrationTimeUs, notBeforeUs } as const;
    return await this.clock.run(this.#rack.spectrometer(serial).acquire(request, NEVER));
  }

  /** Nothing is left behind. */
  async close(): Promise<void> {
    await this.clock.run(this.#rack?.close() ?? Promise.resolve());
    await this.clock.advance(120 * SECOND);
    assert.equal(this.clock.pending, 0, "timers are left behind");
  }
}

function scenario(name: string, run: (bench: Bench) => Promise<void>): void {
  test(name, async () => {
    const bench = new Bench();
    await run(bench);
    await bench.close();
  });
}

for (const model of ["Ocean FX", "HDX"] as const) {
  scenario(`${model}: found by a search, opened, measured`, async (bench) => {
    const { clock, network } = bench;
    network.attach(farEndOf(clock, model, "SN1"), ADDRESS);
    const rack = await bench.start(searchingBusOf({ clock, network }));
    assert.deepEqual(
      rack.spectrometers.value.map(({ serial, identity, status }) => [
        serial,
        identity.model,
        status.value.state,
      ]),
      [["SN1", model, "idle"]],
    );
    const spectrum = await bench.acquire("SN1");
    assert.equal(spectrum.counts.length, modelNamed(model).frame.pixels);
    assert.ok(Math.max(...spectrum.counts) > 3000, "there is light");
  });
}

scenario("a fixed address where nobody is is a problem, until somebody is", async (bench) => {
  const { clock, network } = bench;
  const rack = await bench.start(busOf({ clock, network }));
  assert.deepEqual(rack.problems.value, [
    {
      portPath: "192.0.2.7:57357",
      model: "unknown",
      code: "DEVICE_NOT_CONNECTED",
      message: "network 192.0.2.7:57357: connect ECONNREFUSED",
    },
  ]);
  assert.deepEqual(bench.warnings, ["network 192.0.2.7:57357: not usable, will be tried again"]);
  await clock.advance(100 * SECOND);
  assert.ok(bench.warnings.length < 15, "tried again with growing delays");
  network.attach(farEndOf(clock), ADDRESS);
  await clock.advance(15 * SECOND);
  assert.deepEqual(rack.problems.value, []);
  await bench.acquire("FX00042");
});

scenario(
  "a connection that ends while nobody measures is noticed, and the device comes back",
  async (bench) => {
    const { clock, network } = bench;
    const farEnd = farEndOf(clock);
    network.attach(farEnd, ADDRESS);
    const rack = await bench.start(busOf({ clock, network }));
    const spectrometer = rack.spectrometer("FX00042");
    network.detach(ADDRESS);
    await clock.advance(SECOND / 10);
    assert.equal(spectrometer.status.value.state, "recovering");
    assert.equal(spectrometer.status.value.reason, "network 192.0.2.7:57357: closed by the device");
    assert.equal(rack.problems.value.length, 1);
    network.attach(farEnd, ADDRESS);
    await clock.advance(15 * SECOND);
    assert.equal(spectrometer.status.value.state, "idle");
    assert.deepEqual(rack.problems.value, []);
    await bench.acquire("FX00042");
  },
);

scenario("a new address from DHCP is the same spectrometer, with its settings", async (bench) => {
  const { clock, network } = bench;
  const farEnd = farEndOf(clock);
  network.attach(farEnd, ADDRESS);
  const rack = await bench.start(searchingBusOf({ clock, network }));
  const spectrometer = rack.spectrometer("FX00042");
  spectrometer.setIntegrationTimeUs("downwelling", 12_345);
  network.detach(ADDRESS);
  network.attach(farEnd, OTHER_ADDRESS);
  await clock.advance(120 * SECOND);
  assert.deepEqual(rack.spectrometers.value, [spectrometer]);
  assert.equal(spectrometer.status.value.state, "idle");
  assert.equal(spectrometer.integrationTimeUs("downwelling").value, 12_345);
  assert.deepEqual(rack.problems.value, [], "the former address is forgotten");
  await bench.acquire("FX00042");
});

scenario("a device that is on USB already is not disturbed over the network", async (bench) => {
  const { clock, network } = bench;
  const usb = new EmulatedUsbBus(clock);
  const scene = new Scene(clock, { seed: 1, channels: { downwelling: "sky" } });
  usb.attach(createSpectrometer({ model: modelNamed("HDX"), serial: "HDX1", seed: 1, clock, scene }));
  const rack = await bench.start(new CombinedBus(usb, busOf({ clock, network })));
  const farEnd = farEndOf(clock, "HDX", "HDX1");
  network.attach(farEnd, ADDRESS);
  await clock.advance(10 * SECOND);
  assert.deepEqual(
    rack.problems.value.map(({ code, message }) => [code, message]),
    [["DEVICE_FAULT", "HDX1: a second device, at network 192.0.2.7:57357, has this serial number"]],
  );
  assert.equal(farEnd.isConnected, false);
  // Product id, length of the serial number, serial number: nothing that ends an exposure.
  const { answers } = farEnd.faults;
  assert.ok(answers > 0 && answers % 3 === 0, `${answers} answers`);
  await bench.acquire("HDX1");
});

scenario("a product that has no network, or is not known, is a problem with a name", async (bench) => {
  const { clock, network } = bench;
  const [known, unknown] = [farEndOf(clock), farEndOf(clock)];
  known.faults.start({ kind: "wrong-product", productId: 0x101e });
  unknown.faults.start({ kind: "wrong-product", productId: 0x9999 });
  network.attach(known, ADDRESS);
  network.attach(unknown, OTHER_ADDRESS);
  const rack = await bench.start(searchingBusOf({ clock, network, addresses: [ADDRESS] }));
  assert.deepEqual(rack.problems.value, [
    {
      portPath: "192.0.2.7:57357",
      model: "USB2000+",
      code: "DEVICE_PROTOCOL",
      message: "network 192.0.2.7:57357: USB2000+ (2457:101e) has no network",
    },
    {
      portPath: "192.0.2.8:57357",
      model: "unknown",
      code: "RESOURCE_NOT_FOUND",
      message: "network 192.0.2.8:57357: 2457:9999 is not in the table of models",
    },
  ]);
  assert.equal(known.isConnected, false);
});

scenario(
  "a device that closes every connection at once is tried again with growing delays",
  async (bench) => {
    const { clock, network } = bench;
    const farEnd = farEndOf(clock);
    farEnd.faults.start({ kind: "dropped" });
    network.attach(farEnd, ADDRESS);
    const rack = await bench.start(busOf({ clock, network }));
    await clock.advance(100 * SECOND);
    assert.ok(bench.warnings.length < 15, `${bench.warnings.length} tries`);
    assert.equal(rack.problems.value[0]?.code, "DEVICE_NOT_CONNECTED");
    farEnd.faults.end();
    await clock.advance(15 * SECOND);
    await bench.acquire("FX00042");
  },
);

function meanOf({ counts }: Spectrum): number {
  return [...counts].reduce((sum, count) => sum + count, 0) / counts.length;
}

/** Opens, measures twice, and says what came of it. The fault ends before the last measurement, which must succeed. */
async function survives(fault: NetworkFault): Promise<{ readonly answers: number; readonly code: string }> {
  const bench = new Bench();
  const { clock, network } = bench;
  const farEnd = farEndOf(clock);
  farEnd.faults.start(fault);
  network.attach(farEnd, ADDRESS);
  const rack = await bench.start(busOf({ clock, network }));
  let code = "none";
  try {
    await bench.acquire("FX00042");
    await bench.acquire("FX00042");
  } catch (error) {
    assert.ok(isVscopeError(error), String(error));
    code = error.code;
  }
  const { answers } = farEnd.faults;
  farEnd.faults.end();
  await clock.advance(60 * SECOND);
  assert.equal(rack.spectrometer("FX00042").status.value.state, "idle");
  const spectrum = await bench.acquire("FX00042");
  assert.equal(spectrum.integrationTimeUs, 100_000);
  await bench.close();
  return { answers, code };
}

// What may come of a fault. Before the device has told its serial number there is no such spectrometer.
const CODES = {
  cut: ["none", "RESOURCE_NOT_FOUND", "DEVICE_NOT_CONNECTED"],
  silent: ["none", "RESOURCE_NOT_FOUND", "DEVICE_TIMEOUT"],
  joined: ["none", "RESOURCE_NOT_FOUND", "DEVICE_TIMEOUT"],
  rubbish: ["none"],
} as const;

for (const kind of ["cut", "silent", "joined", "rubbish"] as const) {
  test(`${kind} at the N-th answer, for every N: the right error, and the next measurement is good`, async (context) => {
    const codes = new Set<string>();
    let nth = 1;
    for (; ; nth++) {
      const { answers, code } = await survives({ kind, nth });
      codes.add(code);
      if (answers < nth) break;
      assert.ok(nth < 200, "the scenario ends");
    }
    context.diagnostic(`${nth - 1} faults, ${[...codes].join(", ")}`);
    assert.deepEqual([...codes].toSorted(), [...CODES[kind]].toSorted());
    assert.ok(nth > 10, "there were faults");
  });
}

test("answers in pieces of one byte make no difference", async () => {
  assert.equal((await survives({ kind: "pieces" })).code, "none");
});

scenario("an aborted exposure leaves the connection, and the next spectrum is its own", async (bench) => {
  const { clock, network } = bench;
  const farEnd = farEndOf(clock);
  network.attach(farEnd, ADDRESS);
  const rack = await bench.start(busOf({ clock, network }));
  const spectrometer = rack.spectrometer("FX00042");
  const usual = await bench.acquire("FX00042", 20_000);
  for (const us of [0, 1000, 500_000, 5_000_000, 9_999_900, 10_003_000, 10_003_300]) {
    const controller = new AbortController();
    const notBeforeUs = clock.nowUs();
    const request = {
      channel: "downwelling",
      kind: "light",
      integrationTimeUs: 10_000_000,
      notBeforeUs,
    } as const;
    const aborted = spectrometer.acquire(request, controller.signal).catch((error: unknown) => error);
    await clock.advance(us);
    controller.abort(new RangeError("enough"));
    await aborted;
    assert.ok(farEnd.isConnected);
    const beganUs = clock.nowUs();
    const spectrum = await bench.acquire("FX00042", 20_000);
    // Ten seconds would have saturated it.
    assert.ok(Math.abs(meanOf(spectrum) / meanOf(usual) - 1) < 0.2, `after ${us} us: ${meanOf(spectrum)}`);
    assert.ok(clock.nowUs() - beganUs < 2 * SECOND);
  }
});

scenario(
  "a recorded bus gives the same devices, and the transcript names address and product",
  async (bench) => {
    const { clock, network } = bench;
    const farEnd = farEndOf(clock);
    network.attach(farEnd, ADDRESS);
    const lines: string[] = [];
    const bus = recordUsb(busOf({ clock, network }), { clock, sink: (line) => lines.push(line) });
    const rack = await bench.start(bus);
    assert.equal(rack.spectrometer("FX00042").status.value.state, "idle");
    assert.ok(lines.some((line) => line.endsWith("192.0.2.7:57357 open 2457:2001 high")));
    farEnd.cut();
    await clock.advance(SECOND / 10);
    assert.equal(
      rack.spectrometer("FX00042").status.value.state,
      "recovering",
      "the end is told through the recorder",
    );
  },
);
