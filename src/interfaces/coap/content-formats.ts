// Numbers and names of content formats, from the registry of CoAP Content-Formats: RFC 7252 section 12.3, RFC 7396,
// RFC 8428 section 12.3, RFC 8710, RFC 8949, RFC 9290.

export const FORMAT = {
  text: 0,
  jpeg: 22,
  png: 23,
  links: 40,
  octets: 42,
  json: 50,
  mergePatch: 52,
  cbor: 60,
  multipart: 62,
  senmlJson: 110,
  senmlCbor: 112,
  problem: 257,
  /** JSON in the content coding deflate. */
  deflatedJson: 11050,
} as const;

const NAMES: ReadonlyMap<number, string> = new Map<number, string>([
  [FORMAT.text, "text"],
  [FORMAT.jpeg, "JPEG"],
  [FORMAT.png, "PNG"],
  [FORMAT.links, "links"],
  [FORMAT.octets, "bytes"],
  [FORMAT.json, "JSON"],
  [FORMAT.mergePatch, "JSON merge patch"],
  [FORMAT.cbor, "CBOR"],
  [FORMAT.multipart, "multipart"],
  [FORMAT.senmlJson, "SenML JSON"],
  [FORMAT.senmlCbor, "SenML CBOR"],
  [FORMAT.problem, "problem details"],
  [FORMAT.deflatedJson, "JSON deflated"],
]);

/** Such as `50 (JSON)`. */
export function formatName(format: number): string {
  const name = NAMES.get(format);
  return name === undefined ? String(format) : `${format} (${name})`;
}
