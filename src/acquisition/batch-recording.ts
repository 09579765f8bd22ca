// Carries out the steps of one batch: warm-up, searches, darks, lights, waits; writes each set as it is finished.

import { withDeadline } from "../base/abort.ts";
import { SECOND } from "../base/clock.ts";
import { definedOnly } from "../base/defined-only.ts";
import { VscopeError } from "../base/errors.ts";
import type { Batch } from "../datadir/batch.ts";
import type { Spectrometer } from "../instruments/spectrometer.ts";
import { colourOf, countFlags } from "../spectra/flags.ts";
import { withCommonFlags } from "../spectra/common-flags.ts";
import type { SpectraSet, Spectrum, SpectrumFailure, SpectrumKind } from "../spectra/spectrum.ts";
import type { BatchParts, BatchPlan, BatchResult } from "./batch-parts.ts";
import type { BatchWriter } from "./batch-writer.ts";
import { detectorTemperaturesC, lightsNow, oldestDarkAgeS } from "./dark-ages.ts";
import { Estimator } from "./estimator.ts";
import { anyReady, exposeAgain, failuresAsError } from "./exposure.ts";
import { originText } from "./origin.ts";
import type { Step } from "./settings.ts";
import type { AcquisitionStatus } from "./status.ts";
import { countKinds, kindOf, type StepKind, StepTimes } from "./step-times.ts";
import { Tally } from "./tally.ts";
import { type Turn, withStartSkew } from "./turns.ts";
import { ofPanel } from "./white-reference.ts";
import { WARM_UP_US, type WarmUp, warmUp } from "./warm-up.ts";

/** How long a batch waits for any spectrometer to come back. */
const RETURN_US = 600 * SECOND;

/** Whether a step was carried out, and in its usual way. */
type Performed = "done" | "left out" | "troubled";

export class BatchRecording {
  readonly #parts: BatchParts;
  readonly #plan: BatchPlan;
  readonly #batch: Batch;
  readonly #writer: BatchWriter;
  readonly #times: StepTimes;
  readonly #estimator: Estimator<StepKind>;
  readonly #tally = new Tally();
  #warmUp: WarmUp | undefined;

