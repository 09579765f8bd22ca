// One device of each protocol family: what the drivers treat differently, once each.

import type { ModelName } from "../../src/drivers/oceanoptics/models.ts";

export interface Family {
  readonly name: string;
  readonly model: ModelName;
}

export const FAMILIES: readonly Family[] = [
  { name: "OOI, legacy", model: "USB2000" },
  { name: "OOI, FPGA with 2048 pixels", model: "Flame-S" },
  { name: "OOI, FPGA with two spectrum pipes", model: "USB4000" },
  { name: "OOI, QE", model: "QE65000" },
  { name: "OOI, NIR", model: "NIRQuest512" },
  { name: "OOI, Maya", model: "Maya2000 Pro" },
  { name: "OOI, Jaz", model: "Jaz" },
  { name: "OOI, Flame-NIR", model: "Flame-NIR" },
  { name: "OBP, STS", model: "STS" },
  { name: "OBP, QE Pro with its buffer", model: "QE Pro" },
  { name: "OBP, FX", model: "Ocean FX" },
  { name: "OBP, HDX", model: "HDX" },
  { name: "OBP2, ST", model: "ST" },
  { name: "OBP2, SR", model: "SR4" },
];
