// The configuration of a server with emulated spectrometers and without a network, as the benches start it.

import { join } from "node:path";
import { DEFAULT_SERVER_CONFIG, type ServerConfig } from "../src/config/server-config.ts";

/** All that the server writes lies in the folder. */
export function emulatedConfig(folder: string): ServerConfig {
  const { coap, datadir, hardware, security } = DEFAULT_SERVER_CONFIG;
  return {
    ...DEFAULT_SERVER_CONFIG,
    coap: { ...coap, enabled: false },
    security: { ...security, state: join(folder, ".state") },
    datadir: { ...datadir, datadir: folder },
    hardware: { ...hardware, usb: "emulated", gpio: "emulated" },
  };
}