  constructor(parts: BatchParts, plan: BatchPlan, { batch, writer }: { batch: Batch; writer: BatchWriter }) {
    this.#parts = parts;
    this.#plan = plan;
    this.#batch = batch;
    this.#writer = writer;
    const times = new StepTimes(parts.optics, plan.settings, plan.turns);
    this.#times = times;
    this.#estimator = new Estimator({
      steps: countKinds(plan.steps()),
      modelUs: (kind) => times.modelUs(kind),
      shareOf: (kind) => times.shareOf(kind),
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { steps, count } = this.#plan;
    const { report } = this.#parts;
    let done = 0;
    report.progress(done, count, this.#estimator.remainingUs);
    for (const step of steps()) {
      await this.#measure(step, signal);
      done += 1;
      report.result(this.result());
      report.progress(done, count, this.#estimator.remainingUs);
    }
  }

  result(): BatchResult {
    const { count, newest } = this.#writer;
    return {
      run: this.#plan.settings.run,
      batch: this.#batch.number,
      files: count,
      ...(newest === undefined ? {} : { newestFile: newest.file }),
      ...this.#tally.counts,
      ...definedOnly({ warmUp: this.#warmUp, goesOnWith: this.#plan.takeUp?.before }),
    };
  }

  /** These could not be written. */
  lost(spectra: readonly Spectrum[]): void {
    this.#tally.lost(spectra);
  }

  throwFailures(): void {
    const { failed, failures, spectra } = this.#tally.counts;
    if (failed === 0) return;
    const kept = `${spectra} spectra are kept: ${this.#tally.deliveredText}`;
    throw failuresAsError(failures, `${failed} exposures failed, ${kept}`);
  }

  async #measure(step: Step, signal: AbortSignal): Promise<void> {
    const { clock, pause } = this.#parts;
    const workedUs = (): number => clock.nowUs() - pause.heldUs;
    const startUs = workedUs();
    const performed = await this.#perform(step, signal);
    // A wait is as long as it is asked to be; what went wrong tells nothing about the next step.
    const isTelling = performed === "done" && step.do !== "wait";
    this.#estimator.done(kindOf(step), isTelling ? workedUs() - startUs : undefined);
  }

  #perform(step: Step, signal: AbortSignal): Promise<Performed> {
    switch (step.do) {
      case "warm-up":
        return this.#warm(step.sequence, signal);
      case "autointegrate":
        return this.#search(step.sequence, signal);
      case "dark":
        return this.#dark(step.sequence, step.ifNeeded === true, signal);
      case "light":
        return this.#record("light", step.sequence, signal);
      case "wait":
        return this.#wait(step.sequence, signal);
    }
  }

  async #warm(sequence: number, signal: AbortSignal): Promise<Performed> {
    const { clock, log, optics, pause } = this.#parts;
    this.#show("warm-up", sequence);
    const result = await warmUp({ clock, pause, rack: optics.rack }, signal);
    this.#warmUp = result;
    const [first] = result.unsettled;
    if (first === undefined) return "done";
    for (const unsettled of result.unsettled) log.warn(unsettled, "the cooler has not settled");
    if (this.#plan.settings.onFailure === "continue") return "troubled";
    const fact = `the cooler has not settled within ${WARM_UP_US / SECOND} s, ${first.reason}`;
    throw new VscopeError("DEVICE_FAULT", `${first.serial}: ${fact}`);
  }

  async #search(sequence: number, signal: AbortSignal): Promise<Performed> {
    const { autointegration, channels, pause } = this.#parts;
    let performed: Performed = "done";
    for (const channel of channels) {
      await pause.pass(signal);
      this.#show("autointegrate", sequence, channel);
      const { targetPercent } = this.#plan.settings;
      const { failures } = await autointegration.search(channel, targetPercent, signal);
      this.#remember(failures);
      this.#stopAfter(failures);
      if (failures.length > 0) performed = "troubled";
    }
    this.#times.searched();
    return performed;
  }

  async #dark(sequence: number, ifNeeded: boolean, signal: AbortSignal): Promise<Performed> {
    const ageS = ifNeeded ? await this.#presentDarkAgeS(signal) : undefined;
    if (ageS !== undefined && ageS <= this.#plan.settings.darkMaxAgeS) return "left out";
    return this.#record("dark", sequence, signal);
  }

  async #wait(sequence: number, signal: AbortSignal): Promise<Performed> {
    this.#show("waiting", sequence);
    await this.#parts.pause.delay(this.#plan.settings.delayS * SECOND, signal);
    return "done";
  }

