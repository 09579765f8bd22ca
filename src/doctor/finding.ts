// What the doctor says: one thing that was looked at, whether it is fine, and what mends it. Only what was measured.

export type Mark = "ok" | "warn" | "fault";

/** In the order in which they are shown. */
export const SECTIONS = ["spectrometers", "kernel", "permissions", "power", "server", "clock"] as const;

export type Section = (typeof SECTIONS)[number];

export interface Finding {
  readonly section: Section;
  /** Name of the check, for programs: `usb-permission`. */
  readonly check: string;
  readonly mark: Mark;
  /** What was looked at, such as `HR4000 at 1-1.2`. */
  readonly subject: string;
  /** What was seen, with figures. */
  readonly found: string;
  /** Commands, or what to do by hand, in this order; empty for what is fine. */
  readonly mend: readonly string[];
}

/** Something that is not as it should be, before it is known whose it is. */
export interface Complaint {
  readonly check: string;
  readonly mark: "warn" | "fault";
  readonly found: string;
  readonly mend: readonly string[];
}

export function fine(section: Section, check: string, subject: string, found: string): Finding {
  return { section, check, mark: "ok", subject, found, mend: [] };
}

export function complain(section: Section, subject: string, complaint: Complaint): Finding {
  const { check, mark, found, mend } = complaint;
  return { section, check, mark, subject, found, mend };
}

export function fault(check: string, found: string, ...mend: readonly string[]): Complaint {
  return { check, mark: "fault", found, mend };
}

export function warning(check: string, found: string, ...mend: readonly string[]): Complaint {
  return { check, mark: "warn", found, mend };
}
