// Where the instrument stands, for the sun and for the files: typed in, or from gpsd.

import type { z } from "zod";
import { decimal, type Endpoint, endpoint, section } from "./fields.ts";

export interface PositionConfig {
  /** What holds while gpsd has no fix, or without it. */
  readonly place:
    | { readonly latitudeDeg: number; readonly longitudeDeg: number; readonly heightM: number }
    | undefined;
  /** Where gpsd listens; not asked when absent. */
  readonly gpsd: Endpoint | undefined;
}

const GPSD_PORT = 2947;

export const POSITION = section({
  latitude: decimal(-90, 90).optional(),
  longitude: decimal(-180, 180).optional(),
  height: decimal(-500, 9000).default(0),
  gpsd: endpoint(GPSD_PORT).optional(),
}).superRefine(({ latitude, longitude }, context) => {
  if ((latitude === undefined) === (longitude === undefined)) return;
  const [given, missing] = latitude === undefined ? ["longitude", "latitude"] : ["latitude", "longitude"];
  context.addIssue({ code: "custom", path: [given], message: `${missing} is missing beside it` });
});

export function positionConfig({
  latitude,
  longitude,
  height,
  gpsd,
}: z.output<typeof POSITION>): PositionConfig {
  const isGiven = latitude !== undefined && longitude !== undefined;
  const place = isGiven ? { latitudeDeg: latitude, longitudeDeg: longitude, heightM: height } : undefined;
  return { place, gpsd };
}
