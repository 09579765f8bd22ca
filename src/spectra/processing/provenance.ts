// Where a product comes from: the files it was made of, what was done with them, by what program, when. Pure.

export interface Provenance {
  readonly inputs: readonly ProvenanceInput[];
  /** In the order in which they were taken; what could not be done is a step, too. */
  readonly steps: readonly ProvenanceStep[];
  /** Program and version, such as `vscope-server 0.1.0`. */
  readonly software: string;
  readonly madeUtc: string;
}

export interface ProvenanceInput {
  /** `run/file`, or the name of a calibration file. */
  readonly id: string;
  /** Of the file, in hexadecimal digits. */
  readonly sha256: string;
}

export interface ProvenanceStep {
  /** Such as `nonlinearity`. */
  readonly step: string;
  /** Of the algorithm; changes with its results. */
  readonly version: number;
  /** What it used; `applied: false` with a `reason` when it was left out. */
  readonly facts: Readonly<Record<string, ProvenanceFact>>;
}

export type ProvenanceFact = string | number | boolean | null | readonly (string | number)[];

/** Whether one of the steps was taken, for some of the spectra at least. */
export function hasStep({ steps }: Provenance, name: string): boolean {
  return steps.some(({ step, facts }) => step === name && facts["applied"] !== false);
}

/** The steps in words, for a header: `dark-spectrum, nonlinearity (left out: no coefficients)`. */
export function stepsText({ steps }: Provenance): string {
  return steps.map(stepText).join(", ");
}

function stepText({ step, facts }: ProvenanceStep): string {
  if (facts["applied"] !== false) return step;
  const { reason } = facts;
  return typeof reason === "string" ? `${step} (left out: ${reason})` : `${step} (left out)`;
}
