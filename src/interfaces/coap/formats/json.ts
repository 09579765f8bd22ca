// application/json, the format that every value has and that clients get who ask for none.

import { FORMAT } from "../content-formats.ts";
import type { Format } from "./format.ts";

export const JSON_FORMAT: Format = {
  number: FORMAT.json,
  fits: () => true,
  encode: (value) => Buffer.from(JSON.stringify(value ?? null), "utf8"),
};
