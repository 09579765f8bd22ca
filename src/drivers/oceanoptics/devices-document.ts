// docs/devices.md, printed from the model table. A test keeps the file and the table identical.

import type { Feature, SpectrometerModel, TriggerMap } from "./model.ts";
import { MODELS, UNSUPPORTED } from "./models.ts";

const INTRODUCTION = `# Spectrometers

Printed from \`src/drivers/oceanoptics/models.ts\` by \`src/drivers/oceanoptics/devices-document.ts\`; do not edit.

Every model is driven by its row of the table. None of the rows has been tried on a real instrument by this project yet:
[Sources](#sources) says where the numbers come from and what is not certain. The emulator reads the same table, so it
cannot find a wrong number in it; a test compares the table with the protocol reference.
[How to add a model](how-to/add-a-spectrometer-model.md). What \`vscope doctor\` says about a device: [USB rules](../etc/60-vscope.rules).

`;

const EXPOSURE_WORDS = {
  "free-running": "always; a request returns the cycle in progress",
  request: "on request",
  buffered: "into a buffer, frames carry metadata",
} as const;

const FEATURE_WORDS: Readonly<Record<Feature, string>> = {
  "acquisition-delay": "time from trigger to exposure",
  binning: "neighbouring pixels made one in the device",
  "board-temperature": "temperature of the circuit board",
  boxcar: "smoothing in the device",
  "continuous-strobe": "pulses at a steady rate",
  "data-buffer": "spectra are kept in the device",
  fan: "fan of the cooler",
  "fast-buffer": "many scans at the pace of the device, several spectra in one answer",
  gpio: "pins of the accessory connector",
  irradiance: "irradiance calibration of every pixel",
  lamp: "Lamp Enable line",
  "status-led": "light of the case",
  multicast: "found in the network by multicast",
  nonlinearity: "polynomial of the detector's nonlinearity",
  "optical-bench": "slit, grating and filter as data",
  "scans-to-average": "averaging in the device",
  shutter: "shutter inside",
  "stray-light": "stray light constant",
  tec: "thermoelectric cooler",
  temperature: "temperatures of detector and board",
};

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
      ["model", "light on pixels", "dark pixels", "exposes", "stale frames", "read-out"],
      models.map(exposureRow),
    ),
    "\nRead-out times are assumptions: typical, and the bound that proofs of freshness use.\n",
    ...triggerSection(models),
    ...featureSection(models),
    ...sourceSection(models),
    ...unsupportedSection(),
  ].join("");
}

function triggerSection(models: readonly SpectrometerModel[]): readonly string[] {
  return [
    "\n## Trigger modes\n\n",
    "Each mode with the number that the device gives it. The numbers of some models depend on the version of the FPGA.\n\n",
    table(
      ["model", "modes"],
      models.map(({ name, triggers }) => [name, triggers.map(triggerText).join("; ")]),
    ),
  ];
}

function triggerText({ fpgaMajorFrom, modes }: TriggerMap): string {
  const byNumber = Object.entries(modes).toSorted(([, a], [, b]) => a - b);
  const numbers = byNumber.map(([mode, number]) => `${mode} ${number}`);
  return `${fpgaMajorFrom === 0 ? "" : `FPGA ${fpgaMajorFrom} or later: `}${numbers.join(", ")}`;
}

function featureSection(models: readonly SpectrometerModel[]): readonly string[] {
  return [
    "\n## Features\n\n",
    "What the device has. [Resources](resources.md) tells which of it can be read and set.\n\n",
    table(
      ["model", "features"],
      models.map(({ name, features }) => [name, listText(features)]),
    ),
    "\n",
    table(["feature", "is"], Object.entries(FEATURE_WORDS)),
  ];
}

function listText(words: readonly string[]): string {
  return words.length === 0 ? "none" : words.toSorted().join(", ");
}

function sourceSection(models: readonly SpectrometerModel[]): readonly string[] {
  return [
    "\n## Sources\n\n",
    "P: python-seabreeze's own driver; C: libseabreeze, which it brings along; D: data sheet or manual of the maker; ",
    "T: code of others.\nWhere they disagree, the row takes what cannot lose data.\n\n",
    table(
      ["model", "source", "remarks"],
      models.map(({ name, source, remark = "" }) => [name, source, remark]),
    ),
  ];
}

function unsupportedSection(): readonly string[] {
  return [
    "\n## Not supported\n\n",
    "These have a USB id in python-seabreeze's udev rules, and no source that could be found tells how they speak. The server\n",
    "names them under `problems` of `/spectrometers` and leaves them alone.\n\n",
    table(
      ["model", "USB id"],
      UNSUPPORTED.map(({ name, vendorId, productId }) => [name, `${hex(vendorId)}:${hex(productId)}`]),
    ),
  ];
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
