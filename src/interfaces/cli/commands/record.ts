// vscope record, dark, auto and abort: what the instruments do.

import type { Command } from "commander";
import { NEVER } from "../../../base/abort.ts";
import type { RecordOptions } from "../../../client/shapes.ts";
import { runOperation } from "../follow.ts";
import { command } from "../help.ts";
import type { Session } from "../session.ts";
import { numberOption } from "../value.ts";

const TARGET = ["--target <percent>", "peak to aim at, percent of saturation, 10..90"] as const;
const MANY = { min: 1, max: 1_000_000, integer: true } as const;

interface RecordFlags {
  readonly run?: string;
  readonly number?: number;
  readonly auto?: true | number;
  readonly delay?: number;
  readonly target?: number;
}

export function recordCommand(session: Session): Command {
  return command({
    name: "record",
    summary: "record sequences of spectra",
    details: "light and dark, all channels and spectrometers; Ctrl-C cancels on the server",
    examples: ["vscope record -r plot10 -n 5 --auto", "vscope record -n 60 --auto 10 --delay 30"],
  })
    .option("-r, --run <name>", "run to record into; the current one when absent")
    .option("-n, --number <n>", "sequences to record (default: 1)", numberOption("-n", MANY))
    .option(
      "--auto [every]",
      "autointegrate once before, or before every so many sequences",
      numberOption("--auto", MANY),
    )
    .option(
      "--delay <s>",
      "pause between sequences in seconds",
      numberOption("--delay", { min: 0, max: 86_400 }),
    )
    .option(...TARGET, numberOption("--target", { min: 10, max: 90 }))
    .action((flags: RecordFlags) =>
      session.withClient((client) =>
        runOperation(session, "record", () => client.record(recordOptions(flags), NEVER)),
      ),
    );
}

function recordOptions({ run, number, auto, delay, target }: RecordFlags): RecordOptions {
  return {
    ...(run !== undefined && { run }),
    ...(number !== undefined && { sequences: number }),
    // 0 is "once before the first sequence".
    ...(auto !== undefined && { autointegrate: auto === true ? 0 : auto }),
    ...(delay !== undefined && { delayS: delay }),
    ...(target !== undefined && { targetPercent: target }),
  };
}

export function darkCommand(session: Session): Command {
  return command({
    name: "dark",
    summary: "record dark spectra of all channels",
    details: "Ctrl-C cancels on the server",
    examples: ["vscope dark -r plot10"],
  })
    .option("-r, --run <name>", "run to record into; the current one when absent")
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
    .option(...TARGET, numberOption("--target", { min: 10, max: 90 }))
    .action(({ target }: { target?: number }) =>
      session.withClient((client) =>
        runOperation(session, "auto", () =>
          client.autointegrate(target === undefined ? {} : { targetPercent: target }, NEVER),
        ),
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
