// The emulated devices as the resource tree shows them: plugs, trigger inputs, targets.

import { Cell } from "../base/cell.ts";
import type { EmulatedInstrument } from "../emulator/instrument.ts";
import type { EmulatedTarget, EmulatedUnit, ServerModel } from "../resources/model.ts";

/** What one can do to the emulated instrument; nothing with real hardware. */
export function emulatedParts(
  emulated: EmulatedInstrument | undefined,
): Pick<ServerModel, "emulatedUnits" | "emulatedTargets"> {
  if (emulated === undefined) return { emulatedUnits: new Map(), emulatedTargets: new Map() };
  return { emulatedUnits: unitsOf(emulated), emulatedTargets: targetsOf(emulated) };
}

function targetsOf({ scene }: EmulatedInstrument): ReadonlyMap<string, EmulatedTarget> {
  const targets = scene.channels.map((channel): [string, EmulatedTarget] => {
    const target = new Cell<string>(scene.targetOf(channel));
    const setTarget = (name: string): void => {
      scene.setTarget(channel, name);
      target.set(name);
    };
    return [channel, { target, setTarget }];
  });
  return new Map(targets);
}

function unitsOf(emulated: EmulatedInstrument): ReadonlyMap<string, EmulatedUnit> {
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
