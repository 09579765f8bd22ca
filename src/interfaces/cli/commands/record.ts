// vscope record, dark, auto, abort, pause and resume: what the instruments do.

import { type Command, Option } from "commander";
import { NEVER } from "../../../base/abort.ts";
import type { RecordOptions } from "../../../client/shapes.ts";
import { runOperation } from "../follow.ts";
import { command } from "../help.ts";
import type { Session } from "../session.ts";
import { listOption, numberOption } from "../value.ts";

const TARGET = ["--target <percent>", "peak to aim at, percent of saturation, 10..90"] as const;
const MANY = { min: 1, max: 1_000_000, integer: true } as const;

interface RecordFlags {
  readonly run?: string;
  readonly number?: number;
  readonly auto?: true | number;
  readonly delay?: number;
  readonly target?: number;
  readonly interleaved?: true;
  readonly dark?: "bracket" | "every" | "age";
  readonly darkMaxAge?: number;
  readonly stopOnFailure?: true;
  readonly retries?: number;
  readonly warmUp?: true;
  readonly channels?: readonly string[];
}

export function recordCommand(session: Session): Command {
  return command({
    name: "record",
    summary: "record sequences of spectra",
    details: "light and dark, all spectrometers; Ctrl-C cancels on the server",
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
    .option("--channels <names>", "only these channels, with commas between them", listOption)
    .option("--interleaved", "downwelling before and after the other channels of each sequence")
    .addOption(
      new Option("--dark <when>", "darks around the batch, before every light, or by age").choices([
        "bracket",
        "every",
        "age",
      ]),
    )
    .option(
      "--dark-max-age <s>",
      "age from which a dark is too old, with --dark age (default: 600)",
      numberOption("--dark-max-age", { min: 1, max: 86_400 }),
    )
    .option(
      "--retries <n>",
      "repeat an exposure that failed so many times",
      numberOption("--retries", { min: 0, max: 10, integer: true }),
    )
    .option("--stop-on-failure", "end the batch when an exposure has failed for good")
    .option("--warm-up", "wait first until the detectors' coolers have settled")
    .action((flags: RecordFlags) =>
      session.withClient((client) =>
        runOperation(session, "record", () => client.record(recordOptions(flags), NEVER)),
      ),
    );
}

function recordOptions(flags: RecordFlags): RecordOptions {
  const { run, number, auto, delay, target, dark, darkMaxAge, retries } = flags;
  return {
    ...(run !== undefined && { run }),
    ...(number !== undefined && { sequences: number }),
    // 0 is "once before the first sequence".
    ...(auto !== undefined && { autointegrate: auto === true ? 0 : auto }),
    ...(delay !== undefined && { delayS: delay }),
    ...(target !== undefined && { targetPercent: target }),
    ...(flags.interleaved === true && { order: "interleaved" as const }),
    ...(dark !== undefined && { dark }),
    ...(darkMaxAge !== undefined && { darkMaxAgeS: darkMaxAge }),
    ...(retries !== undefined && { retries }),
    ...(flags.stopOnFailure === true && { onFailure: "stop" as const }),
    ...(flags.warmUp === true && { warmUp: true }),
    ...(flags.channels !== undefined && { channels: flags.channels }),
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
