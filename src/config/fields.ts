// What a value in a configuration file can be: text in, typed value out, with the expectation in every message.
// An expectation reads on after "is not": "'abc' is not an integer in 0..65535".

import { isIPv4, isIPv6 } from "node:net";
import { z } from "zod";

/** A field of one text. `read` returns undefined for what it does not accept. */
export function field<T>(expectation: string, read: (text: string) => T | undefined): z.ZodType<T> {
  return z.unknown().transform((given, context) => {
    const value = typeof given === "string" ? read(given) : undefined;
    if (value !== undefined) return value;
    const hint = Array.isArray(given) ? " (a text with a comma needs quotes)" : "";
    context.addIssue({ code: "custom", message: complaint(given, expectation) + hint });
    return z.NEVER;
  });
}

/** A non-empty text. */
export function text(what = "a text"): z.ZodType<string> {
  return field(what, (given) => (given === "" ? undefined : given));
}

/** A text in which commas have no meaning. */
export function sentence(): z.ZodType<string> {
  return z.preprocess((given) => (Array.isArray(given) ? given.join(", ") : given), text());
}

/** `a, b`: one or more texts, each once. */
export function texts(what: string): z.ZodType<readonly string[]> {
  return list(
    `a list of different ${what}`,
    (item) => (item === "" ? undefined : item),
    (item) => item,
  );
}

/** Origins of web pages as browsers name them, `https://box.example` or `http://box.example:8080`, each once. */
export function origins(): z.ZodType<readonly string[]> {
  const expectation = "a list of different origins scheme://host[:port] like https://box.example";
  return list(expectation, originOf, (origin) => origin);
}

