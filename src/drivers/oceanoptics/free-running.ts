// Fresh frames from a device that exposes all the time (OOI). A request returns the cycle in progress, and a new
// integration time takes effect at the next boundary, so the first frame after a change can be stale:
//
//     host    02 T, 09             09, 02 idle
//     device  -idle-|-idle-|----------- T -----------|-idle-|-idle-
//     frames             stale                      kept
//
// The device idles at its shortest integration time, so that the stale frame costs a moment. Nothing sleeps and hopes:
// a frame is kept because no older cycle could still have been running, or because it follows a discarded frame; and
// always because it took its full integration time. Reference: vendor's notes on external triggering.

import { all } from "../../base/abort.ts";
import { type Clock, MS } from "../../base/clock.ts";
import { definedOnly } from "../../base/defined-only.ts";
import { messageOf, VscopeError } from "../../base/errors.ts";
import { Backoff } from "./backoff.ts";
import type { Exposure } from "./driver.ts";
import { ExposureBook } from "./exposure-book.ts";
import { dropFrames, learnHabits, learnMarginUs, MARGIN_US, outlasts, READ_MARGIN_US } from "./habits.ts";
import type { Ooi } from "./ooi.ts";

// A frame that takes this much longer than it should was a cycle of an older, longer setting.
const LATE_US = 100 * MS;

export interface KeptFrame {
  readonly bytes: Uint8Array;
  readonly exposureStartUs: number;
  readonly exposureEndUs: number;
  readonly discardedFrames: number;
}

/** One request within an acquisition. Times are on Clock.nowUs. */
interface Turn {
  /** 1 for the first frame after the settings were written. */
  readonly index: number;
  /** Written together with the request. */
  readonly setUs?: number;
  /** No fresh exposure can have begun earlier, however late this busy host notices an arrival. */
  readonly earliestUs: number;
  /** When the frame before this one was noticed. */
  readonly formerUs: number;
  /** From here on, a pending answer cannot be a stale frame any more; undefined: counted from the write. */
  readonly staleUntilUs?: number;
  /** The longest integration time of a stale frame. */
  readonly longestUs: number;
  /** When the scan arrived that this one follows at once. */
  readonly followsUs?: number;
}

interface Answer {
  readonly bytes: Uint8Array;
  readonly requestedUs: number;
  readonly arrivalUs: number;
  /** The answer was still pending when no stale frame could be. */
  readonly outlasted: boolean;
  /** The device was told to go back to idle while it exposed this frame. */
  readonly idled: boolean;
}

type Verdict = "fresh" | "stale" | "too-early";

/** What is asked of one acquisition. */
interface Goal extends Exposure {
  /** The device may go back to idle while it still exposes. */
  readonly mayIdleEarly: boolean;
}

export class FreeRunning {
  readonly #ooi: Ooi;
  readonly #clock: Clock;
  #book: ExposureBook;
  #isSynchronised = false;
  // Undefined until measured.
  #finishesCycles: boolean | undefined;
  /** When the newest frame arrived, of an exposure that another one like it was to follow. */
  #followsUs: number | undefined;
  // Until this host notices what has happened in the device.
  #marginUs = MARGIN_US;
  readonly #unproven = new Backoff();

  /** `runningUs`: what the device may be exposing with at the moment, for instance from its status. */
  constructor(ooi: Ooi, runningUs: number) {
    this.#ooi = ooi;
    this.#clock = ooi.link.clock;
    this.#book = new ExposureBook(ooi.model, this.idleUs, { runningUs, nowUs: this.#clock.nowUs() });
  }

  /** The integration time between acquisitions. */
  get idleUs(): number {
    return this.#ooi.model.integrationTimeUs.min;
  }

  /** The longest integration time that the cycle in progress can have. */
  get longestUs(): number {
    return this.#book.longestUs(this.#clock.nowUs());
  }

  /**
   * After opening or an error: writes the idle setting; the next acquisition first waits for the running cycle.
   * `runningUs`: the integration time in force, if the device tells it.
   */
  async restart(runningUs: number | undefined, signal: AbortSignal): Promise<void> {
    this.#isSynchronised = false;
    this.#followsUs = undefined;
    this.#book.found(runningUs ?? 0, this.#clock.nowUs());
    await this.#write(this.idleUs, signal);
  }

