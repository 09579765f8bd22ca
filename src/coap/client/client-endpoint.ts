// The client's end of a transport, as the rest of the client sees it. Knows nothing of blocks and observations.
// A wrapper that protects messages (OSCORE) is one, too.

import type { SizeLimits } from "../message/block.ts";
import type { Message } from "../message/codec.ts";

export interface ClientEndpoint {
  /** The server, as in a URL. */
  readonly name: string;
  /** What one message to the server can carry. */
  readonly sizes: SizeLimits;
  /** Whether bodies can come and go in bursts of datagrams (Q-Block, RFC 9177); they cannot when absent. */
  bursts?: "unknown" | "taken" | "refused";

  /** A token that no other exchange of this endpoint uses. */
  nextToken(): Buffer;

  /**
   * Calls `listener` with every response to the token, but those that an exchange waits for, until it is stopped; and
   * `lost` when no more can come, because a connection has ended.
   */
  listen(token: Buffer, listener: (message: Message) => void, lost: () => void): () => void;

  /**
   * Sends a request and resolves with its response. Throws DEVICE_TIMEOUT without an answer in time,
   * DEVICE_NOT_CONNECTED when nothing listens there, DEVICE_PROTOCOL when the server refuses the message as such.
   */
  exchange(message: Message, signal: AbortSignal): Promise<Message>;

  /** Sends a message once and expects nothing. */
  tell(message: Message): void;

  /** Fails what is under way with OPERATION_CANCELLED. */
  close(): Promise<void>;
}
