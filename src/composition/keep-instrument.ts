// Keeps, in each data directory that comes, with which instrument configuration and calibration files is recorded.

import { type Clock, SECOND } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Lifetime } from "../base/lifetime.ts";
import type { Log } from "../base/log.ts";
import type { DataDirectory } from "../datadir/data-directory.ts";
import type { InstrumentFileText } from "../datadir/instrument-archive.ts";

export interface KeepInstrumentParts {
  readonly dataDirectory: DataDirectory;
  /** The instrument configuration among them; what is in use until the server ends. */
  readonly files: readonly InstrumentFileText[];
  readonly clock: Clock;
  readonly log: Log;
}

/** By so much the wall clock was set: what is in use has another time from then on. */
const JUMP_US = 60 * SECOND;

/** Until it is done, each look at the medium tries again; never throws: spectra can be recorded on one that takes nothing else. */
export async function keepInstrument(
  { dataDirectory, files, clock, log }: KeepInstrumentParts,
  lifetime: Lifetime,
): Promise<void> {
  const { status } = dataDirectory;
  let keptIn: string | undefined;
  let keptBehindUs = 0;
  let isBusy = false;
  let told = "";
  const keep = async (): Promise<void> => {
    const { mounted, readOnly, uuid = "" } = status.value;
    const behindUs = clock.utcUs() - clock.nowUs();
    const isKept = keptIn === uuid && Math.abs(behindUs - keptBehindUs) < JUMP_US;
    if (!mounted || readOnly || isBusy || isKept) return;
    isBusy = true;
    try {
      await dataDirectory.keepInstrument(files);
      keptIn = uuid;
      keptBehindUs = behindUs;
    } catch (error) {
      const reason = messageOf(error);
      if (reason !== told)
        log.warn({ reason }, "configuration and calibrations are not kept beside the data");
      told = reason;
    } finally {
      isBusy = false;
    }
  };
  await keep();
  lifetime.defer(
    "instrument files",
    status.subscribe(() => void keep()),
  );
}
