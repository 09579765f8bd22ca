// Answers as handlers give them.

export interface CoapResponse {
  /** Such as "2.05". */
  readonly code: string;
  /** The whole body; must not change afterwards. Bodies over 1024 bytes are sent in blocks, those of errors cut off. */
  readonly payload?: Uint8Array;
  readonly contentFormat?: number;
  /** 1 to 8 bytes. Without one, payloads over 1024 bytes get one from their contents. */
  readonly etag?: Uint8Array;
  /** How long the answer is fresh; 60 s when absent. */
  readonly maxAgeS?: number;
  /** Segments of the path of what was created. */
  readonly locationPath?: readonly string[];
  /**
   * Set on a 2.05 to a GET of something observable. The server calls it when the request asked for observation, and then
   * the handler again, with the same request, after each change (changes in quick succession count as one).
   * It must return at once and not call `changed` itself; what it returns ends the subscription.
   * A value read long before an asynchronous handler returns can miss a change: read it last.
   */
  readonly observe?: (changed: () => void) => () => void;
}

/** An answer of the library itself. */
export interface Reply extends CoapResponse {
  /** Largest body accepted, for 4.13. */
  readonly size1?: number;
}
