// What discovery tells about a resource (/.well-known/core, RFC 6690).

import type { CoapLink } from "../coap/message/link-format.ts";

export interface ResourceLink {
  readonly path: readonly string[];
  /** What it is, in words. */
  readonly title?: string;
  /** Unit of its value, such as `us`. */
  readonly unit?: string;
  readonly isObservable: boolean;
  /** Larger than one message (attribute `sz`), so not fetched just to be listed. */
  readonly isLarge: boolean;
  /** Content-Formats it offers; empty when it does not say. */
  readonly contentFormats: readonly number[];
  readonly attributes: Readonly<Record<string, string | true>>;
}

// RFC 6690 has no attribute for a unit, so the server appends it to the title: "Wavelength of every pixel [nm]".
const TITLE = /^(.*?)(?: \[([^\]]+)\])?$/s;

export function resourceLink({ path, attributes }: CoapLink): ResourceLink {
  const [, title, unit] = TITLE.exec(textOf(attributes["title"]) ?? "") ?? [];
  return {
    path,
    ...(title !== undefined && title !== "" && { title }),
    ...(unit !== undefined && { unit }),
    isObservable: attributes["obs"] !== undefined,
    isLarge: attributes["sz"] !== undefined,
    contentFormats: (textOf(attributes["ct"]) ?? "").split(" ").filter(Boolean).map(Number),
    attributes,
  };
}

function textOf(value: string | true | undefined): string | undefined {
  return value === undefined || value === true ? undefined : value;
}
