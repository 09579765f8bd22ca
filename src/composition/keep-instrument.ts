// Keeps, in each data directory that comes, with which instrument configuration and calibration files is recorded.

import { messageOf } from "../base/errors.ts";
import type { Lifetime } from "../base/lifetime.ts";
import type { Log } from "../base/log.ts";
import type { DataDirectory } from "../datadir/data-directory.ts";
import type { InstrumentFileText } from "../datadir/instrument-archive.ts";

export interface KeepInstrumentParts {
  readonly dataDirectory: DataDirectory;
  /** The instrument configuration among them; what is in use until the server ends. */
  readonly files: readonly InstrumentFileText[];
  readonly log: Log;
}

/** Whether they are kept now; never throws: spectra can be recorded on a medium that takes nothing else. */
export async function keepInstrument(
  { dataDirectory, files, log }: KeepInstrumentParts,
  lifetime: Lifetime,
): Promise<boolean> {
  const { status } = dataDirectory;
  let keptIn = status.value.uuid;
  const keep = async (): Promise<boolean> => {
    try {
      await dataDirectory.keepInstrument(files);
      return true;
    } catch (error) {
      log.warn({ reason: messageOf(error) }, "configuration and calibrations are not kept beside the data");
      return false;
    }
  };
  const isKept = await keep();
  const unsubscribe = status.subscribe(({ mounted, uuid }) => {
    if (!mounted || uuid === keptIn) return;
    keptIn = uuid;
    void keep();
  });
  lifetime.defer("instrument files", unsubscribe);
  return isKept;
}
