// One exposure of all spectrometers together through one channel, or with every shutter closed.

import { firstOf } from "../base/abort.ts";
import { until } from "../base/cell.ts";
import { type Clock, SECOND } from "../base/clock.ts";
import { asVscopeError, isErrorCode, isVscopeError, VscopeError } from "../base/errors.ts";
import type { Rack } from "../instruments/rack.ts";
import type { ShutterSet } from "../instruments/shutter.ts";
import type { Spectrometer, SpectrumRequest } from "../instruments/spectrometer.ts";
import type { Spectrum, SpectrumFailure, SpectrumKind } from "../spectra/spectrum.ts";

/** The instruments that share the light. */
export interface Optics {
  readonly rack: Rack;
  readonly shutters: ShutterSet;
}

/** What the spectrometers are to see. */
export interface Light {
  readonly channel: string;
  readonly kind: SpectrumKind;
  /** Serial numbers of those that expose; all when absent. */
  readonly only?: ReadonlySet<string>;
}

export interface ExposureResult {
  readonly spectra: readonly Spectrum[];
  readonly failures: readonly SpectrumFailure[];
}

/** How long an exposure that is repeated waits for the spectrometers that failed. */
const RECOVERY_US = 10 * SECOND;

/** Work with one spectrometer while the light is on (or off); the exposure must begin after `notBeforeUs`. */
export type SpectrometerTask<T> = (
  spectrometer: Spectrometer,
  notBeforeUs: number,
  signal: AbortSignal,
) => Promise<T>;

/**
 * Light: opens the channel's shutter, runs `task` for every spectrometer at once, closes the shutter.
 * Dark: makes sure that every shutter is closed first. The shutter closes after failure and abort, too.
 * One spectrometer's failure leaves the others alone. Throws when the shutter fails or `signal` aborts.
 */
export async function withLight<T>(
  { rack, shutters }: Optics,
  { channel, kind, only }: Light,
  task: SpectrometerTask<T>,
  signal: AbortSignal,
): Promise<{ readonly values: readonly T[]; readonly failures: readonly SpectrumFailure[] }> {
  // What a client has switched off is not asked, and so does not fail.
  const spectrometers = rack.spectrometers.value.filter(
    ({ status, serial }) => status.value.state !== "powered-off" && only?.has(serial) !== false,
  );
  // The shutter's signal ends the work, too, when the shutter has to close.
  const together = (notBeforeUs: number, inner: AbortSignal) =>
    settleEach(spectrometers, channel, (spectrometer) => task(spectrometer, notBeforeUs, inner));
  const others = shutters.list().filter((shutter) => kind === "dark" || shutter.channel !== channel);
  // In turn: solenoids together could draw more than the supply gives. A closed shutter costs nothing; while its blades
  // come to rest the next one can move.
  for (const shutter of others) await shutter.closeAhead(signal);
  const othersRestUs = Math.max(0, ...others.map((shutter) => shutter.settledAtUs));
  const result =
    kind === "light"
      ? await shutters
          .shutter(channel)
          .withOpen((restsUs, inner) => together(Math.max(restsUs, othersRestUs), inner), signal)
      : await together(othersRestUs, signal);
  signal.throwIfAborted();
  return result;
}

/** One spectrum of every spectrometer, each with the integration time set for the channel. */
export async function expose(optics: Optics, what: Light, signal: AbortSignal): Promise<ExposureResult> {
  const { channel, kind } = what;
  const { values, failures } = await withLight(
    optics,
    what,
    (spectrometer, notBeforeUs, inner) => acquireSurely(spectrometer, { channel, kind, notBeforeUs }, inner),
    signal,
  );
  return { spectra: values, failures };
}

/**
 * `expose`, and up to `retries` times again for the spectrometers that failed, as soon as they are back; the shutter is
 * closed meanwhile. `failedBefore` are the failures that were made up for or repeated.
 */
