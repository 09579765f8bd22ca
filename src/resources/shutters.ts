// /shutters: one shutter for each channel.

import { z } from "zod";
import { VscopeError } from "../base/errors.ts";
import { declare, type ServerModel } from "./model.ts";

const position = z.enum(["open", "closed"]);
const state = z.enum(["open", "closed", "unknown"]);

export const SHUTTERS = [
  declare("/shutters", {
    summary: "All shutters with their state",
    value: z.array(z.object({ channel: z.string(), state, fibreDiameterUm: z.number() })),
    example: [{ channel: "downwelling", state: "closed", fibreDiameterUm: 400 }],
    get: ({ shutters }) =>
      shutters.list().map((shutter) => ({
        channel: shutter.channel,
        state: shutter.state.value,
        fibreDiameterUm: shutter.config.fibreDiameterUm,
      })),
    watch: ({ shutters }) => shutters.list().map((shutter) => shutter.state),
  }),
  declare("/shutters/{channel}", {
    summary: "State of a shutter; PUT moves it and answers when it has settled",
    type: "core.a",
    // PUT takes open and closed; a shutter whose last move failed is unknown.
    value: z.string(),
    example: "closed",
    instances: (server) => channels(server),
    get: ({ shutters }, { channel }) => shutters.shutter(channel).state.value,
    watch: ({ shutters }, { channel }) => [shutters.shutter(channel).state],
    put: async ({ shutters, operations }, { channel }, wanted, signal) => {
      const shutter = shutters.shutter(channel);
      const target = position.safeParse(wanted);
      if (!target.success) {
        throw new VscopeError(
          "VALUE_INVALID",
          `shutter ${channel}: ${JSON.stringify(wanted.slice(0, 40))} is not one of open, closed`,
        );
      }
      operations.requireIdle(`shutter ${channel}`);
      if (target.data === "open") await shutter.open(signal);
      else await shutter.close(signal);
    },
  }),
];

/** The channels as placeholder values. */
export function channels({ shutters }: ServerModel): readonly { readonly channel: string }[] {
  return shutters.list().map(({ channel }) => ({ channel }));
}
