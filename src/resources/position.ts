// /position and /sun: where the instrument stands, and the sun as seen from there.

import { z } from "zod";
import { isoUtc } from "../base/clock.ts";
import { VscopeError } from "../base/errors.ts";
import type { Position } from "../instruments/position.ts";
import { sunPosition } from "../spectra/sun.ts";
import { solarDay, sunTimes } from "../spectra/sun-events.ts";
import { declare, type ServerModel } from "./model.ts";

export const POSITION = [
  declare("/position", {
    summary:
      "Where the instrument stands, from gpsd or [position] of the configuration; north and east are positive",
    value: z.object({
      latitudeDeg: z.number(),
      longitudeDeg: z.number(),
      heightM: z.number(),
      source: z.enum(["configuration", "gpsd"]),
      ageS: z.number(),
    }),
    example: { latitudeDeg: 55.92, longitudeDeg: -3.17, heightM: 80, source: "gpsd", ageS: 0 },
    instances: whereKnown,
    get: (server) => ({ ...positionOf(server, "position") }),
    watch: ({ position }) => [position],
  }),
  declare("/sun", {
    summary:
      "The sun now, degrees, geometric and azimuth from true north; noon, rise and set of this solar day",
    value: z.object({
      utc: z.string(),
      elevationDeg: z.number(),
      azimuthDeg: z.number(),
      refractedElevationDeg: z.number(),
      distanceAu: z.number(),
      sunrise: z.string().optional(),
      noon: z.string(),
      sunset: z.string().optional(),
    }),
    instances: whereKnown,
    get: (server) => {
      const place = positionOf(server, "sun");
      const utcUs = server.host.utcUs;
      const { risingUtcUs, noonUtcUs, settingUtcUs } = sunTimes(solarDay(utcUs, place), place);
      return {
        utc: isoUtc(utcUs),
        ...sunPosition(utcUs, place),
        ...(risingUtcUs === undefined ? {} : { sunrise: isoUtc(risingUtcUs) }),
        noon: isoUtc(noonUtcUs),
        ...(settingUtcUs === undefined ? {} : { sunset: isoUtc(settingUtcUs) }),
      };
    },
  }),
];

function whereKnown({ position }: ServerModel): readonly Record<never, string>[] {
  return position.value === undefined ? [] : [{}];
}

function positionOf({ position }: ServerModel, subject: string): Position {
  const known = position.value;
  if (known !== undefined) return known;
  const fact = `${subject}: the position is unknown, [position] of the configuration or gpsd tells it`;
  throw new VscopeError("STATE_CONFLICT", fact);
}
