// The emulated devices as the resource tree shows them: plugs, trigger inputs, targets, light.

import { Cell } from "../base/cell.ts";
import type { EmulatedInstrument } from "../emulator/instrument.ts";
import type { EmulatedLight, EmulatedTarget, EmulatedUnit, ServerModel } from "../resources/model.ts";

/** What one can do to the emulated instrument; nothing with real hardware. */
export function emulatedParts(
  emulated: EmulatedInstrument | undefined,
): Pick<ServerModel, "emulatedUnits" | "emulatedTargets" | "emulatedLight"> {
  if (emulated === undefined)
    return { emulatedUnits: new Map(), emulatedTargets: new Map(), emulatedLight: undefined };
  return {
    emulatedUnits: unitsOf(emulated),
    emulatedTargets: targetsOf(emulated),
    emulatedLight: lightOf(emulated),
  };
}

function lightOf({ scene }: EmulatedInstrument): EmulatedLight {
  const source = new Cell<string>(scene.source);
  const setSource = (name: string): void => {
    scene.setSource(name);
    source.set(name);
  };
  return { source, setSource };
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
