// Distances on the earth, taken for a sphere: 0.5 % off at most, which does for looking up places.

import type { Near } from "./search.ts";

const EARTH_RADIUS_M = 6_371_009;
const DEGREE = Math.PI / 180;

export interface Spot {
  readonly latitudeDeg: number;
  readonly longitudeDeg: number;
}

/** The length of the great circle between two places, by the haversine. */
export function distanceM(a: Spot, b: Spot): number {
  const latitude = Math.sin(((b.latitudeDeg - a.latitudeDeg) * DEGREE) / 2);
  const longitude = Math.sin(((b.longitudeDeg - a.longitudeDeg) * DEGREE) / 2);
  const part =
    latitude ** 2 + Math.cos(a.latitudeDeg * DEGREE) * Math.cos(b.latitudeDeg * DEGREE) * longitude ** 2;
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(part)));
}

/** Latitudes between which everything near lies. */
export function latitudesNear({ latitudeDeg, withinM }: Near): readonly [number, number] {
  const reachDeg = withinM / EARTH_RADIUS_M / DEGREE;
  return [latitudeDeg - reachDeg, latitudeDeg + reachDeg];
}
