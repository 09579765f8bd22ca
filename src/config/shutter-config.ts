// A shutter as the instrument configuration describes it.

export type ShutterMechanism =
  /** Moves by a pulse on one of two lines and stays where it is. */
  | {
      readonly kind: "latching";
      readonly openPin: number;
      readonly closePin: number;
      readonly pulseMs: number;
    }
  /** Is open while one line has a level. */
  | { readonly kind: "level"; readonly pin: number; readonly activeHigh: boolean };

export interface ShutterConfig {
  /** The section's name in the file, such as `shutter_1`. */
  readonly name: string;
  /** The light path that the shutter belongs to, such as `upwelling`. */
  readonly channel: string;
  readonly mechanism: ShutterMechanism;
  /** From the end of the pulse, or the change of level, until the blades rest. */
  readonly settleMs: number;
  /** The connection is reversed: what should open closes. */
  readonly reverse: boolean;
  /** Of the channel's optical fibre, in micrometres; kept with the data, not used. */
  readonly fibreDiameterUm: number;
}

/** BCM numbers of the Piccolo's lines for its three shutters. */
export const PICCOLO_PINS: Readonly<Record<string, { readonly openPin: number; readonly closePin: number }>> =
  {
    shutter_1: { openPin: 18, closePin: 17 },
    shutter_2: { openPin: 22, closePin: 27 },
    shutter_3: { openPin: 23, closePin: 24 },
  };

/** The BCM numbers of the lines that a shutter uses. */
export function pinsOf(mechanism: ShutterMechanism): number[] {
  return mechanism.kind === "level" ? [mechanism.pin] : [mechanism.openPin, mechanism.closePin];
}
