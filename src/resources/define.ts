// How a resource is declared: once, with its path, schema and methods. Routing, validation, discovery, documents and
// conformance tests all follow from the declaration. GET never changes anything.

import { z } from "zod";
import type { ReadableCell } from "../base/cell.ts";
import type { MaybePromise } from "../base/maybe-promise.ts";
import type { Access } from "./access.ts";

/** The `{placeholders}` of a path literal, as an object type. */
export type Placeholders<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? { readonly [Key in Name]: string } & Placeholders<Rest>
  : { readonly [Key in never]: string };

export type At = Readonly<Record<string, string>>;

/** Bytes that are served as they are, such as a text. */
export interface Content {
  readonly bytes: Uint8Array;
}

/** Bytes that are read where they are asked for, such as a file. */
export interface ContentByPosition {
  readonly size: number;
  /** Differs between versions of the content; 1 to 8 bytes. */
  readonly tag: Uint8Array;
  /** Where it differs from that of its resource. */
  readonly contentFormat?: number;
  /** As many bytes, all within it. Throws PRECONDITION_FAILED when the content is of another version by now. */
  read(offset: number, length: number, signal: AbortSignal): MaybePromise<Uint8Array>;
}

/** The long part of a value, such as the counts of a spectrum, for formats that carry numbers as bytes or by name. */
export interface Vector {
  /** The member of the value that it is; absent where the value is the vector. */
  readonly member?: string;
  readonly values: readonly (number | null)[];
  /** What the first element is the number of, and how many of these make one element. */
  readonly first: number;
  readonly step: number;
  /** When it was measured, in seconds since 1970. */
  readonly utcS?: number;
}

/** Where a POST put what it created, and what it answers. */
export interface Created {
  readonly location: readonly string[];
  readonly value: unknown;
}

/** Who asks, in words for a log, and on what condition. */
export interface Asked {
  readonly by: string;
  /** Entity tags. */
  readonly ifMatch: readonly Uint8Array[];
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
  /** Schema of the selection that FETCH takes. */
  readonly selection?: z.ZodType;
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
  readonly delete?: (model: M, at: At, signal: AbortSignal, asked: Asked) => void | Promise<void>;
  /** DELETE compares If-Match itself, with what no GET of this resource has as its tag. */
  readonly deleteMatches?: boolean;
  /** PUT changes the members that it is given and leaves the others; otherwise it takes the whole value. */
  readonly putMerges?: boolean;
  /** The part of a value that FETCH selects. A resource with a query and without this takes the query as the selection. */
  readonly select?: (value: unknown, selection: unknown) => unknown;
  /** The vector in a value, or in a selected part of it; absent where the part has none. */
  readonly vector?: (value: unknown) => Vector | undefined;
  /** Cells whose change changes the value; their presence makes the resource observable. */
  readonly watch?: (model: M, at: At) => readonly ReadableCell<unknown>[];
}

/** Any resource, as far as it can be described without its model. */
export type AnyResource = Resource<never>;

type Given<V> = V | Content | ContentByPosition;

/** What one writes down; see `Resource` for the meaning of each member. */
export interface Declaration<M, A, V, I, Q, S> {
  readonly summary: string;
  readonly unit?: string;
  readonly type?: string;
  readonly access?: Access;
  readonly value?: z.ZodType<V>;
  readonly input?: z.ZodType<I>;
  readonly query?: z.ZodType<Q>;
  readonly selection?: z.ZodType<S>;
  readonly example?: NoInfer<V>;
  readonly contentFormat?: number;
  readonly typicalBytes?: number;
  readonly instances?: (model: M) => readonly A[];
  readonly get?: (
    model: M,
    at: A,
    query: Q,
    signal: AbortSignal,
  ) => Given<NoInfer<V>> | Promise<Given<NoInfer<V>>>;
  readonly put?: (model: M, at: A, value: V, signal: AbortSignal) => void | Promise<void>;
  readonly post?: (
    model: M,
    at: A,
    value: I,
    signal: AbortSignal,
  ) => Created | undefined | Promise<Created | undefined>;
  readonly delete?: (model: M, at: A, signal: AbortSignal, asked: Asked) => void | Promise<void>;
  readonly deleteMatches?: boolean;
  readonly putMerges?: boolean;
  readonly select?: (value: NoInfer<V>, selection: S) => unknown;
  readonly vector?: (value: Partial<NoInfer<V>>) => Vector | undefined;
  readonly watch?: (model: M, at: A) => readonly ReadableCell<unknown>[];
}

/** `const declare = resource<Server>()`, then `declare("/path/{name}", { ... })`. */
export function resource<M>() {
  return <const Path extends string, V = unknown, I = undefined, Q = undefined, S = undefined>(
    path: Path,
    declaration: Declaration<M, Placeholders<Path>, V, I, Q, S>,
  ): Resource<M> => erase(path, declaration);
}

// The one place where types are given up: matching the path gives `at` its shape, parsing gives the values theirs.
function erase<M, A, V, I, Q, S>(path: string, declaration: Declaration<M, A, V, I, Q, S>): Resource<M> {
  const { type = interfaceOf(declaration), instances = () => [{}], ...rest } = declaration;
  return { ...rest, path, type, instances } as unknown as Resource<M>; // as: see above
}

// The interfaces of CoRE (draft-ietf-core-interfaces-14 section 4): actuator, parameter, read-only parameter.
function interfaceOf<M, A, V, I, Q, S>({ get, put }: Declaration<M, A, V, I, Q, S>): string {
  if (get === undefined) return "core.a";
  return put === undefined ? "core.rp" : "core.p";
}

/** A PUT or POST without a body. */
export const NOTHING = z.undefined();
