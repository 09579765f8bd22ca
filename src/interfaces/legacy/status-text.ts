// What the acquisition is doing, in the words that piccolo3's clients compare.

import type { AcquisitionStatus } from "../../acquisition/status.ts";

/** What has no word there is some kind of waiting. */
const WORDS: readonly string[] = ["idle", "waiting", "paused"];

export function statusText({ phase, channel = "" }: AcquisitionStatus): string {
  if (phase === "light" || phase === "dark") return `${channel} ${phase}`;
  if (phase === "autointegrate") return `autointegrate ${channel}`;
  return WORDS.includes(phase) ? phase : "waiting";
}
