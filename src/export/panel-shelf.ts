// The lights of a white panel in a run, and which of them serve a target: those before and after it, beside downwelling
// light where that was recorded.

import type { Weighted } from "../spectra/around.ts";
import type { Panel } from "../spectra/panel.ts";
import { choosePanels } from "../spectra/processing/panel-reflectance.ts";
import { DEFAULT_LIMITS } from "../spectra/quality.ts";
import { middleUtcUs } from "../spectra/signal-rate.ts";
import { Timeline } from "../spectra/timeline.ts";
import type { Indexed } from "./input-run.ts";
import type { LightJob } from "./light-job.ts";

/** A panel's calibration and its file; plain data, so that it can go to a thread. */
export type WhitePanel = Pick<
  Panel,
  "serial" | "calibrated" | "factors" | "source" | "sha256" | "systematicUncertainty"
>;

/** A target, or the panel in its place, with the downwelling light beside it; that can be missing. */
export interface LookJob {
  readonly upwelling: LightJob;
  readonly downwelling: readonly LightJob[];
}

export interface PanelsOfTarget {
  readonly panels: readonly Weighted<LookJob>[];
  /** Of the target; none unless all of the panels have some, too. */
  readonly downwelling: readonly LightJob[];
}

/** A light of the panel, with what else was recorded for it. */
interface Seen extends Indexed {
  readonly look: LookJob;
}

export class PanelShelf {
  readonly #serial: string;
  readonly #all: Timeline<Seen>;
  /** Those beside downwelling light. */
  readonly #paired: Timeline<Seen>;

  constructor(serial: string, looks: readonly LookJob[]) {
    const seen = looks.map((look): Seen => ({ ...look.upwelling.light, look }));
    this.#serial = serial;
    this.#all = new Timeline(seen, middleUtcUs);
    this.#paired = new Timeline(
      seen.filter(({ look }) => look.downwelling.length > 0),
      middleUtcUs,
    );
  }

  /** For a light and the downwelling light beside it, if there is some; else why there is none. */
  around(light: Indexed, downwelling: readonly LightJob[]): PanelsOfTarget | string {
    const paired = downwelling.length > 0 ? choosePanels(light, this.#paired, true) : [];
    if (paired.length > 0) return { panels: looksOf(paired), downwelling };
    const bare = choosePanels(light, this.#all, false);
    if (bare.length > 0) return { panels: looksOf(bare), downwelling: [] };
    const { referenceMaxAgeS, pairedReferenceMaxAgeS } = DEFAULT_LIMITS;
    const within = `${referenceMaxAgeS} s, or ${pairedReferenceMaxAgeS} s beside downwelling light`;
    return `this run has no light of panel ${this.#serial} within ${within}`;
  }
}

function looksOf(seen: readonly Weighted<Seen>[]): readonly Weighted<LookJob>[] {
  return seen.map(({ item, weight }) => ({ item: item.look, weight }));
}
