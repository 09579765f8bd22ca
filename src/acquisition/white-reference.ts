// One white reference: what is recorded for it, and what the files of its batch tell.

import { SECOND } from "../base/clock.ts";
import { VscopeError } from "../base/errors.ts";
import type { Panel, PanelIdentity } from "../spectra/panel.ts";
import type { PicoSpectrum } from "../spectra/pico.ts";
import type { ReferenceAge } from "../spectra/quality.ts";
import { isIrradiance, type Scene } from "../spectra/reflectance.ts";
import type { Exposed } from "../spectra/signal-rate.ts";
import type { Spectrum } from "../spectra/spectrum.ts";
import { type Turn, turnsOf } from "./turns.ts";

/** What a client asks for; what is absent has its default. */
export interface WhiteRequest {
  /** Name in the instrument configuration. */
  readonly panel: string;
  /** Channels that see the panel; all but downwelling when absent. */
  readonly channels?: readonly string[] | undefined;
  readonly run?: string | undefined;
  /** Whether integration times are searched first. */
  readonly search?: boolean | undefined;
  readonly targetPercent?: number | undefined;
}

export interface WhiteReference {
  readonly serial: string;
  readonly channel: string;
  readonly panel: Panel;
  readonly run: string;
  readonly batch: number;
  /** The panel, and the downwelling light beside it. */
  readonly scene: Scene;
}

/** Downwelling before and after the panel where there is that channel. Throws RESOURCE_NOT_FOUND, VALUE_INVALID. */
export function panelTurns(
  { name, serial, calibrated }: PanelIdentity,
  channels: readonly string[] | undefined,
  all: readonly string[],
): readonly Turn[] {
  const seeing = channels ?? all.filter((channel) => !isIrradiance(channel));
  const unknown = seeing.find((channel) => !all.includes(channel));
  if (unknown !== undefined)
    throw new VscopeError(
      "RESOURCE_NOT_FOUND",
      `channel ${unknown}: there is none, there are ${all.join(", ")}`,
    );
  if (seeing.length === 0)
    throw new VscopeError("VALUE_INVALID", "white reference: no channel can see the panel");
  const used = all.filter((channel) => seeing.includes(channel) || isIrradiance(channel));
  const isPaired = used.length > seeing.length;
  const panel = { name, serial, calibrated };
  return turnsOf(isPaired ? "interleaved" : "turns", used).map((turn) =>
    seeing.includes(turn.channel) ? { ...turn, panel } : turn,
  );
}

/** The spectrum as one of a panel: the white reference before it is none of its. */
export function ofPanel(spectrum: Spectrum, panel: PanelIdentity): Spectrum {
  return { ...spectrum, panel, flags: spectrum.flags.filter((flag) => flag !== "reference_stale") };
}

/** How old the reference is for a light that begins then. */
export function ageFor({ scene, panel }: WhiteReference, utcUs: number): ReferenceAge {
  const { exposureStartUtcUs, exposureEndUtcUs, integrationTimeUs } = scene.upwelling.light;
  const endUtcUs = exposureEndUtcUs ?? exposureStartUtcUs + integrationTimeUs;
  return {
    ageS: Math.round((utcUs - endUtcUs) / 1000) / 1000,
    isPaired: scene.downwelling.length > 0,
    isPanelDue: panelAgeDays(panel, utcUs) > panel.validDays,
  };
}

export function panelAgeDays({ calibratedUtcUs }: Panel, utcUs: number): number {
  return Math.floor((utcUs - calibratedUtcUs) / (86_400 * SECOND));
}

/** What a panel spectrum and its companions make, or why they cannot be used. */
export function sceneOf(
  panel: PicoSpectrum,
  lights: readonly PicoSpectrum[],
  darks: readonly PicoSpectrum[],
): Scene | string {
  const own = lights.filter(
    ({ serial, channel }) => serial === panel.serial && channel !== panel.channel && isIrradiance(channel),
  );
  const [upwelling, ...downwelling] = [panel, ...own].map((light) => exposedOf(light, darks));
  const wrong = [upwelling, ...downwelling].find((one) => typeof one === "string");
  if (wrong !== undefined) return wrong;
  if (upwelling === undefined || typeof upwelling === "string") return "no spectrum";
  return { upwelling, downwelling: downwelling.filter((one) => typeof one !== "string") };
}

/** What makes a number wrong, and what makes it all noise: a reference serves many spectra. */
const UNUSABLE: ReadonlySet<string> = new Set([
  "saturated",
  "stale_risk",
  "shutter_doubtful",
  "low_signal",
  "external_timing",
  "uncalibrated",
]);

function exposedOf(light: PicoSpectrum, darks: readonly PicoSpectrum[]): Exposed | string {
  const where = `${light.serial} ${light.channel}`;
  const flags = light.flags.filter((flag) => UNUSABLE.has(flag));
  if (flags.length > 0) return `${where}: ${flags.join(", ")} with ${light.integrationTimeUs} us`;
  const dark = darks.find(
    ({ serial, channel, integrationTimeUs, counts }) =>
      serial === light.serial &&
      channel === light.channel &&
      integrationTimeUs === light.integrationTimeUs &&
      counts.length === light.counts.length,
  );
  return dark === undefined ? `${where}: no dark of ${light.integrationTimeUs} us` : { light, dark };
}
