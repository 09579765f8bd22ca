// Options for what is recorded: each has the name of the resource's setting, and beside it what people are used to.

import { type Command, Option } from "commander";
import { DARK_POLICIES, FAILURE_POLICIES, LIMITS, ORDERS } from "../../acquisition/settings.ts";
import type { RecordOptions } from "../../client/shapes.ts";
import { definedOnly } from "../../base/defined-only.ts";
import { listOption, numberOption } from "./value.ts";

/** The settings that were given; `number` is the older name of `sequences`. */
export type RecordingFlags = { readonly [Key in keyof RecordOptions]?: RecordOptions[Key] | undefined } & {
  readonly number?: number;
};

const whole = (name: keyof typeof LIMITS, flag: string) =>
  numberOption(flag, { ...LIMITS[name], integer: true });

/** As an object, since the actions `autointegrate` and `dark` take one or two of them alone. */
export const SETTING_OPTIONS = {
  run: () => new Option("-r, --run <name>", "run to record into; the current one when absent"),
  sequences: () =>
    new Option("-n, --sequences <n>", "sequences to record (default: 1)").argParser(whole("sequences", "-n")),
  autointegrate: () =>
    new Option(
      "--auto, --autointegrate [every]",
      "autointegrate once before (0, or nothing), or before every so many sequences",
    )
      .preset("0")
      .argParser(whole("autointegrate", "--auto")),
  delayS: () =>
    new Option("--delay, --delay-s <s>", "pause between sequences in seconds").argParser(
      numberOption("--delay", LIMITS.delayS),
    ),
  targetPercent: () =>
    new Option(
      "--target, --target-percent <percent>",
      "peak to aim at, percent of saturation, 10..90",
    ).argParser(numberOption("--target", LIMITS.targetPercent)),
  channels: () =>
    new Option("--channels <names>", "only these channels, with commas between them").argParser(listOption),
  order: () =>
    new Option(
      "--order <order>",
      "each channel once, or downwelling before and after the other channels of each sequence",
    ).choices(ORDERS),
  dark: () =>
    new Option("--dark <when>", "darks around the batch, before every light, or by age").choices(
      DARK_POLICIES,
    ),
  darkMaxAgeS: () =>
    new Option(
      "--dark-max-age, --dark-max-age-s <s>",
      "age from which a dark is too old, with --dark age (default: 600)",
    ).argParser(numberOption("--dark-max-age", LIMITS.darkMaxAgeS)),
  onFailure: () =>
    new Option("--on-failure <policy>", "when an exposure has failed for good").choices(FAILURE_POLICIES),
  retries: () =>
    new Option("--retries <n>", "repeat an exposure that failed so many times").argParser(
      whole("retries", "--retries"),
    ),
  warmUp: () => new Option("--warm-up", "wait first until the detectors' coolers have settled"),
} as const;

/** All of them. */
export function addRecordingOptions(command: Command): Command {
  for (const make of Object.values(SETTING_OPTIONS)) command.addOption(make());
  return command
    .addOption(new Option("--number <n>").argParser(whole("sequences", "--number")).hideHelp())
    .addOption(new Option("--interleaved").implies({ order: "interleaved" }).hideHelp())
    .addOption(new Option("--stop-on-failure").implies({ onFailure: "stop" }).hideHelp());
}

export function recordingSettings(flags: RecordingFlags): RecordOptions {
  const { sequences = flags.number, run, autointegrate, delayS, targetPercent } = flags;
  const { channels, order, dark, darkMaxAgeS, onFailure, retries, warmUp } = flags;
  const most = { run, sequences, autointegrate, delayS, targetPercent, channels, order, dark, darkMaxAgeS };
  return definedOnly({ ...most, onFailure, retries, warmUp });
}
