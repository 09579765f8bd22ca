// How a resource is declared: once, with its path, schema and methods. Routing, validation, discovery, documents and
// conformance tests all follow from the declaration. GET never changes anything.

import { z } from "zod";
import type { ReadableCell } from "../base/cell.ts";
import type { Access } from "./access.ts";

/** The `{placeholders}` of a path literal, as an object type. */
export type Placeholders<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? { readonly [Key in Name]: string } & Placeholders<Rest>
  : { readonly [Key in never]: string };

export type At = Readonly<Record<string, string>>;

/** Bytes that are served as they are, such as a file. */
export interface Content {
  readonly bytes: Uint8Array;
}

/** Where a POST put what it created, and what it answers. */
export interface Created {
  readonly location: readonly string[];
  readonly value: unknown;
}

/** One declared resource, for any server model `M`, with its types erased. */
export interface Resource<M> {
  /** Template such as `/shutters/{channel}`. */
  readonly path: string;
  readonly summary: string;
  /** Unit of the value, UCUM style (`us`, `nm`, `Cel`). */
  readonly unit?: string;
  /** RFC 6690 resource type. */
  readonly type: string;
  /** Roles that its methods need; read for GET and operate for the others where it does not say. */
  readonly access?: Access;
  /** Schema of what GET gives and PUT takes. */
  readonly value?: z.ZodType;
  /** Schema of the body of a POST. */
  readonly input?: z.ZodType;
  /** Schema of the query of a GET; each value arrives as text. */
  readonly query?: z.ZodType;
  /** An example value, for the document. */
  readonly example?: unknown;
  /** Content-Format of a resource that is bytes; JSON and CBOR otherwise. */
  readonly contentFormat?: number;
  /** Rough size of a representation that is larger than a datagram; clients show it (RFC 6690 `sz`). */
  readonly typicalBytes?: number;
  /** Lists the placeholders' present values; for discovery. */
  readonly instances: (model: M) => readonly At[];
  readonly get?: (model: M, at: At, query: unknown, signal: AbortSignal) => unknown;
  readonly put?: (model: M, at: At, value: unknown, signal: AbortSignal) => void | Promise<void>;
  readonly post?: (
    model: M,
    at: At,
    value: unknown,
    signal: AbortSignal,
  ) => Created | undefined | Promise<Created | undefined>;
  readonly delete?: (model: M, at: At, signal: AbortSignal) => void | Promise<void>;
  /** Cells whose change changes the value; their presence makes the resource observable. */
  readonly watch?: (model: M, at: At) => readonly ReadableCell<unknown>[];
}

/** What one writes down; see `Resource` for the meaning of each member. */
export interface Declaration<M, A, V, I, Q> {
  readonly summary: string;
  readonly unit?: string;
  readonly type?: string;
  readonly access?: Access;
  readonly value?: z.ZodType<V>;
  readonly input?: z.ZodType<I>;
  readonly query?: z.ZodType<Q>;
  readonly example?: NoInfer<V>;
  readonly contentFormat?: number;
  readonly typicalBytes?: number;
  readonly instances?: (model: M) => readonly A[];
  readonly get?: (
    model: M,
    at: A,
    query: Q,
    signal: AbortSignal,
  ) => NoInfer<V> | Promise<NoInfer<V>> | Content | Promise<Content>;
  readonly put?: (model: M, at: A, value: V, signal: AbortSignal) => void | Promise<void>;
  readonly post?: (
    model: M,
    at: A,
    value: I,
    signal: AbortSignal,
  ) => Created | undefined | Promise<Created | undefined>;
  readonly delete?: (model: M, at: A, signal: AbortSignal) => void | Promise<void>;
  readonly watch?: (model: M, at: A) => readonly ReadableCell<unknown>[];
}

/** `const declare = resource<Server>()`, then `declare("/path/{name}", { ... })`. */
export function resource<M>() {
  return <const Path extends string, V = unknown, I = undefined, Q = undefined>(
    path: Path,
    declaration: Declaration<M, Placeholders<Path>, V, I, Q>,
  ): Resource<M> => erase(path, declaration);
}

// The one place where types are given up: matching the path gives `at` its shape, parsing gives the values theirs.
function erase<M, A, V, I, Q>(path: string, declaration: Declaration<M, A, V, I, Q>): Resource<M> {
  const { type = "core.p", instances = () => [{}], ...rest } = declaration;
  return { ...rest, path, type, instances } as unknown as Resource<M>; // as: see above
}

/** A PUT or POST without a body. */
export const NOTHING = z.undefined();
