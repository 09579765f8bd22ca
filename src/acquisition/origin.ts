// What made a recording begin.

export const ORIGINS = ["client", "schedule", "trigger", "resumption"] as const;

export interface Origin {
  readonly by: (typeof ORIGINS)[number];
  /** Of the job, or the batch that is resumed as `run/batch`. */
  readonly id?: string;
  readonly reason?: string;
}

export const BY_CLIENT: Origin = { by: "client" };
