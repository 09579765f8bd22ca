// What is told of a data directory and its medium.

export interface DataDirectoryStatus {
  readonly mounted: boolean;
  readonly freeBytes: number;
  readonly totalBytes: number;
  readonly reserveBytes: number;
  /** Files the catalogue has still to read; 0 when it is complete. */
  readonly filesToIndex: number;
  /** Why the catalogue may not find everything, until it is opened again; undefined when all is well. */
  readonly catalogueProblem: string | undefined;
  /** Of the data directory; undefined while none is there. */
  readonly uuid: string | undefined;
  /** Such as `vfat`; undefined where the kernel does not tell. */
  readonly fileSystem: string | undefined;
  /** Nothing can be recorded. */
  readonly readOnly: boolean;
  /** Why it is not mounted. */
  readonly problem: string | undefined;
}

/** What changes when the medium goes. */
export const ABSENT = {
  mounted: false,
  freeBytes: 0,
  totalBytes: 0,
  uuid: undefined,
  fileSystem: undefined,
  readOnly: false,
} as const;

/** What there is to say of a catalogue that is not open. */
export const NO_CATALOGUE = { filesToIndex: 0, catalogueProblem: undefined } as const;