export async function exposeAgain(
  { optics, clock, retries }: { readonly optics: Optics; readonly clock: Clock; readonly retries: number },
  what: Light,
  signal: AbortSignal,
): Promise<ExposureResult & { readonly failedBefore: readonly SpectrumFailure[] }> {
  let { spectra, failures } = await expose(optics, what, signal);
  const failedBefore: SpectrumFailure[] = [];
  for (let retry = 0; retry < retries && failures.length > 0; retry++) {
    const only = new Set(failures.map(({ serial }) => serial));
    const failed = optics.rack.spectrometers.value.filter(({ serial }) => only.has(serial));
    await recovered(clock, failed, signal);
    failedBefore.push(...failures);
    const again = await expose(optics, { ...what, only }, signal);
    spectra = [...spectra, ...again.spectra];
    // One that was switched off meanwhile is not asked again, and has failed all the same.
    const answered = new Set([
      ...again.spectra.map(({ instrument }) => instrument.serial),
      ...again.failures.map(({ serial }) => serial),
    ]);
    failures = [...again.failures, ...failures.filter(({ serial }) => !answered.has(serial))];
  }
  return { spectra, failures, failedBefore };
}

// Resolves when all are back, or none of those that are away will be back soon.
async function recovered(
  clock: Clock,
  spectrometers: readonly Spectrometer[],
  signal: AbortSignal,
): Promise<void> {
  const allReady = (joined: AbortSignal): Promise<unknown> =>
    Promise.all(spectrometers.map((one) => ready(one, joined)));
  const late = (joined: AbortSignal): Promise<unknown> => clock.delay(RECOVERY_US, joined);
  await firstOf([allReady, late], signal);
}

function ready({ status }: Spectrometer, signal: AbortSignal): Promise<unknown> {
  return until(status, ({ state }) => state === "idle", signal);
}

/** Acquires, and once more after a disturbed transfer: that is no reason for a gap, the device recovers in between. */
export async function acquireSurely(
  spectrometer: Spectrometer,
  request: SpectrumRequest,
  signal: AbortSignal,
): Promise<Spectrum> {
  try {
    return await spectrometer.acquire(request, signal);
  } catch (error) {
    if (signal.aborted || !isVscopeError(error, "DEVICE_PROTOCOL", "DEVICE_TIMEOUT")) throw error;
    // A trigger that did not come is not the device's doing.
    if (error.details.timeoutS !== undefined) throw error;
    return await spectrometer.acquire(request, signal);
  }
}

async function settleEach<T>(
  spectrometers: readonly Spectrometer[],
  channel: string,
  task: (spectrometer: Spectrometer) => Promise<T>,
): Promise<{ readonly values: T[]; readonly failures: SpectrumFailure[] }> {
  const values: T[] = [];
  const failures: SpectrumFailure[] = [];
  const outcomes = await Promise.allSettled(spectrometers.map(task));
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.status === "fulfilled") {
      values.push(outcome.value);
    } else {
      const { code, message } = asVscopeError(outcome.reason);
      failures.push({ serial: spectrometers[index]?.serial ?? "", channel, code, message });
    }
  }
  return { values, failures };
}

/** Resolves when at least one spectrometer can record; rejects when the signal aborts. */
export async function anyReady({ spectrometers }: Rack, signal: AbortSignal): Promise<void> {
  const waits = spectrometers.value.map(
    (one) =>
      (joined: AbortSignal): Promise<unknown> =>
        ready(one, joined),
  );
  await firstOf(waits, signal);
}

/**
 * The failures as one error for the operation: what it came to, then their texts; the first one's code. Without any
 * failure nobody was there to fail: what is switched off is not asked.
 */
export function failuresAsError(failures: readonly SpectrumFailure[], outcome: string): VscopeError {
  if (failures.length === 0)
    return new VscopeError("DEVICE_NOT_CONNECTED", `${outcome}; every spectrometer is switched off`);
  const texts = [...new Set(failures.map(({ channel, message }) => `${message} (${channel})`))];
  const shown = texts.slice(0, 3).join("; ") + (texts.length > 3 ? `; and ${texts.length - 3} more` : "");
  const code = failures[0]?.code ?? "";
  return new VscopeError(isErrorCode(code) ? code : "INTERNAL", `${outcome}; ${shown}`, {
    details: { failures },
  });
}
