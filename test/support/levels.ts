// An emulated instrument whose truth is known: calibration files made from its own response, a white panel, and what the
// levels should give.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { z } from "zod";
import { NEVER } from "../../src/base/abort.ts";
import type { Detector } from "../../src/emulator/device/detector.ts";
import { whitePanelReflectance } from "../../src/emulator/light/targets.ts";
import { Router } from "../../src/resources/router.ts";
import { TREE } from "../../src/resources/tree.ts";
import { TestInstrument, type TestInstrumentOptions } from "./instrument.ts";

export const FLAME = "FLMS01859";
export const levelShape = z.looseObject({
  unit: z.string(),
  method: z.string(),
  darkAgeS: z.number(),
  exposureStart: z.string(),
  flags: z.array(z.string()),
  whiteReference: z.looseObject({ panel: z.string(), ageS: z.number(), panelAgeDays: z.number() }).optional(),
  downwelling: z.object({ spectra: z.number(), distanceS: z.number() }).optional(),
  notCorrected: z.string().optional(),
  pending: z.string().optional(),
  values: z.array(z.number().nullable()),
  standardErrors: z.array(z.number().nullable()).optional(),
  noStandardErrors: z.string().optional(),
  systematicErrors: z.array(z.number().nullable()).optional(),
  noSystematicErrors: z.string().optional(),
});
export type LevelValue = z.infer<typeof levelShape>;

/** The sample's channels, a panel, and calibration files of the Flame. */
export const CONFIGURATION = `[channels]
[[shutter_1]]
direction = downwelling
[[shutter_2]]
direction = upwelling
[spectrometers]
[[${FLAME}]]
[[[calibration]]]
[[[[downwelling]]]]
radiometric_file = down.csv
[[[[upwelling]]]]
radiometric_file = up.csv
[panels]
[[field]]
serial = 99AA05
file = panel.csv
valid_days = 400
`;

/** The panel of the emulated scene every 5 nm, from which a spline or a line are less than 1e-5 off. */
export function panelText(date = "2026-01-15"): string {
  const rows = Array.from({ length: 170 }, (_, index) => {
    const nm = 300 + 5 * index;
    return `${nm}, ${(100 * whitePanelReflectance(nm)).toFixed(4)}`;
  });
  const head = ["# kind: panel", "# units: percent", "# serial: 99AA05", `# date: ${date}`];
  return [...head, ...rows].join("\n");
}

/** Factors for the optical pixels, from the response that the emulated unit has. */
export function factorsOf(
  detector: Detector,
  ofResponse: (response: number) => number,
): ReadonlyMap<number, number> {
  const [from, to] = detector.model.opticalPixelRange;
  const pixels = Array.from({ length: to - from }, (_, index) => from + index);
  return new Map(pixels.map((pixel) => [pixel, ofResponse(detector.response[pixel] ?? Number.NaN)]));
}

/** The text of a radiometric calibration of the Flame. */
export function radiometricText(
  kind: "irradiance" | "radiance",
  channel: string,
  factors: ReadonlyMap<number, number>,
): string {
  const units = kind === "irradiance" ? "W m-2 nm-1" : "W m-2 sr-1 nm-1";
  const head = [`# kind: ${kind}`, `# units: ${units}`, `# serial: ${FLAME}`, `# channel: ${channel}`];
  const rows = [...factors].map(([pixel, factor]) => `${pixel}, ${factor.toExponential(8)}`);
  return [...head, "# date: 2026-03-01", "pixel, factor", ...rows].join("\n");
}

export class LevelsRig {
  readonly instrument: TestInstrument;
  readonly #router: Router<TestInstrument["model"]>;

  private constructor(instrument: TestInstrument) {
    this.instrument = instrument;
    this.#router = new Router(instrument.model, TREE);
  }

  static async start(context: TestContext, options: TestInstrumentOptions = {}): Promise<LevelsRig> {
    const rig = new LevelsRig(
      await TestInstrument.start(context, { configuration: CONFIGURATION, ...options }),
    );
    for (const spectrometer of rig.instrument.model.rack.spectrometers.value) {
      for (const channel of spectrometer.channels)
        spectrometer.setIntegrationTimeUs(channel, channel === "downwelling" ? 10_000 : 15_000);
    }
    return rig;
  }

  /** A data directory with the files of `CONFIGURATION`; radiometric ones as `texts` has them. */
  static async folder(
    context: TestContext,
    texts: Readonly<Record<string, string>> = {},
    panel = panelText(),
  ): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), "vscope-"));
    context.after(() => rm(folder, { recursive: true }));
    for (const [name, text] of Object.entries({ "panel.csv": panel, ...texts }))
      await writeFile(join(folder, name), text);
    return folder;
  }

  /** Puts another target in front of the upwelling fibre. */
  look(target: string): void {
    this.instrument.model.emulatedTargets.get("upwelling")?.setTarget(target);
  }

  get(path: string, query: Readonly<Record<string, string>> = {}): Promise<unknown> {
    return this.instrument.clock.run(
      this.#router.get(this.#router.match(path.split("/").slice(1)), query, NEVER),
    );
  }

  async level(
    kind: string,
    query: Readonly<Record<string, string>> = {},
    channel = "upwelling",
  ): Promise<LevelValue> {
    return levelShape.parse(await this.get(`/spectrometers/${FLAME}/${kind}/${channel}`, query));
  }

  async post(path: string, value: unknown) {
    const created = await this.#router.post(this.#router.match(path.split("/").slice(1)), value, NEVER);
    const id = created?.location.at(-1) ?? assert.fail();
    return this.instrument.finish(this.instrument.model.operations.get(id));
  }

  observe(path: string, changed: () => void): () => void {
    const subscribe = this.#router.observe(this.#router.match(path.split("/").slice(1)));
    assert.ok(subscribe, `${path} can be observed`);
    return subscribe(changed);
  }
}
