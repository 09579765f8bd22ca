// Lists of links for /.well-known/core, RFC 6690: writing, reading and filtering.

export interface CoapLink {
  /** Segments, decoded. */
  readonly path: readonly string[];
  /** Such as `{ rt: "spectrometer", ct: "50 60", title: "Newest spectrum", obs: true }`; true for a flag. */
  readonly attributes: Readonly<Record<string, string | true>>;
}

/** The content format of a list of links. */
export const LINK_FORMAT = 40;

/** Links as text: `</a/b>;rt="x";ct=50;obs,</c>`. */
export function encodeLinks(links: readonly CoapLink[]): string {
  return links.map(encodeLink).join(",");
}

function encodeLink({ path, attributes }: CoapLink): string {
  const written = Object.entries(attributes).map(([name, value]) => `;${encodeAttribute(name, value)}`);
  return `<${href(path)}>${written.join("")}`;
}

function encodeAttribute(name: string, value: string | true): string {
  if (value === true) return name;
  // sz and a single ct are plain numbers in RFC 6690 section 5 and RFC 7252 section 7.2.1.
  return /^(0|[1-9][0-9]*)$/.test(value)
    ? `${name}=${value}`
    : `${name}="${value.replace(/["\\]/g, "\\$&")}"`;
}

function href(path: readonly string[]): string {
  return `/${path.map(encodeURIComponent).join("/")}`;
}

/**
 * The links that satisfy every query option: `rt=...`, `if=`, `rel=`, `ct=` match one of several words, `href=` the
 * path, any other name its attribute, a trailing `*` any rest. A query without `=` is ignored.
 */
export function filterLinks(links: readonly CoapLink[], query: readonly string[]): readonly CoapLink[] {
  const filters = query.filter((entry) => entry.includes("="));
  return filters.length === 0
    ? links
    : links.filter((link) => filters.every((filter) => matches(link, filter)));
}

const WORD_LISTS: ReadonlySet<string> = new Set(["rt", "if", "rel", "ct"]);

function matches(link: CoapLink, filter: string): boolean {
  const equals = filter.indexOf("=");
  const name = filter.slice(0, equals);
  const wanted = filter.slice(equals + 1);
  const candidates = name === "href" ? [href(link.path), `/${link.path.join("/")}`] : valuesOf(link, name);
  if (!wanted.endsWith("*")) return candidates.includes(wanted);
  return candidates.some((value) => value.startsWith(wanted.slice(0, -1)));
}

function valuesOf({ attributes }: CoapLink, name: string): readonly string[] {
  const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
  if (value === undefined) return [];
  if (value === true) return [""];
  return WORD_LISTS.has(name) ? [value, ...value.split(" ")] : [value];
}

/** Reads a list of links; skips what is not one. Targets with a scheme or host keep only their path. */
export function decodeLinks(text: string): readonly CoapLink[] {
  const links: CoapLink[] = [];
  for (const [, target = "", rest = ""] of text.matchAll(
    /<([^>]*)>((?:;[^;,="]+(?:=(?:"(?:[^"\\]|\\.)*"|[^;,]*))?)*)/gs,
  )) {
    const path = decodePath(target);
    if (path !== undefined) links.push({ path, attributes: decodeAttributes(rest) });
  }
  return links;
}

function decodePath(target: string): readonly string[] | undefined {
  try {
    const path = target.replace(/^[a-z+]+:\/\/[^/]*/, "").replace(/^\//, "");
    return path === "" ? [] : path.split("/").map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

function decodeAttributes(text: string): Record<string, string | true> {
  const attributes: Record<string, string | true> = {};
  const pattern = /;([^;,="]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^;,]*)))?/gs;
  for (const [, name = "", quoted, plain] of text.matchAll(pattern)) {
    attributes[name] = quoted?.replace(/\\(.)/gs, "$1") ?? plain ?? true;
  }
  return attributes;
}
