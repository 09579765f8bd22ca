// Finds the declared resource of a path and calls its methods with checked values. Knows no protocol.

import type { z } from "zod";
import type { ReadableCell } from "../base/cell.ts";
import { VscopeError } from "../base/errors.ts";
import { type MaybePromise, whenHere } from "../base/maybe-promise.ts";
import type { Method } from "./access.ts";
import type { AnyResource, Asked, At, Created, Resource } from "./define.ts";
import { givenText, issueTexts } from "./issue-text.ts";
import { isMembers, type Members, mergePatch } from "./merge-patch.ts";
import { isFetchable, isPatchable, methodsOf } from "./methods.ts";
import { shapeOf } from "./shape.ts";

/** A resource and the values of its placeholders. */
export interface Match<M> {
  readonly resource: Resource<M>;
  readonly at: At;
}

export class Router<M> {
  readonly #model: M;
  readonly resources: readonly Resource<M>[];
  readonly #templates: readonly (readonly string[])[];

  constructor(model: M, resources: readonly Resource<M>[]) {
    this.#model = model;
    this.resources = resources;
    this.#templates = resources.map(({ path }) => path.split("/").slice(1));
  }

  /** Throws RESOURCE_NOT_FOUND. */
  match(path: readonly string[]): Match<M> {
    const found = this.find(path);
    if (found === undefined)
      throw new VscopeError(
        "RESOURCE_NOT_FOUND",
        `${printPath(path)}: no such resource, /.well-known/core lists what there is`,
      );
    return found;
  }

  /** Undefined when nothing is declared there. Fixed segments win over placeholders. */
  find(path: readonly string[]): Match<M> | undefined {
    let best: Match<M> | undefined;
    for (const [index, template] of this.#templates.entries()) {
      const resource = this.resources[index];
      const at = matchTemplate(template, path);
      if (at === undefined || resource === undefined) continue;
      if (best === undefined || Object.keys(at).length < Object.keys(best.at).length) best = { resource, at };
    }
    return best;
  }

  /** Throws METHOD_NOT_ALLOWED, before anybody looks at what else is wrong with a request. */
  requireMethod(match: Match<M>, method: Method | "PATCH"): void {
    const name = method === "PATCH" ? "iPATCH" : method;
    if (!methodsOf(match.resource).includes(name)) throw notAllowed(method, match);
  }

