// What a verification can find, and which of it means that data are lost, changed or cannot be trusted.

interface FindingFacts {
  /** False for what is worth a look and costs no recorded spectrum. */
  readonly isFault: boolean;
  readonly meaning: string;
}

export const FINDINGS = {
  missing: fault("the manifest names the file, and it is not there"),
  changed: fault("the bytes of the file are not those that were recorded"),
  unreadable: fault("the file cannot be read, or not as spectra; without a name the whole run"),
  "torn-line": fault("the last line of the manifest is cut off"),
  "bad-line": fault("a row of the manifest cannot be read, so that it vouches for nothing"),
  zeros: fault("the manifest has zeros in the place of lines, as a power cut leaves them"),
  "no-line": fault("the file has no line in the manifest"),
  "no-row": fault("the catalogue does not know the file"),
  behind: remark("files have come to a copy since its catalogue was made"),
  "stale-row": fault("the catalogue knows something else of the file"),
  "row-without-file": fault("the catalogue knows a file that is not there"),
  "damaged-catalogue": fault("the catalogue contradicts itself; a server makes it anew from the files"),
  unfinished: remark("a file that a crash or power cut left while it was written"),
  empty: remark("an empty file that a power cut left, set aside"),
  gap: remark("sequences between others of a batch have no file"),
} as const satisfies Record<string, FindingFacts>;

export type FindingKind = keyof typeof FINDINGS;

export interface Finding {
  readonly kind: FindingKind;
  readonly run: string;
  /** A spectra file, a manifest, or the manifest of the batch that is meant; empty for a run that cannot be listed. */
  readonly file: string;
  /** What exactly, in words. */
  readonly fact: string;
  /** Whether the manifest or the catalogue is right again. */
  readonly isRepaired: boolean;
}

export interface VerificationReport {
  readonly files: number;
  readonly bytes: number;
  readonly batches: number;
  /** False where there is no catalogue to compare with. */
  readonly isCatalogueCompared: boolean;
  /** Findings that are faults and not repaired. */
  readonly faults: number;
  readonly repaired: number;
  /** How many there are of each kind; those that are not there are left out. */
  readonly counts: Readonly<Partial<Record<FindingKind, number>>>;
  /** The first of them; a medium that has lost everything would not fit into memory. */
  readonly findings: readonly Finding[];
}

const MOST_KEPT = 10_000;

/** Gathers findings into a report. */
export class Findings {
  readonly #kept: Finding[] = [];
  readonly #counts: Partial<Record<FindingKind, number>> = {};
  #faults = 0;
  #repaired = 0;

  add(finding: Finding): void {
    const { kind, isRepaired } = finding;
    this.#counts[kind] = (this.#counts[kind] ?? 0) + 1;
    if (isRepaired) this.#repaired += 1;
    else if (FINDINGS[kind].isFault) this.#faults += 1;
    if (this.#kept.length < MOST_KEPT) this.#kept.push(finding);
  }

  report(
    checked: Pick<VerificationReport, "files" | "bytes" | "batches" | "isCatalogueCompared">,
  ): VerificationReport {
    return {
      ...checked,
      faults: this.#faults,
      repaired: this.#repaired,
      counts: { ...this.#counts },
      findings: [...this.#kept],
    };
  }
}

function fault(meaning: string): FindingFacts {
  return { isFault: true, meaning };
}

function remark(meaning: string): FindingFacts {
  return { isFault: false, meaning };
}
