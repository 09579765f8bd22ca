// vscope record, dark, auto, abort, pause and resume: what the instruments do.

import type { Command } from "commander";
import { NEVER } from "../../../base/abort.ts";
import { runOperation } from "../follow.ts";
import { command } from "../help.ts";
import {
  addRecordingOptions,
  type RecordingFlags,
  recordingSettings,
  SETTING_OPTIONS,
} from "../recording-options.ts";
import type { Session } from "../session.ts";

export function recordCommand(session: Session): Command {
  const made = command({
    name: "record",
    summary: "record sequences of spectra",
    details: "light and dark, all spectrometers; Ctrl-C cancels on the server",
    examples: ["vscope record -r plot10 -n 5 --auto", "vscope record -n 60 --auto 10 --delay 30"],
  });
  return addRecordingOptions(made).action((flags: RecordingFlags) =>
    session.withClient((client) =>
      runOperation(session, "record", () => client.record(recordingSettings(flags), NEVER)),
    ),
  );
}

export function darkCommand(session: Session): Command {
  return command({
    name: "dark",
    summary: "record dark spectra of all channels",
    details: "Ctrl-C cancels on the server",
    examples: ["vscope dark -r plot10"],
  })
    .addOption(SETTING_OPTIONS.run())
    .action(({ run }: { run?: string }) =>
      session.withClient((client) =>
        runOperation(session, "dark", () => client.dark(run === undefined ? {} : { run }, NEVER)),
      ),
    );
}

export function autoCommand(session: Session): Command {
  return command({
    name: "auto",
    summary: "search the integration times of all channels",
    details: "Ctrl-C cancels on the server",
    examples: ["vscope auto --target 80"],
  })
    .addOption(SETTING_OPTIONS.targetPercent())
    .action((flags: { targetPercent?: number }) =>
      session.withClient((client) =>
        runOperation(session, "auto", () => client.autointegrate(recordingSettings(flags), NEVER)),
      ),
    );
}

export function abortCommand(session: Session): Command {
  return command({
    name: "abort",
    summary: "end what the instruments are doing",
    details: "whoever started it",
    examples: ["vscope abort"],
  }).action(() =>
    session.withClient(async (client) => {
      await client.abort(session.signal);
      session.print({ aborted: true }, () => "aborted");
    }),
  );
}

export function pauseCommand(session: Session): Command {
  return command({
    name: "pause",
    summary: "hold what the instruments are doing",
    details: "whoever started it; the present exposure is finished first",
    examples: ["vscope pause"],
  }).action(() =>
    session.withClient(async (client) => {
      await client.pause(session.signal);
      session.print({ pausing: true }, () => "pauses after the present exposure");
    }),
  );
}

export function resumeCommand(session: Session): Command {
  return command({
    name: "resume",
    summary: "go on with what is held",
    details: "whoever held it",
    examples: ["vscope resume"],
  }).action(() =>
    session.withClient(async (client) => {
      await client.resume(session.signal);
      session.print({ resumed: true }, () => "resumed");
    }),
  );
}
