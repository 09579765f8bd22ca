// Whether the kernel holds the computer's clock for synchronised: chrony, timesyncd and ntpd tell it so.

import { type Libc, openLibc } from "../base/libc.ts";

/** What adjtimex() answers while nobody keeps the clock. */
const TIME_ERROR = 5;
/** Larger than struct timex on any machine; all zero, it only asks. */
const TIMEX_SIZE = 512;

/** False also where the kernel cannot be asked. */
export async function isClockSynchronised(libc: () => Promise<Libc> = openLibc): Promise<boolean> {
  try {
    const adjtimex = (await libc()).declare("int adjtimex(void *timex)");
    const state = adjtimex(Buffer.alloc(TIMEX_SIZE));
    return state >= 0 && state < TIME_ERROR;
  } catch {
    return false;
  }
}
