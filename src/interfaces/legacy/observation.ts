// Observing a row: its observers are told when its value has changed, and of every change where piccolo3 tells of each.

import { watchAll } from "../../resources/router.ts";
import { jsonText } from "./json-text.ts";
import type { Legacy } from "./legacy.ts";
import type { Row, Subject } from "./row.ts";

export type Subscribe = (changed: () => void) => () => void;

/** Undefined when the row cannot be observed. */
export function observationOf(row: Row, legacy: Legacy, subject: Subject): Subscribe | undefined {
  const { watch, repeat } = row;
  if (watch === undefined && repeat === undefined) return undefined;
  return (changed) => {
    let shown = textNow(row, legacy, subject);
    const changedIndeed = (): void => {
      const text = textNow(row, legacy, subject);
      if (text === shown) return;
      shown = text;
      changed();
    };
    const stops = [
      watchAll(() => watch?.(legacy, subject.at) ?? [], changedIndeed),
      watchAll(() => repeat?.(legacy, subject.at) ?? [], changed),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  };
}

// What fails to be read is told, too.
function textNow({ get }: Row, legacy: Legacy, subject: Subject): string | undefined {
  try {
    return jsonText(get?.(legacy, subject));
  } catch {
    return undefined;
  }
}
