// Messages protected end to end (OSCORE, RFC 8613): the place where one is opened and what answers it is protected, the
// same for every transport. Whoever implements it is given to the server; without one such messages are refused.

import type { Content, Message } from "../message/codec.ts";
import type { CoapIdentity } from "./peer.ts";
import type { Reply, ReplyMessage } from "./response.ts";

export interface MessageGuard {
  /** Opens a message with the option OSCORE. `peer` is for logs. Must not throw for anything that was received. */
  open(message: Message, peer: string): Opened;
}

/** A protected request: the message inside, and how to protect its answers. */
export interface Opened extends Content {
  /** Whose key it was protected with. */
  readonly identity?: CoapIdentity | undefined;
  /** Why nobody is proven, for the log; absent when somebody is. */
  readonly failure?: { readonly reason: string; readonly key?: string; readonly kid?: string };
  /** Answers at once, without a handler: a message that could not be opened, a replay, a challenge (Echo). */
  readonly reply?: Reply;
  /** Protects an answer or a notification. Without it the answer is sent plainly: there was no context to use. */
  readonly protect?: (answer: Content, isNotification: boolean) => Content;
}

/** What is sent in place of an answer: itself, or protected when the request was. */
export function sealed(
  opened: Opened | undefined,
  answer: ReplyMessage,
  isNotification: boolean,
): ReplyMessage {
  if (opened?.protect === undefined) return answer;
  return { ...answer, ...opened.protect(answer, isNotification) };
}