  async #record(kind: SpectrumKind, sequence: number, signal: AbortSignal): Promise<Performed> {
    const spectra: Spectrum[] = [];
    const failures: SpectrumFailure[] = [];
    const turns = kind === "light" ? this.#plan.turns : this.#parts.channels.map((channel) => ({ channel }));
    try {
      for (const turn of turns) {
        await this.#parts.pause.pass(signal);
        this.#show(kind, sequence, turn.channel);
        const exposed = await this.#expose(turn, kind, signal);
        spectra.push(...exposed.spectra);
        failures.push(...exposed.failures);
      }
    } catch (error) {
      // A shutter has failed: what the channels before it gave is kept. An aborted sequence is not.
      this.#lack(failures);
      if (!signal.aborted && spectra.length > 0) await this.#write({ kind, sequence, spectra, failures });
      throw error;
    }
    this.#lack(failures);
    // A file without any spectrum would look like data.
    if (spectra.length > 0) await this.#write({ kind, sequence, spectra, failures });
    signal.throwIfAborted();
    this.#stopAfter(failures);
    if (spectra.length === 0) await this.#outlast(failures, sequence, signal);
    signal.throwIfAborted();
    return failures.length === 0 ? "done" : "troubled";
  }

  async #expose(turn: Turn, kind: SpectrumKind, signal: AbortSignal) {
    const { clock, log, optics, qualityLimits } = this.#parts;
    const { channel } = turn;
    const { retries } = this.#plan.settings;
    const exposed = await exposeAgain({ optics, clock, retries }, { channel, kind }, signal);
    const { failures, failedBefore } = exposed;
    for (const failure of failedBefore) log.warn(failure, "exposure failed, it is repeated");
    this.#tally.retried(failedBefore.length);
    const skewed = withStartSkew(exposed.spectra, qualityLimits);
    const [{ startSkewUs } = {}] = skewed;
    if (startSkewUs !== undefined) {
      this.#tally.skewed(channel, startSkewUs);
      log.debug({ channel, kind, startSkewUs }, "turn recorded");
    }
    const { bracket, panel } = turn;
    const spectra = skewed.map((spectrum) => ({
      ...(panel === undefined ? spectrum : ofPanel(spectrum, panel)),
      ...definedOnly({ bracket }),
    }));
    return { spectra, failures };
  }

  async #write(measured: SpectraSet): Promise<void> {
    const origin = originText(this.#plan.origin);
    const set = { ...measured, origin, spectra: await this.#judged(measured) };
    this.#tally.kept(set.spectra);
    this.#warnOf(set);
    await this.#writer.write(set);
  }

  // What neither a spectrometer nor a turn knows: the darks that are on the disk, and the rest of the sequence.
  async #judged({ kind, spectra }: SpectraSet): Promise<readonly Spectrum[]> {
    if (kind === "dark") return spectra;
    const { darks, optics } = this.#parts;
    await this.#writer.darksSettled();
    const judged = withCommonFlags(darks.withDarks(this.#batch.run, spectra));
    for (const one of judged) optics.rack.spectrometer(one.instrument.serial).newest(one.channel).amend(one);
    return judged;
  }

  #warnOf({ kind, sequence, spectra }: SpectraSet): void {
    const colour = colourOf(spectra.flatMap(({ flags }) => flags));
    if (colour === "green") return;
    const where = { run: this.#plan.settings.run, batch: this.#batch.number, sequence, kind };
    this.#parts.log.warn({ ...where, colour, flags: countFlags(spectra) }, "spectra have quality flags");
  }

  // Nobody is there to press the button again, so the batch waits for a device that was replugged or has to be reset.
  async #outlast(failures: readonly SpectrumFailure[], sequence: number, signal: AbortSignal): Promise<void> {
    this.#show("waiting", sequence);
    const { clock, optics } = this.#parts;
    const { spectra } = this.#tally.counts;
    const kept = `no spectrometer came back within ${RETURN_US / SECOND} s, ${spectra} spectra are kept`;
    const late = (): Error => failuresAsError(failures, kept);
    await withDeadline({ clock, us: RETURN_US, late }, signal, (limited) => anyReady(optics.rack, limited));
  }

  #remember(failures: readonly SpectrumFailure[]): void {
    for (const failure of failures) this.#parts.log.warn(failure, "exposure failed");
    this.#tally.failed(failures);
  }

  #lack(failures: readonly SpectrumFailure[]): void {
    this.#remember(failures);
    this.#tally.missing(failures);
  }

  // The error of the whole batch tells what failed.
  #stopAfter(failures: readonly SpectrumFailure[]): void {
    if (failures.length > 0 && this.#plan.settings.onFailure === "stop") this.throwFailures();
  }

  async #presentDarkAgeS(signal: AbortSignal): Promise<number | undefined> {
    await this.#writer.darksSettled();
    return this.#oldestDarkAgeS(await detectorTemperaturesC(this.#attached(), signal));
  }

  #oldestDarkAgeS(temperaturesC?: ReadonlyMap<string, number>): number | undefined {
    const { clock, channels, darks } = this.#parts;
    const now = { nowUs: clock.nowUs(), ...definedOnly({ temperaturesC }) };
    return oldestDarkAgeS(darks, this.#batch.run, lightsNow(this.#attached(), channels, now));
  }

  #attached(): readonly Spectrometer[] {
    return this.#parts.optics.rack.spectrometers.value.filter(({ isAttached }) => isAttached);
  }

  #show(phase: AcquisitionStatus["phase"], sequence: number, channel?: string): void {
    const { run, sequences } = this.#plan.settings;
    const where = { run, batch: this.#batch.number, sequence, of: sequences };
    const inAll = this.#inAll(sequence);
    this.#parts.show({
      phase,
      ...where,
      ...definedOnly({ inAll, channel, darkAgeS: this.#oldestDarkAgeS() }),
    });
  }

  #inAll(sequence: number): AcquisitionStatus["inAll"] {
    const before = this.#plan.takeUp?.before;
    if (before === undefined) return undefined;
    // A dark that is made up for belongs to the last one.
    return { sequence: Math.min(before.recorded + sequence, before.sequences - 1), of: before.sequences };
  }
}
