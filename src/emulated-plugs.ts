// The emulated devices' plugs, as the resource tree shows them.

import { Cell } from "./base/cell.ts";
import type { EmulatedInstrument } from "./emulator/instrument.ts";
import type { EmulatedPlug } from "./resources/model.ts";

/** One plug for each emulated spectrometer; none with real hardware. */
export function emulatedPlugs(emulated: EmulatedInstrument | undefined): ReadonlyMap<string, EmulatedPlug> {
  if (emulated === undefined) return new Map();
  const plugs = [...emulated.devices].map(([serial, { connection }]): [string, EmulatedPlug] => {
    const isPlugged = new Cell(connection.isPlugged);
    const setPlugged = (wanted: boolean): void => {
      connection.setPlugged(wanted);
      isPlugged.set(wanted);
    };
    return [serial, { isPlugged, setPlugged }];
  });
  return new Map(plugs);
}
