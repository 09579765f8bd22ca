// docs/devices.md, printed from the model table. A test keeps the file and the table identical.

import type { SpectrometerModel } from "./model.ts";
import { MODELS } from "./models.ts";

const INTRODUCTION = `# Spectrometers

Printed from \`src/drivers/oceanoptics/models.ts\` by \`src/drivers/oceanoptics/devices-document.ts\`; do not edit.

Every model is driven by its row of the table. None of the rows has been tried on a real instrument by this project yet:
the column *source* says where the numbers come from (P: python-seabreeze, C: libseabreeze, D: vendor's data sheet or
manual). The emulator reads the same table, so it cannot find a wrong number in it.

`;

const EXPOSURE_WORDS = {
  "free-running": "always; a request returns the cycle in progress",
  request: "on request",
  buffered: "into a buffer, frames carry metadata",
} as const;

/** The text of docs/devices.md. */
export function devicesDocument(): string {
  const models: readonly SpectrometerModel[] = MODELS;
  return [
    INTRODUCTION,
    "## Models\n\n",
    table(
      ["model", "USB id", "protocol", "pixels", "integration time", "step", "max counts", "saturation level"],
      models.map(modelRow),
    ),
    "\nTwo models under one USB id are told apart by the FPGA's major version.\n",
    `\n${networkNames(models)} can be on a network too, see how-to/network-spectrometers.md.\n`,
    "\n## Pixels and exposure\n\n",
    table(
      ["model", "light on pixels", "dark pixels", "exposes", "stale frames", "read-out", "cooler"],
      models.map(exposureRow),
    ),
    "\nRead-out times are assumptions: typical, and the bound that proofs of freshness use.\n",
    "\n## Sources\n\n",
    table(
      ["model", "source"],
      models.map(({ name, source }) => [name, source]),
    ),
  ].join("");
}

function networkNames(models: readonly SpectrometerModel[]): string {
  return models
    .filter(({ hasNetwork }) => hasNetwork === true)
    .map(({ name }) => name)
    .join(" and ");
}

function modelRow(model: SpectrometerModel): readonly string[] {
  const { min, max, step } = model.integrationTimeUs;
  const names = [model.name, ...model.aliases].join(", ");
  const twin = model.probe === undefined ? "" : ` (FPGA ${model.probe.fpgaMajorFrom} or later)`;
  return [
    names + twin,
    `${hex(model.vendorId)}:${hex(model.productId)}`,
    model.protocol.toUpperCase(),
    String(model.frame.pixels),
    `${timeText(min)} to ${timeText(max)}`,
    timeText(step),
    String(model.maxCounts),
    model.saturation === undefined
      ? String(model.usableCounts ?? model.maxCounts)
      : `EEPROM slot ${model.saturation.slot}`,
  ];
}

function exposureRow(model: SpectrometerModel): readonly string[] {
  const dark = model.darkPixelRanges.map(rangeText).join(" and ");
  return [
    model.name,
    rangeText(model.opticalPixelRange),
    dark === "" ? "none" : dark,
    EXPOSURE_WORDS[model.exposure],
    String(model.staleDepth),
    `${timeText(model.readoutUs)}, at most ${timeText(model.readoutMaxUs)}`,
    model.features.includes("tec") ? "yes" : "no",
  ];
}

// Half-open inside, first and last pixel for readers.
function rangeText([from, to]: readonly [number, number]): string {
  return `${from} to ${to - 1}`;
}

function timeText(us: number): string {
  if (us >= 1_000_000) return `${us / 1_000_000} s`;
  return us >= 1000 ? `${us / 1000} ms` : `${us} us`;
}

function hex(id: number): string {
  return id.toString(16).padStart(4, "0");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
  return line(head) + line(head.map(() => "---")) + rows.map(line).join("");
}