  /** Waits for the cycle in progress and, the first time, measures what the firmware does. `acquire` does it if need be. */
  async prepare(signal: AbortSignal): Promise<void> {
    if (!this.#isSynchronised) await this.#synchronise(signal);
  }

  /**
   * A frame whose exposure began after `notBeforeUs` and lasted `integrationTimeUs`.
   * Throws DEVICE_TIMEOUT when none comes, DEVICE_PROTOCOL when all are stale.
   */
  async acquire(exposure: Exposure, signal: AbortSignal): Promise<KeptFrame> {
    const { integrationTimeUs, notBeforeUs, another = false } = exposure;
    const nowUs = this.#clock.nowUs();
    if (nowUs < notBeforeUs) await this.#clock.delay(notBeforeUs - nowUs, signal);
    await this.prepare(signal);
    const followsUs = this.#followsUs;
    this.#followsUs = undefined;
    const mayIdleEarly = this.#finishesCycles === true && !another;
    let goal: Goal = { integrationTimeUs, notBeforeUs, another, mayIdleEarly };
    let turn: Turn = { ...this.#firstTurn(goal), ...definedOnly({ followsUs }) };
    const allowed = this.#book.staleDepth + 2;
    let wasUnproven = false;
    for (let discarded = 0; discarded <= allowed; discarded++) {
      const answer = await this.#exchange(turn, goal, signal);
      const verdict = this.#judge(turn, answer, goal);
      if (verdict === "fresh") {
        const frame = await this.#keep({ goal, turn, answer, discarded }, signal);
        if (wasUnproven && !another && this.#unproven.isDue()) await this.#learnMargin(signal);
        return frame;
      }
      if (verdict === "stale" && this.#couldProve(answer, goal)) wasUnproven = true;
      if (verdict === "too-early" && answer.idled) {
        this.#finishesCycles = false;
        goal = { ...goal, mayIdleEarly: false };
      }
      const mustSetAgain = this.#book.settingUs !== integrationTimeUs;
      turn = mustSetAgain ? this.#firstTurn(goal) : this.#nextTurn(turn, answer);
    }
    throw this.#ooi.link.protocolError(
      `${allowed + 1} frames in a row were stale or not exposed for ${integrationTimeUs} us`,
    );
  }

  /** Brings every cycle to `integrationTimeUs` and leaves it there: before the device is armed for a trigger. */
  async hold(integrationTimeUs: number, signal: AbortSignal): Promise<void> {
    const nowUs = this.#clock.nowUs();
    const { settingUs } = this.#book;
    if (this.#isSynchronised && settingUs === integrationTimeUs && this.#book.isSettled(nowUs)) return;
    // As many as show that no firmware falls back to an older setting.
    for (let frames = 0; frames <= this.#book.staleDepth; frames++)
      await this.acquire({ integrationTimeUs, notBeforeUs: nowUs, another: true }, signal);
  }

  // Ends whatever an earlier session left behind. Frames of requests that were still pending come along and are dropped.
  async #synchronise(signal: AbortSignal): Promise<void> {
    const { readoutMaxUs } = this.#ooi.model;
    await this.#dropUntilIdle(signal);
    await this.#ooi.link.drain(this.#ooi.inputs, 2 * (this.idleUs + readoutMaxUs), signal);
    if (this.#finishesCycles === undefined) {
      const { finishesCycles, staleDepth, marginUs } = await learnHabits(this.#ooi, signal);
      this.#marginUs = marginUs;
      this.#finishesCycles = finishesCycles;
      this.#book.staleDepth = staleDepth;
    }
    this.#book.cycleEnded(this.idleUs, this.#clock.nowUs());
    this.#isSynchronised = true;
  }

  /** True when a host that notices everything at once could have told this frame from a stale one. */
  #couldProve({ outlasted }: Answer, { integrationTimeUs }: Goal): boolean {
    const soonestUs = this.idleUs + 2 * this.#ooi.model.readoutMaxUs + MARGIN_US;
    return !outlasted && this.#marginUs > MARGIN_US && integrationTimeUs > soonestUs;
  }

  // A host that stalled while the device was opened has learnt a margin with which no short exposure can be proven fresh:
  // each would be made twice for the rest of the season.
  async #learnMargin(signal: AbortSignal): Promise<void> {
    try {
      await this.#dropUntilIdle(signal);
      this.#book.cycleEnded(this.idleUs, this.#clock.nowUs());
      this.#marginUs = await learnMarginUs(this.#ooi, signal);
      this.#ooi.link.log.debug(
        { marginUs: this.#marginUs },
        `${this.#ooi.link.subject}: measured the host again`,
      );
    } catch (error) {
      // The frame that is kept is good whatever came of this.
      this.#isSynchronised = false;
      signal.throwIfAborted();
      this.#ooi.link.log.debug(
        { reason: messageOf(error) },
        `${this.#ooi.link.subject}: could not measure the host`,
      );
    }
  }

  // After these frames every cycle has the idle setting.
  async #dropUntilIdle(signal: AbortSignal): Promise<void> {
    const { readoutMaxUs } = this.#ooi.model;
    const waitUs = this.longestUs + this.idleUs + readoutMaxUs + READ_MARGIN_US;
    await dropFrames(this.#ooi, { count: this.#book.staleDepth + 1, waitUs }, signal);
  }

  #firstTurn({ integrationTimeUs, notBeforeUs }: Goal): Turn {
    const nowUs = this.#clock.nowUs();
    const longestUs = this.#book.longestUs(nowUs);
    if (integrationTimeUs === this.#book.settingUs && this.#book.isSettled(nowUs)) {
      // Nothing changes, so only the start counts: the cycle in progress will do if it began after notBeforeUs.
      const staleUntilUs = notBeforeUs + integrationTimeUs + this.#ooi.model.readoutMaxUs;
      return { index: 1, earliestUs: notBeforeUs, formerUs: nowUs, staleUntilUs, longestUs };
    }
    return { index: 1, setUs: integrationTimeUs, earliestUs: nowUs, formerUs: nowUs, longestUs };
  }

  #nextTurn({ index, longestUs }: Turn, { requestedUs, arrivalUs }: Answer): Turn {
    // The former exposure was still going on when it was asked for; this one began after it.
    const staleUntilUs = this.#staleUntilUs(arrivalUs, longestUs);
    return { index: index + 1, earliestUs: requestedUs, formerUs: arrivalUs, staleUntilUs, longestUs };
  }

