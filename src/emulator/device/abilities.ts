// What an emulated device can do: the features of its row in the model table, and what the reference knows of the model
// although no driver asks for it yet.

import type { Feature, SpectrometerModel } from "../../drivers/oceanoptics/model.ts";
import type { ModelName } from "../../drivers/oceanoptics/models.ts";

export type Ability = Feature | "boxcar" | "fast-buffer" | "gpio" | "multicast" | "scans-to-average";

/** C: libseabreeze's feature matrix; P: python-seabreeze. */
const FURTHER: Partial<Record<ModelName, readonly Ability[]>> = {
  STS: ["scans-to-average", "boxcar"], // C
  Spark: ["scans-to-average", "boxcar"], // C
  "Ocean FX": ["data-buffer", "fast-buffer", "gpio"], // C
  HDX: ["multicast"], // P
};

export function abilitiesOf(model: SpectrometerModel): ReadonlySet<Ability> {
  const further = new Map<string, readonly Ability[]>(Object.entries(FURTHER)).get(model.name) ?? [];
  return new Set<Ability>([...model.features, ...further]);
}
