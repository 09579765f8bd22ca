// The section [box] of the server's configuration: buttons, trigger and their lines. Nothing is used unless configured.

import type { z } from "zod";
import { MS, SECOND } from "../base/clock.ts";
import { decimal, field, flag, integer, oneOf, pin, section } from "./fields.ts";

export type Pull = "none" | "up" | "down";

/** An input that starts a recording. */
export interface TriggerConfig {
  /** BCM number. */
  readonly pin: number;
  readonly edge: "rising" | "falling";
  readonly pull: Pull;
  /** Edges so soon after one that counted are bounces. */
  readonly debounceUs: number;
  /** Run to record into; the current one when absent. */
  readonly run: string | undefined;
  readonly sequences: number;
  /** -1 never, 0 once before, n before every n-th sequence. */
  readonly autointegrate: number;
  /** The line that tells when the recording has ended, if there is one. */
  readonly reset: ResetLineConfig | undefined;
}

export interface ResetLineConfig {
  readonly pin: number;
  /** The pulse has level 1. */
  readonly activeHigh: boolean;
  readonly pulseUs: number;
}

/** A button that ends the computer's day. */
export interface PowerButtonConfig {
  readonly pin: number;
  /** Pressed is level 1. */
  readonly activeHigh: boolean;
  readonly pull: Pull;
  /** A press as long as this switches off, one as long as `rebootUs` reboots. */
  readonly offUs: number;
  readonly rebootUs: number;
  /** Program and arguments. */
  readonly offCommand: readonly string[];
  readonly rebootCommand: readonly string[];
}

export interface BoxConfig {
  readonly trigger: TriggerConfig | undefined;
  readonly powerButton: PowerButtonConfig | undefined;
}

/** The keys of the section. */
export const BOX = section({
  trigger_pin: pin().optional(),
  trigger_edge: oneOf("rising", "falling").default("rising"),
  trigger_pull: oneOf("none", "up", "down").default("none"),
  trigger_debounce_ms: decimal(0, 10_000).default(50),
  trigger_run: field("the name of a run", (given) => (given === "" ? undefined : given)).optional(),
  trigger_sequences: integer(1, 100_000).default(1),
  trigger_autointegrate: integer(-1, 100_000).default(-1),
  trigger_reset_pin: pin().optional(),
  trigger_reset_active_high: flag().default(true),
  trigger_reset_pulse_ms: decimal(1, 10_000).default(20),
  power_button_pin: pin().optional(),
  power_button_active_high: flag().default(false),
  power_button_pull: oneOf("none", "up", "down").default("up"),
  power_button_off_s: decimal(0.5, 60).default(3),
  power_button_reboot_s: decimal(0.5, 60).default(8),
  poweroff_command: command().default(["systemctl", "poweroff"]),
  reboot_command: command().default(["systemctl", "reboot"]),
}).superRefine((values, context) => {
  if (values.power_button_reboot_s > values.power_button_off_s) return;
  const message = `${values.power_button_reboot_s} s is not longer than power_button_off_s, ${values.power_button_off_s} s`;
  context.addIssue({ code: "custom", path: ["power_button_reboot_s"], message });
});

// No shell: words with spaces between.
function command(): z.ZodType<readonly string[]> {
  return field("a program and its arguments", (given) => {
    const words = given.split(/\s+/).filter((word) => word !== "");
    return words.length === 0 ? undefined : words;
  });
}

export function boxConfig(values: z.output<typeof BOX>): BoxConfig {
  return { trigger: triggerConfig(values), powerButton: powerButtonConfig(values) };
}

function triggerConfig(values: z.output<typeof BOX>): TriggerConfig | undefined {
  if (values.trigger_pin === undefined) return undefined;
  const reset = values.trigger_reset_pin;
  const pulseUs = Math.round(values.trigger_reset_pulse_ms * MS);
  return {
    pin: values.trigger_pin,
    edge: values.trigger_edge,
    pull: values.trigger_pull,
    debounceUs: Math.round(values.trigger_debounce_ms * MS),
    run: values.trigger_run,
    sequences: values.trigger_sequences,
    autointegrate: values.trigger_autointegrate,
    reset:
      reset === undefined ? undefined : { pin: reset, activeHigh: values.trigger_reset_active_high, pulseUs },
  };
}

function powerButtonConfig(values: z.output<typeof BOX>): PowerButtonConfig | undefined {
  if (values.power_button_pin === undefined) return undefined;
  return {
    pin: values.power_button_pin,
    activeHigh: values.power_button_active_high,
    pull: values.power_button_pull,
    offUs: Math.round(values.power_button_off_s * SECOND),
    rebootUs: Math.round(values.power_button_reboot_s * SECOND),
    offCommand: values.poweroff_command,
    rebootCommand: values.reboot_command,
  };
}
