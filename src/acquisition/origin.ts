// What made a recording begin.

export const ORIGINS = ["client", "schedule", "trigger", "resumption"] as const;

export interface Origin {
  readonly by: (typeof ORIGINS)[number];
  /** Of the job, or the batch that is resumed as `run/batch`. */
  readonly id?: string;
  readonly reason?: string;
}

/** As files have it: `client`, `schedule 3`, `resumption plot10/4`. */
export function originText({ by, id }: Origin): string {
  return id === undefined ? by : `${by} ${id}`;
}

export const BY_CLIENT: Origin = { by: "client" };
