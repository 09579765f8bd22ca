// What a forecast needs to know of a server; without one, what most boxes are like.

import { z } from "zod";
import type { VscopeClient } from "../../client/vscope-client.ts";
import { isVscopeError } from "../../base/errors.ts";
import { isServerUnreachable } from "../../client/reply-error.ts";
import { NO_QUIET_TIME, type QuietTime, quietTime, secondOfText } from "../../scheduler/quiet-time.ts";
import type { Facts } from "./forecast.ts";

export interface ServerFacts extends Facts {
  readonly serials: readonly string[];
  readonly freeBytes: number | undefined;
}

const placeShape = z.object({ latitudeDeg: z.number(), longitudeDeg: z.number(), heightM: z.number() });
const listShape = z.object({ spectrometers: z.array(z.looseObject({ serial: z.string() })) });
const spectrometerShape = z.looseObject({
  pixels: z.number(),
  integrationTimesUs: z.record(z.string(), z.number()),
});
const quietShape = z.looseObject({
  enabled: z.boolean(),
  start: z.string(),
  end: z.string(),
  timeZone: z.string(),
});

/** Two channels and one spectrometer of 2048 pixels at 100 ms. */
export const ASSUMED: ServerFacts = {
  place: undefined,
  quietTime: NO_QUIET_TIME,
  knownChannels: undefined,
  channels: new Map([
    ["downwelling", 0.1],
    ["upwelling", 0.1],
  ]),
  pixels: [2048],
  serials: [],
  freeBytes: undefined,
};

/** Throws the server's errors, but not when it does not know its position. */
export async function serverFacts(client: VscopeClient, signal: AbortSignal): Promise<ServerFacts> {
  const { spectrometers } = await client.getAs("/spectrometers", listShape, signal);
  const serials = spectrometers.map(({ serial }) => serial);
  const acquisition = z.looseObject({ channels: z.array(z.string()) });
  const { channels: knownChannels } = await client.getAs("/acquisition", acquisition, signal);
  const channels = new Map<string, number>();
  const pixels: number[] = [];
  for (const serial of serials) {
    const one = await client.getAs(["spectrometers", serial], spectrometerShape, signal);
    pixels.push(one.pixels);
    for (const [channel, us] of Object.entries(one.integrationTimesUs))
      channels.set(channel, Math.max(us / 1e6, channels.get(channel) ?? 0));
  }
  const { freeBytes } = await client.getAs("/datadir", z.looseObject({ freeBytes: z.number() }), signal);
  return {
    place: await placeOf(client, signal),
    quietTime: await quietOf(client, signal),
    knownChannels,
    channels,
    pixels,
    serials,
    freeBytes,
  };
}

/** Undefined when the server does not know it. */
export async function placeOf(client: VscopeClient, signal: AbortSignal): Promise<Facts["place"]> {
  try {
    return await client.getAs("/position", placeShape, signal);
  } catch (error) {
    if (isVscopeError(error) && !isServerUnreachable(error) && !signal.aborted) return undefined;
    throw error;
  }
}

async function quietOf(client: VscopeClient, signal: AbortSignal): Promise<QuietTime> {
  const { enabled, start, end, timeZone } = await client.getAs("/scheduler/quiet-time", quietShape, signal);
  const times = { startS: secondOfText(start), endS: secondOfText(end) };
  return quietTime.parse({ ...NO_QUIET_TIME, enabled, timeZone, ...times });
}
