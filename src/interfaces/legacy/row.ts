// One row of the table: a path of piccolo3's tree, and what its methods read, set or do in the native model.

import type { ReadableCell } from "../../base/cell.ts";
import type { MaybePromise } from "../../base/maybe-promise.ts";
import type { Role } from "../../config/access.ts";
import type { At } from "../../resources/define.ts";
import type { Given, Parameters } from "./arguments.ts";
import type { Legacy } from "./legacy.ts";

/** The request that a row serves: which one of several things it is about. */
export interface Subject {
  readonly at: At;
  /** Aborts when the server closes. */
  readonly signal: AbortSignal;
}

export interface Row {
  /** Such as `spectrometer/{spectrometer}/status`. */
  readonly path: string;
  /** What GET answers; where `acts` is set it does something, too. */
  readonly get?: (legacy: Legacy, subject: Subject) => MaybePromise<unknown>;
  /** GET does something: it needs the role of a command, and no copy of it is carried out again. */
  readonly acts?: true;
  readonly put?: {
    readonly parameters: Parameters;
    /** What it returns is the payload of the answer; none for undefined. */
    readonly call: (legacy: Legacy, given: Given, subject: Subject) => MaybePromise<unknown>;
    /** PUT changes nothing. */
    readonly reads?: true;
    /** Operate when absent. */
    readonly role?: Role;
  };
  /** Cells whose change can change the value; their presence makes it observable. */
  readonly watch?: (legacy: Legacy, at: At) => readonly ReadableCell<unknown>[];
  /** Cells of whose every change observers are told, also when the value stays as it was. */
  readonly repeat?: (legacy: Legacy, at: At) => readonly ReadableCell<unknown>[];
  /** The things that there are, for discovery; one without a name when absent. */
  readonly instances?: (legacy: Legacy) => readonly At[];
  /** Whether there is such a thing; 4.04 otherwise. */
  readonly exists?: (legacy: Legacy, at: At) => MaybePromise<boolean>;
  /** Not in discovery, although it is there. */
  readonly isUnlisted?: true;
  /** The native tree has this path, too, and serves all that it understands. */
  readonly isShared?: true;
}