  // At worst the last cycle is being read out, the next one still has the old setting, and is read out as well.
  #staleUntilUs(fromUs: number, longestUs: number): number {
    return fromUs + longestUs + 2 * this.#ooi.model.readoutMaxUs + this.#marginUs;
  }

  async #exchange(turn: Turn, goal: Goal, signal: AbortSignal): Promise<Answer> {
    const arrived = new AbortController();
    const waitUs = turn.longestUs + goal.integrationTimeUs + this.#ooi.model.readoutMaxUs + READ_MARGIN_US;
    let received: { readonly bytes: Uint8Array; readonly arrivalUs: number } | undefined;
    let asked = { requestedUs: this.#clock.nowUs(), outlasted: false, idled: false };
    await all<void>(
      [
        async (inner) => {
          const bytes = await this.#ooi.readSpectrum(waitUs, inner);
          received = { bytes, arrivalUs: this.#clock.nowUs() };
          arrived.abort();
        },
        async (inner) => {
          const until = AbortSignal.any([arrived.signal, inner]);
          asked = await this.#ask(turn, { goal, until }, inner);
        },
      ],
      signal,
    );
    if (received === undefined)
      throw new VscopeError("INTERNAL", `${this.#ooi.link.subject}: a read ended without bytes`);
    return { ...received, ...asked };
  }

  // Sends the commands of a turn, then watches whether the answer outlasts every stale frame.
  async #ask(
    turn: Turn,
    { goal, until }: { readonly goal: Goal; readonly until: AbortSignal },
    signal: AbortSignal,
  ): Promise<Omit<Answer, "bytes" | "arrivalUs">> {
    const requestedUs = this.#clock.nowUs();
    const endsUs = turn.earliestUs + goal.integrationTimeUs - MARGIN_US;
    const idlesAtOnce = turn.index > this.#book.staleDepth && this.#mayIdle(goal, endsUs);
    await this.#send({ ...turn, idles: idlesAtOnce }, signal);
    const sentUs = this.#clock.nowUs();
    const staleUntilUs = turn.staleUntilUs ?? this.#staleUntilUs(sentUs, turn.longestUs);
    const outlasted = staleUntilUs <= requestedUs || (await outlasts(this.#clock, staleUntilUs, until));
    if (idlesAtOnce) return { requestedUs, outlasted, idled: sentUs < endsUs };
    if (!outlasted || until.aborted || !this.#mayIdle(goal, endsUs))
      return { requestedUs, outlasted, idled: false };
    await this.#write(this.idleUs, signal);
    return { requestedUs, outlasted, idled: this.#clock.nowUs() < endsUs };
  }

  // A return to idle takes effect after the cycle in progress, so that the next acquisition need not wait for another.
  #mayIdle({ mayIdleEarly }: Goal, endsUs: number): boolean {
    return mayIdleEarly && this.#clock.nowUs() + MARGIN_US < endsUs;
  }

  // All at once: the shorter the gap between setting and request, the rarer a boundary falls into it.
  async #send(
    { setUs, idles }: { readonly setUs?: number; readonly idles: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    await all<void>(
      [
        ...(setUs === undefined ? [] : [(inner: AbortSignal) => this.#write(setUs, inner)]),
        (inner) => this.#ooi.requestSpectrum(inner),
        ...(idles ? [(inner: AbortSignal) => this.#write(this.idleUs, inner)] : []),
      ],
      signal,
    );
  }

  async #write(us: number, signal: AbortSignal): Promise<void> {
    await this.#ooi.setIntegrationTimeUs(us, signal);
    this.#book.wrote(us, this.#clock.nowUs());
  }

  #judge(
    { index, earliestUs, formerUs, longestUs, setUs, followsUs }: Turn,
    answer: Answer,
    { integrationTimeUs }: Goal,
  ): Verdict {
    const isUnchanged = index === 1 && setUs === undefined;
    const toleranceUs = 100 + integrationTimeUs / 1000;
    // Firmware can fall back to an older setting for a cycle: a scan must last, too.
    const begunUs = isUnchanged ? followsUs : earliestUs;
    if (begunUs !== undefined && answer.arrivalUs < begunUs + integrationTimeUs - toleranceUs) {
      return "too-early";
    }
    const tookUs = answer.arrivalUs - formerUs;
    const isLate = tookUs > integrationTimeUs + this.#ooi.model.readoutMaxUs + LATE_US;
    if (index > 1 && isLate && longestUs > integrationTimeUs) return "stale";
    const isCounted = index > (isUnchanged ? 1 : this.#book.staleDepth);
    return answer.outlasted || isCounted ? "fresh" : "stale";
  }

  async #keep(
    kept: { readonly goal: Goal; readonly turn: Turn; readonly answer: Answer; readonly discarded: number },
    signal: AbortSignal,
  ): Promise<KeptFrame> {
    const { integrationTimeUs, notBeforeUs } = kept.goal;
    const { bytes, arrivalUs, idled } = kept.answer;
    if (kept.goal.another === true) this.#followsUs = arrivalUs;
    if (idled || kept.goal.another === true) {
      this.#book.cycleEnded(integrationTimeUs, this.#clock.nowUs());
    } else if (this.#book.settingUs !== this.idleUs) {
      await this.#write(this.idleUs, signal);
    }
    const begunUs = arrivalUs - this.#ooi.model.readoutUs - integrationTimeUs;
    const exposureStartUs = Math.max(notBeforeUs, kept.turn.earliestUs, begunUs);
    const exposureEndUs = exposureStartUs + integrationTimeUs;
    return { bytes, exposureStartUs, exposureEndUs, discardedFrames: kept.discarded };
  }
}
