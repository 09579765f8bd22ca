// What OBP devices can make of their scans before they send them: the mean of several, a moving mean over the pixels,
// neighbours binned into one. The driver must know, since it changes how long a spectrum takes and how many pixels it has.

import { requireWithin, VscopeError } from "../../base/errors.ts";
import { type DeviceProcessing, UNPROCESSED } from "../../spectra/spectrum.ts";
import { type Control, type Controls, controlsOf } from "./controls.ts";
import type { Obp } from "./obp.ts";
import { OBP1, u16, u8 } from "./obp-messages.ts";

interface Knob {
  readonly feature: "scans-to-average" | "boxcar" | "binning";
  readonly member: keyof DeviceProcessing;
  readonly type: number;
  readonly encode: (value: number) => Uint8Array;
  /** Limits of libseabreeze and the vendor's data sheet of the STS. */
  readonly limits: { readonly min: number; readonly max: number; readonly unit?: string };
}

const KNOBS: readonly Knob[] = [
  {
    feature: "scans-to-average",
    member: "scans",
    type: OBP1.setScansToAverage,
    encode: u16,
    limits: { min: 1, max: 5000 },
  },
  {
    feature: "boxcar",
    member: "boxcarHalfWidth",
    type: OBP1.setBoxcar,
    encode: u8,
    limits: { min: 0, max: 15, unit: "pixels" },
  },
  { feature: "binning", member: "binning", type: OBP1.setBinning, encode: u8, limits: { min: 0, max: 3 } },
];

export class ObpProcessing {
  readonly controls: Controls;
  readonly #obp: Obp;
  readonly #knobs: readonly Knob[];
  #values: DeviceProcessing = UNPROCESSED;
  /** Undefined when that is not certain. */
  #scansInDevice: number | undefined;

  constructor(obp: Obp) {
    this.#obp = obp;
    const { features } = obp.model;
    this.#knobs = KNOBS.filter(({ feature }) => features.includes(feature));
    const all = Object.fromEntries(KNOBS.map((knob) => [knob.feature, this.#control(knob)]));
    this.controls = controlsOf(features, all);
  }

  /** What was set last; UNPROCESSED itself when nothing is out of the ordinary. */
  get values(): DeviceProcessing {
    return this.#values;
  }

  /** What the next spectrum is made with; `isSingle`: of one scan, whatever was set. */
  async prepared(isSingle: boolean, signal: AbortSignal): Promise<DeviceProcessing> {
    const wanted = isSingle ? plain({ ...this.#values, scans: 1 }) : this.#values;
    const knob = this.#knobs.find(({ member }) => member === "scans");
    if (knob !== undefined && wanted.scans !== this.#scansInDevice) {
      this.#scansInDevice = undefined;
      await this.#send(knob, wanted.scans, signal);
      this.#scansInDevice = wanted.scans;
    }
    return wanted;
  }

  /** Writes all of it again: an earlier session or a broken exchange may have left something else. */
  async apply(signal: AbortSignal): Promise<void> {
    for (const knob of this.#knobs) await this.#send(knob, this.#values[knob.member], signal);
    this.#scansInDevice = this.#values.scans;
  }

  #control(knob: Knob): Control<number> {
    return {
      read: async () => this.#values[knob.member],
      write: async (value, signal) => {
        requireWithin(`${this.#obp.link.subject}: ${knob.feature}`, value, knob.limits);
        const { subject } = this.#obp.link;
        if (!(await this.#send(knob, value, signal)))
          throw new VscopeError("RESOURCE_NOT_FOUND", `${subject}: the device has no ${knob.feature}`);
        this.#values = plain({ ...this.#values, [knob.member]: value });
        if (knob.member === "scans") this.#scansInDevice = value;
      },
    };
  }

  // False where the firmware does not know it.
  #send({ type, encode }: Knob, value: number, signal: AbortSignal): Promise<boolean> {
    return this.#obp.commandIfPresent({ type, data: encode(value) }, signal);
  }
}

/** UNPROCESSED itself when nothing is out of the ordinary. */
function plain(values: DeviceProcessing): DeviceProcessing {
  return KNOBS.every(({ member }) => values[member] === UNPROCESSED[member]) ? UNPROCESSED : values;
}