  async get(match: Match<M>, query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<unknown> {
    return await this.read(match, query, signal);
  }

  /** As `get`; throws and returns at once unless the resource has to wait for its value. */
  read(
    { resource, at }: Match<M>,
    query: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): MaybePromise<unknown> {
    if (resource.get === undefined) throw notAllowed("GET", { resource, at });
    const asked = parse(resource.query, resource.query && query, at, resource);
    return resource.get(this.#model, at, asked, signal);
  }

  /** The part of the value that `selection` names. */
  fetch(
    match: Match<M>,
    { selection, query }: { readonly selection: unknown; readonly query: Readonly<Record<string, string>> },
    signal: AbortSignal,
  ): MaybePromise<unknown> {
    const { resource, at } = match;
    const { select } = resource;
    if (!isFetchable(resource)) throw notAllowed("FETCH", { resource, at });
    if (select === undefined)
      return this.read(match, { ...query, ...asQuery(selection, subjectOf(match)) }, signal);
    const selected = parse(resource.selection, selection, at, resource);
    return whenHere(this.read(match, query, signal), (value) => select(value, selected));
  }

  async put({ resource, at }: Match<M>, value: unknown, signal: AbortSignal): Promise<void> {
    if (resource.put === undefined) throw notAllowed("PUT", { resource, at });
    await resource.put(this.#model, at, parse(resource.value, value, at, resource), signal);
  }

  /** Reads, merges by RFC 7396, checks the whole and writes once. */
  async patch(match: Match<M>, patch: unknown, signal: AbortSignal): Promise<void> {
    const { resource, at } = match;
    const { get, put, putMerges = false } = resource;
    if (get === undefined || put === undefined || !isPatchable(resource))
      throw notAllowed("iPATCH", { resource, at });
    if (!isMembers(patch))
      throw new VscopeError("VALUE_INVALID", `${subjectOf(match)}: a merge patch is an object`);
    if (putMerges) requireNoRemoval(patch, subjectOf(match));
    if (putMerges && Object.keys(patch).length === 0) return;
    const merged = mergePatch(await get(this.#model, at, undefined, signal), patch);
    const value = parse(resource.value, merged, at, resource);
    const wanted = putMerges && isMembers(value) ? named(value, Object.keys(patch)) : value;
    await put(this.#model, at, wanted, signal);
  }

  async post({ resource, at }: Match<M>, value: unknown, signal: AbortSignal): Promise<Created | undefined> {
    if (resource.post === undefined) throw notAllowed("POST", { resource, at });
    return await resource.post(this.#model, at, parse(resource.input, value, at, resource), signal);
  }

  async delete(
    { resource, at }: Match<M>,
    signal: AbortSignal,
    asked: Asked = { by: "this server", ifMatch: [] },
  ): Promise<void> {
    if (resource.delete === undefined) throw notAllowed("DELETE", { resource, at });
    await resource.delete(this.#model, at, signal, asked);
  }

  /** Calls `changed` after each change of the value; undefined when the resource cannot be observed. */
  observe({ resource, at }: Match<M>): ((changed: () => void) => () => void) | undefined {
    const watch = resource.watch;
    if (watch === undefined) return undefined;
    return (changed) => watchAll(() => watch(this.#model, at), changed);
  }

  /** Whether resources are declared below this one. */
  isContainer({ path }: AnyResource): boolean {
    return this.resources.some((other) => other.path.startsWith(`${path}/`));
  }

  /** Every resource that exists now, with its placeholders filled in. */
  *instances(): Generator<Match<M> & { readonly path: readonly string[] }> {
    for (const resource of this.resources) {
      for (const at of resource.instances(this.#model)) {
        yield { resource, at, path: fill(resource.path, at) };
      }
    }
  }
}

/** Calls `changed` after each change. The set of cells can depend on a cell (a list of instruments): it is looked up again then. */
export function watchAll(cells: () => readonly ReadableCell<unknown>[], changed: () => void): () => void {
  let unsubscribe: readonly (() => void)[] = [];
  const stop = (): void => {
    for (const one of unsubscribe) one();
  };
  const subscribe = (): void => {
    stop();
    unsubscribe = cells().map((cell) =>
      cell.subscribe(() => {
        subscribe();
        changed();
      }),
    );
  };
  subscribe();
  return stop;
}

function matchTemplate(template: readonly string[], path: readonly string[]): At | undefined {
  if (template.length !== path.length) return undefined;
  const at: Record<string, string> = {};
  for (const [index, expected] of template.entries()) {
    const actual = path[index] ?? "";
    if (expected.startsWith("{")) at[expected.slice(1, -1)] = actual;
    else if (expected !== actual) return undefined;
  }
  return at;
}

function fill(path: string, at: At): readonly string[] {
  return path
    .split("/")
    .slice(1)
    .map((segment) => (segment.startsWith("{") ? (at[segment.slice(1, -1)] ?? segment) : segment));
}

// Characters of a message for what is wanted.
const MOST_SHAPE = 300;

function parse<M>(
  schema: z.ZodType | undefined,
  value: unknown,
  at: At,
  { path, unit, value: own }: Resource<M>,
): unknown {
  if (schema === undefined) return value;
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  const subject = printPath(fill(path, at));
  const all = parsed.error.issues;
  if (value === undefined || all.some(({ code, path: at }) => code === "invalid_type" && at.length === 0)) {
    const given = value === undefined ? "empty payload" : givenText(value);
    const shape =
      shapeOf(schema).slice(0, MOST_SHAPE) + (unit === undefined || schema !== own ? "" : ` in ${unit}`);
    throw new VscopeError("VALUE_INVALID", `${subject}: ${given} is not ${shape}`);
  }
  const issues = issueTexts(schema, all);
  throw new VscopeError("VALUE_INVALID", `${subject}: ${issues.join("; ")}`, { details: { issues } });
}

function notAllowed<M>(method: string, match: Match<M>): VscopeError {
  const methods = methodsOf(match.resource).join(", ");
  return new VscopeError("METHOD_NOT_ALLOWED", `${subjectOf(match)}: has no ${method}, only ${methods}`);
}

function subjectOf<M>({ resource, at }: Match<M>): string {
  return printPath(fill(resource.path, at));
}

// A query arrives as text, however it is written; a list with commas between.
function asQuery(selection: unknown, subject: string): Readonly<Record<string, string>> {
  if (!isMembers(selection))
    throw new VscopeError("VALUE_INVALID", `${subject}: a selection is an object with members of the query`);
  const entries = Object.entries(selection).map(([name, value]): [string, string] => {
    const values = Array.isArray(value) ? value : [value];
    if (values.every(isPlain)) return [name, values.join(",")];
    throw new VscopeError(
      "VALUE_INVALID",
      `${subject}: ${name} is no text, number or truth, nor a list of such`,
    );
  });
  return Object.fromEntries(entries);
}

function isPlain(value: unknown): boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

function requireNoRemoval(patch: Members, subject: string): void {
  const removed = Object.keys(patch).find((name) => patch[name] === null);
  if (removed !== undefined)
    throw new VscopeError("VALUE_INVALID", `${subject}: ${removed} cannot be removed`);
}

function named(members: Members, names: readonly string[]): Members {
  return Object.fromEntries(Object.entries(members).filter(([name]) => names.includes(name)));
}

/** A path for people: segments joined, so that a slash inside one stays visible as %2F. */
export function printPath(path: readonly string[]): string {
  return `/${path.map((segment) => segment.replaceAll("/", "%2F").slice(0, 80)).join("/")}`;
}
