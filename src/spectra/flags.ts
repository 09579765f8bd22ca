// The quality flags: one table. A flag warns; it never removes data. docs/glossary.md explains each.

/** `note` tells a fact, `warning` makes a spectrum amber, `unusable` red. */
export const SEVERITIES = ["note", "warning", "unusable"] as const;
type Severity = (typeof SEVERITIES)[number];

interface FlagFacts {
  /** Bit of the mask (CF flag_masks), 0..30. In files and catalogues for ever: never changed, never given to another flag. */
  readonly bit: number;
  readonly severity: Severity;
  /** CF flag_meanings takes the names; this is for people. */
  readonly meaning: string;
}

export const FLAGS = {
  saturated: {
    bit: 0,
    severity: "unusable",
    meaning: "At least one pixel reached the saturation level.",
  },
  simulated: { bit: 1, severity: "note", meaning: "Recorded from an emulated instrument." },
  stale_risk: {
    bit: 2,
    severity: "unusable",
    meaning: "Freshness could not be proven by timing or metadata.",
  },
  low_signal: {
    bit: 3,
    severity: "warning",
    meaning: "The peak of a light spectrum is below a small share of the saturation level.",
  },
  tec_unstable: { bit: 4, severity: "warning", meaning: "The detector was not at its set point." },
  external_timing: {
    bit: 5,
    severity: "warning",
    meaning: "A signal from outside timed the exposure: it did not last the integration time that was set.",
  },
  uncalibrated: {
    bit: 6,
    severity: "warning",
    meaning: "The device holds no usable wavelength calibration: wavelengths are pixel indices.",
  },
  dark_missing: {
    bit: 7,
    severity: "warning",
    meaning: "No usable dark of the channel was in the files of the run before this light.",
  },
  dark_mismatched: {
    bit: 8,
    severity: "warning",
    meaning:
      "No dark of the same integration time, smoothing and binning, of as many scans and as warm a detector was in the files of the run before this light.",
  },
  dark_stale: { bit: 9, severity: "warning", meaning: "The newest dark that serves this light was too old." },
  variable_irradiance: {
    bit: 10,
    severity: "warning",
    meaning: "The downwelling light changed from one of its spectra to the next.",
  },
  sun_low: { bit: 11, severity: "warning", meaning: "The sun was too low." },
  clock_unsynchronised: {
    bit: 12,
    severity: "warning",
    meaning: "The computer's clock was not synchronised, or too far off.",
  },
  nonlinearity_out_of_range: {
    bit: 13,
    severity: "warning",
    meaning: "Counts beyond those for which the nonlinearity polynomial of the device can be inverted.",
  },
  shutter_doubtful: {
    bit: 14,
    severity: "unusable",
    meaning: "A dark was nearly as bright as a light of the same channel and integration time.",
  },
  position_stale: {
    bit: 15,
    severity: "warning",
    meaning: "The position that the sun was computed for is an old one.",
  },
  start_skew: {
    bit: 16,
    severity: "warning",
    meaning: "The spectrometers of the turn were not exposed at the same time.",
  },
  reference_stale: {
    bit: 17,
    severity: "warning",
    meaning: "The white reference of the channel, or the calibration of its panel, was too old.",
  },
} as const satisfies Record<string, FlagFacts>;

export type Flag = keyof typeof FLAGS;

/** What the worst flag makes of a spectrum. */
export const COLOURS = ["green", "amber", "red"] as const;
export type QualityColour = (typeof COLOURS)[number];

const COLOUR_OF = { note: "green", warning: "amber", unusable: "red" } as const satisfies Record<
  Severity,
  QualityColour
>;
const FACTS: ReadonlyMap<string, FlagFacts> = new Map(Object.entries(FLAGS));

export function isFlag(name: string): name is Flag {
  return FACTS.has(name);
}

/** One name in the order of the table for each that is raised. */
export function raisedFlags(isRaised: (name: Flag) => boolean): readonly Flag[] {
  return [...FACTS.keys()].filter(isFlag).filter(isRaised);
}

/** Powers of two for the flags that this version knows; a file of a later one can name others. */
export function flagMask(names: readonly string[]): number {
  return names.reduce((mask, name) => {
    const bit = FACTS.get(name)?.bit;
    return bit === undefined ? mask : mask | (1 << bit);
  }, 0);
}

/** A flag that this version does not know counts as a warning. */
export function colourOf(names: readonly string[]): QualityColour {
  const colours = names.map((name) => COLOUR_OF[FACTS.get(name)?.severity ?? "warning"]);
  if (colours.includes("red")) return "red";
  return colours.includes("amber") ? "amber" : "green";
}

/** How many of the spectra have each flag. */
export function countFlags(
  spectra: readonly { readonly flags: readonly string[] }[],
): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { flags } of spectra) for (const name of flags) counts.set(name, (counts.get(name) ?? 0) + 1);
  return Object.fromEntries(counts);
}

/** Sums of both. */
export function addCounts(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries([...names].map((name) => [name, (a[name] ?? 0) + (b[name] ?? 0)]));
}
