// What a free-running device does with a new integration time: a measurement of a few exposures, once after opening.
// Firmware differs, and no command tells. Only what a busy host cannot mistake counts as seen: a frame that is still
// pending is not there, and a frame that is there has not come too late.

import { all } from "../../base/abort.ts";
import { type Clock, MS } from "../../base/clock.ts";
import type { Ooi } from "./ooi.ts";

/** Host and bus between a write and its effect, beside the read-out. */
export const MARGIN_US = 500;
/** A frame that is later than computed by this much does not come. */
export const READ_MARGIN_US = 500 * MS;

// Known firmware keeps an old setting for two boundaries at most.
const DEEPEST = 2;
// A busy host can hide what the device does; then it is looked at again, in longer exposures that leave it more time.
const SLACKS_US = [MARGIN_US, 20 * MS, 100 * MS] as const;

// Idle frames that show how late the host notices a frame.
const LATENESS_FRAMES = 4;

export interface Habits {
  /** A cycle in progress keeps its integration time when another one is set. */
  readonly finishesCycles: boolean;
  /** Frames after a change that may still have the old setting. */
  readonly staleDepth: number;
  /** What must be allowed between an event in the device and the moment in which this host notices it. */
  readonly marginUs: number;
}

/** True when `signal` has not aborted by `atUs`. */
export async function outlasts(clock: Clock, atUs: number, signal: AbortSignal): Promise<boolean> {
  try {
    await clock.delay(Math.max(0, atUs - clock.nowUs()), signal);
    // A stalled host finds the timer and the finished transfer due at the same time; let the transfer speak first.
    await clock.delay(0, signal);
    return true;
  } catch {
    return false;
  }
}

/** Reads and drops frames, one request after the other. */
export async function dropFrames(
  ooi: Ooi,
  { count, waitUs }: { readonly count: number; readonly waitUs: number },
  signal: AbortSignal,
): Promise<void> {
  for (let frames = 0; frames < count; frames++) {
    const read = (inner: AbortSignal) => ooi.readSpectrum(waitUs, inner);
    await all<unknown>([read, (inner) => ooi.requestSpectrum(inner)], signal);
  }
}

/** Measures the habits. The device idles at its shortest integration time before and after. */
export async function learnHabits(ooi: Ooi, signal: AbortSignal): Promise<Habits> {
  const marginUs = await learnMarginUs(ooi, signal);
  let learnt: Habits = { finishesCycles: false, staleDepth: DEEPEST, marginUs };
  for (const slackUs of SLACKS_US) {
    const seen = await measure(ooi, Math.max(slackUs, marginUs), signal);
    learnt = {
      marginUs,
      finishesCycles: learnt.finishesCycles || seen.finishesCycles,
      staleDepth: Math.min(learnt.staleDepth, seen.staleDepth),
    };
    if (learnt.finishesCycles && learnt.staleDepth < DEEPEST) break;
  }
  ooi.link.log.debug({ ...learnt }, `${ooi.link.subject}: behaviour after a change of integration time`);
  // What was seen goes before what the row expects; but one frame can always fall between setting and request.
  return { ...learnt, staleDepth: Math.max(learnt.staleDepth, Math.min(1, ooi.model.staleDepth)) };
}

/**
 * Measures what must be allowed between an event in the device and the moment in which this host notices it. The device
 * idles. An idle frame is there after a cycle and the read-out; what it takes longer is the host's.
 */
export async function learnMarginUs(ooi: Ooi, signal: AbortSignal): Promise<number> {
  const { integrationTimeUs, readoutMaxUs } = ooi.model;
  const soonestUs = integrationTimeUs.min + readoutMaxUs;
  let latest = 0;
  for (let frames = 0; frames < LATENESS_FRAMES; frames++) {
    const requestedUs = ooi.link.clock.nowUs();
    await dropFrames(ooi, { count: 1, waitUs: soonestUs + READ_MARGIN_US }, signal);
    latest = Math.max(latest, ooi.link.clock.nowUs() - requestedUs - soonestUs);
  }
  return Math.max(MARGIN_US, 2 * latest);
}

/** `slackUs`: what the host may take to notice a frame. */
async function measure(
  ooi: Ooi,
  slackUs: number,
  signal: AbortSignal,
): Promise<Pick<Habits, "finishesCycles" | "staleDepth">> {
  const { clock } = ooi.link;
  const { integrationTimeUs, readoutMaxUs } = ooi.model;
  const idleUs = integrationTimeUs.min;
  // In this time an idle cycle ends, another one passes, and its frame is here.
  const shortUs = 2 * (idleUs + readoutMaxUs) + readoutMaxUs + slackUs;
  const longUs = 3 * Math.ceil(shortUs / integrationTimeUs.step) * integrationTimeUs.step;
  const waitUs = longUs + shortUs + READ_MARGIN_US;
  await ooi.setIntegrationTimeUs(longUs, signal);
  await dropFrames(ooi, { count: DEEPEST + 1, waitUs }, signal);

  // Now every cycle is long, and one has just begun: what happens to it when idle is set?
  const arrived = new AbortController();
  let finishesCycles = false;
  await all<void>(
    [
      (inner) => ooi.readSpectrum(waitUs, inner).then(() => arrived.abort()),
      async (inner) => {
        await ooi.requestSpectrum(inner);
        await ooi.setIntegrationTimeUs(idleUs, inner);
        finishesCycles = await outlasts(
          clock,
          clock.nowUs() + shortUs,
          AbortSignal.any([arrived.signal, inner]),
        );
      },
    ],
    signal,
  );
  const requestedUs = clock.nowUs();
  await dropFrames(ooi, { count: 1, waitUs }, signal);
  const isShort = clock.nowUs() - requestedUs < shortUs;
  await dropFrames(ooi, { count: DEEPEST, waitUs }, signal);
  return { finishesCycles, staleDepth: isShort ? 1 : DEEPEST };
}
