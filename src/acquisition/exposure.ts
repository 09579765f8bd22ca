// One exposure of all spectrometers together through one channel, or with every shutter closed.

import { withAny } from "../base/abort.ts";
import { until } from "../base/cell.ts";
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

export interface ExposureResult {
  readonly spectra: readonly Spectrum[];
  readonly failures: readonly SpectrumFailure[];
}

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
  { channel, kind }: { readonly channel: string; readonly kind: SpectrumKind },
  task: SpectrometerTask<T>,
  signal: AbortSignal,
): Promise<{ readonly values: readonly T[]; readonly failures: readonly SpectrumFailure[] }> {
  // What a client has switched off is not asked, and so does not fail.
  const spectrometers = rack.spectrometers.value.filter(({ status }) => status.value.state !== "powered-off");
  // The shutter's signal ends the work, too, when the shutter has to close.
  const together = (notBeforeUs: number, inner: AbortSignal) =>
    settleEach(spectrometers, channel, (spectrometer) => task(spectrometer, notBeforeUs, inner));
  const others = shutters.list().filter((shutter) => kind === "dark" || shutter.channel !== channel);
  // In turn: solenoids together could draw more than the supply gives. A closed shutter costs nothing.
  for (const shutter of others) await shutter.close(signal);
  const result =
    kind === "light"
      ? await shutters.shutter(channel).withOpen(together, signal)
      : await together(Math.max(0, ...others.map((shutter) => shutter.settledAtUs)), signal);
  signal.throwIfAborted();
  return result;
}

/** One spectrum of every spectrometer, each with the integration time set for the channel. */
export async function expose(
  optics: Optics,
  what: { readonly channel: string; readonly kind: SpectrumKind },
  signal: AbortSignal,
): Promise<ExposureResult> {
  const { values, failures } = await withLight(
    optics,
    what,
    (spectrometer, notBeforeUs, inner) => acquireSurely(spectrometer, { ...what, notBeforeUs }, inner),
    signal,
  );
  return { spectra: values, failures };
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
  const found = new AbortController();
  try {
    await withAny([signal, found.signal], (joined) =>
      Promise.race(
        spectrometers.value.map(({ status }) => until(status, ({ state }) => state === "idle", joined)),
      ),
    );
  } finally {
    found.abort();
  }
}

/**
 * The failures as one error for the operation: the first one's code, all their texts. Without any failure nobody was
 * there to fail: what is switched off is not asked.
 */
export function failuresAsError(failures: readonly SpectrumFailure[], kept: string): VscopeError {
  if (failures.length === 0)
    return new VscopeError("DEVICE_NOT_CONNECTED", `every spectrometer is switched off; ${kept}`);
  const texts = [...new Set(failures.map(({ channel, message }) => `${message} (${channel})`))];
  const shown = texts.slice(0, 3).join("; ") + (texts.length > 3 ? `; and ${texts.length - 3} more` : "");
  const code = failures[0]?.code ?? "";
  return new VscopeError(isErrorCode(code) ? code : "INTERNAL", `${shown}; ${kept}`, {
    details: { failures },
  });
}
