// Finds the declared resource of a path and calls its methods with checked values. Knows no protocol.

import type { z } from "zod";
import type { ReadableCell } from "../base/cell.ts";
import { VscopeError } from "../base/errors.ts";
import type { Method } from "./access.ts";
import type { At, Created, Resource } from "./define.ts";

/** A resource and the values of its placeholders. */
export interface Match<M> {
  readonly resource: Resource<M>;
  readonly at: At;
}

export class Router<M> {
  readonly #model: M;
  readonly #resources: readonly Resource<M>[];
  readonly #templates: readonly (readonly string[])[];

  constructor(model: M, resources: readonly Resource<M>[]) {
    this.#model = model;
    this.#resources = resources;
    this.#templates = resources.map(({ path }) => path.split("/").slice(1));
  }

  /** Throws RESOURCE_NOT_FOUND. */
  match(path: readonly string[]): Match<M> {
    const found = this.find(path);
    if (found === undefined)
      throw new VscopeError("RESOURCE_NOT_FOUND", `${printPath(path)}: no such resource`);
    return found;
  }

  /** Undefined when nothing is declared there. Fixed segments win over placeholders. */
  find(path: readonly string[]): Match<M> | undefined {
    let best: Match<M> | undefined;
    for (const [index, template] of this.#templates.entries()) {
      const resource = this.#resources[index];
      const at = matchTemplate(template, path);
      if (at === undefined || resource === undefined) continue;
      if (best === undefined || Object.keys(at).length < Object.keys(best.at).length) best = { resource, at };
    }
    return best;
  }

  async get(
    { resource, at }: Match<M>,
    query: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<unknown> {
    if (resource.get === undefined) throw notAllowed("GET", resource);
    const asked = parse(resource.query, resource.query && query, at, resource);
    return await resource.get(this.#model, at, asked, signal);
  }

  async put({ resource, at }: Match<M>, value: unknown, signal: AbortSignal): Promise<void> {
    if (resource.put === undefined) throw notAllowed("PUT", resource);
    await resource.put(this.#model, at, parse(resource.value, value, at, resource), signal);
  }

  async post({ resource, at }: Match<M>, value: unknown, signal: AbortSignal): Promise<Created | undefined> {
    if (resource.post === undefined) throw notAllowed("POST", resource);
    return await resource.post(this.#model, at, parse(resource.input, value, at, resource), signal);
  }

  async delete({ resource, at }: Match<M>, signal: AbortSignal): Promise<void> {
    if (resource.delete === undefined) throw notAllowed("DELETE", resource);
    await resource.delete(this.#model, at, signal);
  }

  /** Calls `changed` after each change of the value; undefined when the resource cannot be observed. */
  observe({ resource, at }: Match<M>): ((changed: () => void) => () => void) | undefined {
    const watch = resource.watch;
    if (watch === undefined) return undefined;
    return (changed) => watchAll(() => watch(this.#model, at), changed);
  }

  /** Every resource that exists now, with its placeholders filled in. */
  *instances(): Generator<Match<M> & { readonly path: readonly string[] }> {
    for (const resource of this.#resources) {
      for (const at of resource.instances(this.#model)) {
        yield { resource, at, path: fill(resource.path, at) };
      }
    }
  }
}

// The set of cells can itself depend on a cell (a list of instruments), so it is looked up again after each change.
function watchAll(cells: () => readonly ReadableCell<unknown>[], changed: () => void): () => void {
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

// A long list can be wrong in every element.
const MOST_ISSUES = 5;

function parse<M>(schema: z.ZodType | undefined, value: unknown, at: At, { path }: Resource<M>): unknown {
  if (schema === undefined) return value;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const subject = printPath(fill(path, at));
  if (value === undefined) throw new VscopeError("VALUE_INVALID", `${subject}: empty payload`);
  const all = parsed.error.issues;
  const issues = all
    .slice(0, MOST_ISSUES)
    .map(({ path: at, message }) => (at.length > 0 ? `${at.join(".")}: ` : "") + message);
  const more = all.length > MOST_ISSUES ? `; and ${all.length - MOST_ISSUES} more` : "";
  throw new VscopeError("VALUE_INVALID", `${subject}: ${issues.join("; ")}${more}`, { details: { issues } });
}

function notAllowed<M>(method: string, resource: Resource<M>): VscopeError {
  return new VscopeError(
    "METHOD_NOT_ALLOWED",
    `${resource.path}: has no ${method}, only ${methodsOf(resource).join(", ")}`,
  );
}

/** The methods a resource has, in the order GET, PUT, POST, DELETE. */
export function methodsOf<M>({ get, put, post, delete: remove }: Resource<M>): readonly Method[] {
  const all = [get && "GET", put && "PUT", post && "POST", remove && "DELETE"] as const;
  return all.filter((name) => name !== undefined);
}

/** A path for people: segments joined, so that a slash inside one stays visible as %2F. */
export function printPath(path: readonly string[]): string {
  return `/${path.map((segment) => segment.replaceAll("/", "%2F").slice(0, 80)).join("/")}`;
}
