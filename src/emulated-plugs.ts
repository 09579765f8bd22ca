// The emulated devices' plugs, as the resource tree shows them.

import { Cell } from "./base/cell.ts";
import type { EmulatedInstrument } from "./emulator/instrument.ts";
import type { EmulatedPlug } from "./resources/model.ts";

/** One plug for each emulated spectrometer; none with real hardware. */
export function emulatedPlugs(emulated: EmulatedInstrument | undefined): ReadonlyMap<string, EmulatedPlug> {
  if (emulated === undefined) return new Map();
  const { bus, devices } = emulated;
  const plugs = [...devices].map(([serial, { spectrometer, faults }]): [string, EmulatedPlug] => {
    const isPlugged = new Cell(bus.isAttached(spectrometer));
    const setPlugged = (wanted: boolean): void => {
      if (wanted === bus.isAttached(spectrometer)) return;
      if (wanted) bus.attach(spectrometer, { faults });
      else bus.detach(spectrometer);
      isPlugged.set(wanted);
    };
    return [serial, { isPlugged, setPlugged }];
  });
  return new Map(plugs);
}
