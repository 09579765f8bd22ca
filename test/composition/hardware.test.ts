import assert from "node:assert/strict";
import { test } from "node:test";
import { type Log, SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { parseInstrumentConfig } from "../../src/config/instrument-config.ts";
import { DEFAULT_SERVER_CONFIG, type ServerConfig } from "../../src/config/server-config.ts";
import { openHardware } from "../../src/composition/hardware.ts";

const ADDRESS = { host: "192.0.2.7", port: 57_357 };

/** Ports and kinds of the devices that a configuration gives, and what is said about it. */
async function devicesWith(given: Partial<ServerConfig["hardware"]>) {
  const warnings: string[] = [];
  const log: Log = { ...SILENT, warn: (_, message) => warnings.push(message), child: () => log };
  const config = { ...DEFAULT_SERVER_CONFIG.hardware, gpio: "none", ...given } as const;
  const { config: instrument } = parseInstrumentConfig("", "vscope.config");
  const hardware = await openHardware({ config, instrument, clock: new VirtualClock(), log });
  const devices = await hardware.bus.list();
  await hardware.gpio.close();
  await hardware.close();
  return { devices: devices.map(({ kind, portPath }) => [kind ?? "usb", portPath]), warnings };
}

test("network addresses are devices beside those of USB, or without it", async () => {
  const { devices } = await devicesWith({ usb: "none", networkSpectrometers: [ADDRESS] });
  assert.deepEqual(devices, [["network", "192.0.2.7:57357"]]);
});

test("beside emulated spectrometers the network is not used, and that is said", async () => {
  const options = { usb: "emulated", networkSpectrometers: [ADDRESS], networkDiscovery: true } as const;
  const { devices, warnings } = await devicesWith(options);
  assert.deepEqual(
    devices.map(([kind]) => kind),
    ["usb", "usb"],
  );
  assert.ok(warnings.includes("spectrometers on the network are not used beside emulated ones"));
});

test("the emulated spectrometers are those of the configuration, and an unknown model is refused with the known ones", async () => {
  const { emulator } = DEFAULT_SERVER_CONFIG.hardware;
  const spectrometers = [
    { model: "STS", serial: "S1" },
    { model: "Maya2000 Pro", serial: "M1" },
    { model: "ST", serial: "T1" },
  ];
  const { devices } = await devicesWith({ usb: "emulated", emulator: { ...emulator, spectrometers } });
  assert.equal(devices.length, 3);
  const unknown = { ...emulator, spectrometers: [{ model: "Flame", serial: "F1" }] };
  await assert.rejects(devicesWith({ usb: "emulated", emulator: unknown }), {
    code: "CONFIG_INVALID",
    message: /there is no model Flame, only USB2000, .*Flame-S/,
  });
});
