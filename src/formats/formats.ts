// All formats by name.

import { CSV } from "./csv.ts";
import { ENVI } from "./envi.ts";
import type { Format, FormatName } from "./format.ts";
import { JCAMP } from "./jcamp.ts";
import { NETCDF } from "./netcdf.ts";
import { OCEANVIEW } from "./oceanview.ts";

export const FORMATS: Readonly<Record<FormatName, Format>> = {
  csv: CSV,
  netcdf: NETCDF,
  oceanview: OCEANVIEW,
  envi: ENVI,
  jcamp: JCAMP,
};
