// /acquisition: recording. Actions are POSTs that create operations; their progress is observed, DELETE cancels them.

import { z } from "zod";
import type { Operation } from "../acquisition/operation.ts";
import { ORIGINS } from "../acquisition/origin.ts";
import { CAUSES } from "../acquisition/interrupted-batch.ts";
import { OUTCOMES } from "../acquisition/interruptions.ts";
import { DARK_POLICIES, DEFAULTS, FAILURE_POLICIES, ORDERS } from "../acquisition/settings.ts";
import { PHASES } from "../acquisition/status.ts";
import { definedOnly } from "../base/defined-only.ts";
import { type Created, NOTHING } from "./define.ts";
import { declare, type ServerModel } from "./model.ts";

const status = z.object({
  phase: z.enum(PHASES),
  operation: z.string().optional(),
  channel: z.string().optional(),
  run: z.string().optional(),
  batch: z.number().optional(),
  sequence: z.number().optional(),
  of: z.number().optional(),
  inAll: z.object({ sequence: z.number(), of: z.number() }).optional(),
  pausing: z.literal(true).optional(),
  pauseEndsUtc: z.string().optional(),
  darkAgeS: z.number().optional(),
});
const origin = z.object({ by: z.enum(ORIGINS), id: z.string().optional(), reason: z.string().optional() });
const interruption = z.object({
  run: z.string(),
  batch: z.number(),
  recorded: z.number(),
  sequences: z.number(),
  origin,
  startedUtc: z.string(),
  cause: z.enum(CAUSES),
  outcome: z.enum(OUTCOMES),
  reason: z.string().optional(),
  operation: z.string().optional(),
  resumedAs: z.number().optional(),
  paused: z.literal(true).optional(),
  notRestored: z.array(z.string()).optional(),
  goesOnWith: z
    .object({
      batch: z.number(),
      origin,
      startedUtc: z.string(),
      recorded: z.number(),
      sequences: z.number(),
    })
    .optional(),
});
const searchResult = z.object({
  serial: z.string(),
  channel: z.string(),
  outcome: z.enum(["reached", "too-bright", "too-dark", "too-coarse", "unsteady"]),
  integrationTimeUs: z.number(),
  exposures: z.number(),
  peakPercent: z.number(),
  reason: z.string(),
});
const operation = z.object({
  id: z.string(),
  kind: z.string(),
  state: z.enum(["running", "done", "failed", "cancelled"]),
  progress: z.object({ done: z.number(), of: z.number() }),
  estimate: z.object({ remainingS: z.number(), endsUtc: z.string() }).optional(),
  paused: z.literal(true).optional(),
  origin: origin.optional(),
  startedUtc: z.string(),
  endedUtc: z.string().optional(),
  interrupted: z.literal(true).optional(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  result: z.unknown().optional(),
});
/** Settings of a batch; what is absent has its default. */
export const batch = z.strictObject({
  run: z.string().optional(),
  sequences: z.int().optional(),
  autointegrate: z.int().optional(),
  delayS: z.number().optional(),
  targetPercent: z.number().optional(),
  order: z.enum(ORDERS).optional(),
  dark: z.enum(DARK_POLICIES).optional(),
  darkMaxAgeS: z.number().optional(),
  onFailure: z.enum(FAILURE_POLICIES).optional(),
  retries: z.int().optional(),
  warmUp: z.boolean().optional(),
  channels: z.array(z.string()).readonly().optional(),
});

export const ACQUISITION = [
  declare("/acquisition", {
    summary:
      "What the acquisition is doing, its channels, defaults and newest autointegration results, and the batches that the end of the server or the loss of their medium has interrupted",
    value: z.object({
      status,
      channels: z.array(z.string()),
      defaults: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()])),
      autointegration: z.array(searchResult),
      interruptions: z.array(interruption),
    }),
    get: ({ recorder, resumption }) => ({
      status: recorder.status.value,
      channels: [...recorder.channels],
      defaults: { ...DEFAULTS },
      autointegration: [...recorder.autointegration.results.value],
      interruptions: resumption.interruptions.value.map(({ notRestored, ...one }) => ({
        ...one,
        ...definedOnly({ notRestored: notRestored && [...notRestored] }),
      })),
    }),
    watch: ({ recorder, resumption }) => [
      recorder.status,
      recorder.autointegration.results,
      resumption.interruptions,
    ],
  }),
  declare("/acquisition/status", {
    summary: "Phase, channel and sequence of the present recording",
    type: "core.s",
    value: status,
    example: {
      phase: "light",
      operation: "7",
      channel: "upwelling",
      run: "plot10",
      batch: 3,
      sequence: 12,
      of: 60,
    },
    get: ({ recorder }) => recorder.status.value,
    watch: ({ recorder }) => [recorder.status],
  }),
  declare("/acquisition/record", {
    summary: "Records a batch of sequences into a run",
    type: "core.a",
    input: batch.optional(),
    post: (server, _at, asked) => created(server.recorder.record(definedOnly(asked ?? {}))),
  }),
  declare("/acquisition/dark", {
    summary: "Records one dark of every channel",
    type: "core.a",
    input: batch.pick({ run: true }).optional(),
    post: (server, _at, asked) => created(server.recorder.dark(definedOnly(asked ?? {}))),
  }),
  declare("/acquisition/autointegrate", {
    summary: "Searches the integration times of all channels",
    type: "core.a",
    input: batch.pick({ targetPercent: true }).optional(),
    post: (server, _at, asked) => created(server.recorder.autointegrate(definedOnly(asked ?? {}))),
  }),
  declare("/acquisition/abort", {
    summary: "Cancels what is running; answers when it has ended",
    type: "core.a",
    input: NOTHING,
    post: async ({ recorder }) => {
      const aborted = recorder.abort();
      await aborted.finished;
      return created(aborted);
    },
  }),
  declare("/acquisition/pause", {
    summary:
      "Holds what is running after the present exposure, shutters closed; the status tells when it is held",
    type: "core.a",
    input: NOTHING,
    post: ({ recorder }) => created(recorder.pause()),
  }),
  declare("/acquisition/resume", {
    summary: "Goes on with what is held, whoever did that",
    type: "core.a",
    input: NOTHING,
    post: ({ recorder }) => created(recorder.resume()),
  }),
  declare("/acquisition/operations", {
    summary: "The newest operations, newest last",
    typicalBytes: 40_000,
    type: "core.ll",
    value: z.array(operation),
    get: ({ operations }) => operations.all.value.map((one) => one.status.value),
    watch: ({ operations }) => [operations.all, ...operations.all.value.map((one) => one.status)],
  }),
  declare("/acquisition/operations/{id}", {
    summary: "Progress and result of an operation; DELETE cancels it",
    value: operation,
    instances: ({ operations }: ServerModel) => operations.all.value.map(({ id }) => ({ id })),
    get: ({ operations }, { id }) => operations.get(id).status.value,
    watch: ({ operations }, { id }) => [operations.get(id).status],
    delete: async ({ operations }, { id }) => {
      const found = operations.get(id);
      found.cancel("a client asked for it");
      await found.finished;
    },
  }),
];

/** The answer to what has started an operation. */
export function created(started: Operation): Created {
  return { location: ["acquisition", "operations", started.id], value: started.status.value };
}
