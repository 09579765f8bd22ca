// piccolo3's whole tree: the rows of its branches.

import { CONTROL_ROWS } from "./control-rows.ts";
import { DATADIR_ROWS } from "./datadir-rows.ts";
import type { Row } from "./row.ts";
import { SCHEDULER_ROWS } from "./scheduler-rows.ts";
import { SHUTTER_ROWS } from "./shutter-rows.ts";
import { SPECTROMETER_ROWS } from "./spectrometer-rows.ts";
import { SYSINFO_ROWS } from "./sysinfo-rows.ts";

export const TABLE: readonly Row[] = [
  ...SYSINFO_ROWS,
  ...DATADIR_ROWS,
  ...SHUTTER_ROWS,
  ...SPECTROMETER_ROWS,
  ...CONTROL_ROWS,
  ...SCHEDULER_ROWS,
];
