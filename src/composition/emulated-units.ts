// The emulated devices as the resource tree shows them: plugs and trigger inputs.

import { Cell } from "../base/cell.ts";
import type { EmulatedInstrument } from "../emulator/instrument.ts";
import type { EmulatedUnit } from "../resources/model.ts";

/** One for each emulated spectrometer; none with real hardware. */
export function emulatedUnits(emulated: EmulatedInstrument | undefined): ReadonlyMap<string, EmulatedUnit> {
  if (emulated === undefined) return new Map();
  const units = [...emulated.devices].map(
    ([serial, { connection, spectrometer }]): [string, EmulatedUnit] => {
      const isPlugged = new Cell(connection.isPlugged);
      const setPlugged = (wanted: boolean): void => {
        connection.setPlugged(wanted);
        isPlugged.set(wanted);
      };
      const triggerInput = new Cell(false);
      const setTriggerInput = (isHigh: boolean): void => {
        spectrometer.triggerLine(isHigh);
        triggerInput.set(isHigh);
      };
      return [serial, { isPlugged, setPlugged, triggerInput, setTriggerInput }];
    },
  );
  return new Map(units);
}