// Browsers write it in lower case and leave the usual port of http and https out; other schemes have none.
function originOf(item: string): string | undefined {
  if (!/^[a-z][a-z\d+.-]*:\/\/[^\s/?#@\\]+$/i.test(item) || !URL.canParse(item)) return undefined;
  const { origin } = new URL(item);
  return origin === "null" ? item.toLowerCase() : origin;
}

/** True or False in any spelling that ConfigObj knows: yes, on, 1; no, off, 0. */
export function flag(): z.ZodType<boolean> {
  return field("one of True, False", (given) => {
    if (/^(true|yes|on|1)$/i.test(given)) return true;
    return /^(false|no|off|0)$/i.test(given) ? false : undefined;
  });
}

export function integer(min: number, max: number): z.ZodType<number> {
  return field(`an integer in ${min}..${max}`, (given) => {
    const value = /^[+-]?\d+$/.test(given) ? Number(given) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  });
}

export function decimal(min: number, max: number): z.ZodType<number> {
  return field(`a number in ${min}..${max}`, (given) => {
    const value = toNumber(given);
    return value >= min && value <= max ? value : undefined;
  });
}

export function oneOf<const T extends string>(...choices: readonly T[]): z.ZodType<T> {
  return field(`one of ${choices.join(", ")}`, (given) =>
    choices.find((choice) => choice === given.toLowerCase()),
  );
}

/** `1.5, 2, 3e-4`; a single number is a list of one. */
export function numbers(minLength: number, maxLength: number): z.ZodType<readonly number[]> {
  const expectation = `a list of ${minLength}..${maxLength} numbers`;
  return z.unknown().transform((given, context) => {
    const items: readonly unknown[] = Array.isArray(given) ? given : [given];
    const values = items.map((item) => (typeof item === "string" ? toNumber(item) : Number.NaN));
    if (values.every(Number.isFinite) && values.length >= minLength && values.length <= maxLength)
      return values;
    context.addIssue({ code: "custom", message: complaint(given, expectation) });
    return z.NEVER;
  });
}

/** A model and the serial number of one unit of it. */
export interface Unit {
  readonly model: string;
  readonly serial: string;
}

/** A list of different things; `read` gives undefined for what it does not accept, `idOf` tells two of them apart. */
export function list<T extends string | object>(
  expectation: string,
  read: (item: string) => T | undefined,
  idOf: (value: T) => string,
): z.ZodType<readonly T[]> {
  return z.unknown().transform((given, context) => {
    const items: readonly unknown[] = Array.isArray(given) ? given : [given];
    const values = items
      .map((item) => (typeof item === "string" ? read(item.trim()) : undefined))
      .filter((value) => value !== undefined);
    if (values.length === items.length && new Set(values.map(idOf)).size === items.length) return values;
    context.addIssue({ code: "custom", message: complaint(given, expectation) });
    return z.NEVER;
  });
}

/** `QE Pro QEP00709, STS S01234`: model and serial number, each serial number once. */
export function units(): z.ZodType<readonly Unit[]> {
  const expectation = "a list of models with different serial numbers such as QE Pro QEP00709, STS S01234";
  return list(expectation, unitOf, ({ serial }) => serial);
}

function unitOf(item: string): Unit | undefined {
  const [, model, serial] = /^(\S.*?)\s+([\w-]+)$/.exec(item) ?? [];
  return model === undefined || serial === undefined ? undefined : { model, serial };
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** `192.0.2.7:57357, 192.0.2.8`, each once; without a port it is `defaultPort`. */
export function endpoints(defaultPort: number): z.ZodType<readonly Endpoint[]> {
  const expectation = `a list of different IPv4 addresses such as 192.0.2.7:${defaultPort}`;
  return list(
    expectation,
    (item) => endpointOf(item, defaultPort),
    ({ host, port }) => `${host}:${port}`,
  );
}

/** `127.0.0.1:2947`, `192.0.2.8`; without a port it is `defaultPort`. */
export function endpoint(defaultPort: number): z.ZodType<Endpoint> {
  return field(`an IPv4 address such as 127.0.0.1:${defaultPort}`, (given) => endpointOf(given, defaultPort));
}

function endpointOf(item: string, defaultPort: number): Endpoint | undefined {
  const [, host, port] = /^([\d.]+)(?::(\d{1,5}))?$/.exec(item) ?? [];
  if (host === undefined || !isIPv4(host)) return undefined;
  const number = port === undefined ? defaultPort : Number(port);
  return number >= 1 && number <= 65_535 ? { host, port: number } : undefined;
}

/** A CoAP server, perhaps with the path of a resource. */
export interface CoapUrl {
  /** Name or address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** Decoded; absent when the URL names only the server. */
  readonly path: readonly string[] | undefined;
}

// RFC 7252 section 6.1, without query and user.
const COAP_URL = /^coap:\/\/(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::(\d{1,5}))?(\/[^?#]*)?$/i;
const COAP_PORT = 5683;

/** `coap://host`, `coap://[2001:db8::1]:5683/rd`. */
export function coapUrl(): z.ZodType<CoapUrl> {
  return field("a URL like coap://host or coap://host:5683/rd", (given) => {
    const [, address, name, port, path = "/"] = COAP_URL.exec(given) ?? [];
    const host = address ?? name;
    const number = port === undefined ? COAP_PORT : Number(port);
    if (host === undefined || (address !== undefined && !isIPv6(address))) return undefined;
    if (number < 1 || number > 65_535) return undefined;
    return { host, port: number, path: path === "/" ? undefined : path.slice(1).split("/") };
  });
}

/** A GPIO line by its BCM number. */
export function pin(): z.ZodType<number> {
  return integer(0, 1023);
}

function toNumber(given: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(given) ? Number(given) : Number.NaN;
}

function complaint(given: unknown, expectation: string): string {
  if (given === undefined) return `missing, ${expectation} is expected`;
  if (Array.isArray(given)) return `'${given.join(", ")}' is not ${expectation}`;
  if (typeof given !== "string") return `a section is not ${expectation}`;
  return `'${given}' is not ${expectation}`;
}

/** A section with these keys; when it is not written, every key has its default. */
export function section<T extends z.ZodRawShape>(shape: T) {
  return z.object(shape);
}

/** Any number of sections of one kind, each with a name of the user's. */
export function sections<T extends z.ZodType>(type: T) {
  return z.record(z.string(), type);
}
