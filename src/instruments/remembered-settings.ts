// What clients have set of a spectrometer, as it is kept over a restart and noted with a batch that may be taken up again.

import { z } from "zod";
import { messageOf, VscopeError } from "../base/errors.ts";
import type { ControlName, ControlValues } from "../drivers/oceanoptics/controls.ts";
import { TRIGGER_MODES } from "../drivers/oceanoptics/trigger-modes.ts";
import type { Spectrometer } from "./spectrometer.ts";
import type { SpectrometerControls, WrittenControl } from "./spectrometer-controls.ts";

export const rememberedShape = z.object({
  serial: z.string(),
  scans: z.int(),
  /** By channel. */
  integrationTimesUs: z.record(z.string(), z.number()),
  tec: z.object({ enabled: z.boolean().exactOptional(), setpointC: z.number().exactOptional() }).default({}),
  /** In the order in which they were written. */
  controls: z.array(z.object({ name: z.string(), value: z.unknown() })).default([]),
});

export type RememberedSettings = Readonly<z.output<typeof rememberedShape>>;

/** As it is set now. */
export function rememberedOf(spectrometer: Spectrometer): RememberedSettings {
  const { serial, scans, channels, controls, tecSettings } = spectrometer;
  const times = channels.map((channel) => [channel, spectrometer.integrationTimeUs(channel).value]);
  return {
    serial,
    scans: scans.value,
    integrationTimesUs: Object.fromEntries(times),
    tec: tecSettings.value,
    controls: [...controls.written.value],
  };
}

/** Sets all of it: what concerns the device when it comes next. The reasons why something is left out. */
export function preset(spectrometer: Spectrometer, settings: RememberedSettings): readonly string[] {
  const { scans, integrationTimesUs, tec, controls } = settings;
  const refused: string[] = [];
  const attempt = (set: () => void): void => {
    try {
      set();
    } catch (error) {
      refused.push(messageOf(error));
    }
  };
  attempt(() => spectrometer.setScans(scans));
  for (const [channel, us] of Object.entries(integrationTimesUs))
    attempt(() => spectrometer.setIntegrationTimeUs(channel, us));
  attempt(() => spectrometer.presetTec(tec));
  for (const control of controls) attempt(() => presetControl(spectrometer.controls, control));
  return refused;
}

type Preset = (controls: SpectrometerControls, value: unknown) => void;

function presetting<Name extends ControlName>(
  name: Name,
  shape: z.ZodType<ControlValues[Name]>,
): readonly [string, Preset] {
  const set: Preset = (controls, given) => {
    const parsed = shape.safeParse(given);
    if (parsed.success) return controls.preset(name, parsed.data);
    throw new VscopeError("VALUE_INVALID", `${name}: ${parsed.error.issues[0]?.message ?? "unknown value"}`);
  };
  return [name, set];
}

const PRESETS: ReadonlyMap<string, Preset> = new Map([
  presetting(
    "trigger",
    z.object({
      mode: z.enum(TRIGGER_MODES),
      number: z.int().exactOptional(),
      timeoutS: z.number().exactOptional(),
    }),
  ),
  presetting("lamp", z.boolean()),
  presetting("continuous-strobe", z.object({ enabled: z.boolean(), periodUs: z.number() })),
  presetting("single-strobe", z.object({ enabled: z.boolean(), delayUs: z.number(), widthUs: z.number() })),
  presetting("status-led", z.boolean()),
  presetting("acquisition-delay", z.number()),
  presetting("shutter", z.boolean()),
  presetting("gpio", z.object({ outputs: z.int(), levels: z.int() })),
  presetting("fan", z.boolean()),
  presetting("scans-to-average", z.int()),
  presetting("boxcar", z.int()),
  presetting("binning", z.int()),
]);

function presetControl(controls: SpectrometerControls, { name, value }: WrittenControl): void {
  const set = PRESETS.get(name);
  if (set === undefined) throw new VscopeError("VALUE_INVALID", `${name}: is no setting that is kept`);
  set(controls, value);
}
