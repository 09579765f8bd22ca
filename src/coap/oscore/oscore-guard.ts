// The server's end of OSCORE: opens protected requests, refuses what does not verify or was seen before, and protects the
// answers (RFC 8613 sections 7 and 8). Refusals are plain, because there is nobody proven to protect them for.

import { type Content, type Message, NO_BYTES } from "../message/codec.ts";
import { codeNumber, methodCode } from "../message/codes.ts";
import type { MessageGuard, Opened } from "../engine/guard.ts";
import { findOption, findUint, OPTION, uintOption } from "../message/options.ts";
import { LARGEST_PLAINTEXT_BYTES } from "./cose.ts";
import type { OscoreContext, OscoreContexts } from "./oscore-context.ts";
import { decodeOscoreOption, sequenceOf } from "./oscore-option.ts";
import { openRequest, protectResponse, type RequestBinding } from "./protection.ts";

const FETCH = methodCode("FETCH");

/** What is left of the largest plaintext for a body, after code and options. */
const ROOM_FOR_OPTIONS = 0x0fff;

export class OscoreGuard implements MessageGuard {
  readonly #contexts: OscoreContexts;

  constructor(contexts: OscoreContexts) {
    this.#contexts = contexts;
  }

  open(message: Message): Opened {
    const value = findOption(message.options, OPTION.OSCORE);
    const option = value === undefined ? undefined : decodeOscoreOption(value);
    const { kid, partialIv, kidContext } = option ?? {};
    if (kid === undefined || partialIv === undefined || message.payload.length === 0)
      return refusal(message, "4.02", "Failed to decode COSE");
    if (isOuterBlock(message)) return refusal(message, "4.02", "Block-wise transfer outside OSCORE");
    const context = this.#contexts.find(kid, kidContext);
    if (context === undefined || context.sequence.isExhausted)
      return refusal(message, "4.01", "Security context not found", {
        kid: kid.toString("hex"),
        ...(context === undefined ? {} : { key: context.name }),
      });
    return verify(message, { context, kid, partialIv, isFetch: message.code === FETCH });
  }
}

// Only a proxy cuts messages that are protected already; both ends cut what is inside, and messages are small then.
function isOuterBlock({ options }: Content): boolean {
  const block2 = findUint(options, OPTION.BLOCK2) ?? 0;
  return findOption(options, OPTION.BLOCK1) !== undefined || block2 >= 0x10;
}

function verify(message: Message, binding: RequestBinding): Opened {
  const { context, partialIv } = binding;
  const sequence = sequenceOf(partialIv);
  const { replays } = context;
  const who = { key: context.name };
  if (replays.isKnown && !replays.isFresh(sequence)) return refusal(message, "4.01", "Replay detected", who);
  const inner = openRequest(binding, message);
  if (inner === "forged") return refusal(message, "4.00", "Decryption failed", who);
  if (inner === "malformed") return refusal(message, "4.02", "Failed to decode COSE", who);
  if (replays.isKnown) replays.note(sequence);
  else if (!hasEcho(inner, context)) return challenge(inner, binding);
  else replays.beginAt(sequence);
  const identity = { kind: "oscore", name: context.name } as const;
  return { ...inner, identity, protect: protector(binding, true) };
}

function hasEcho({ options }: Content, { echo }: OscoreContext): boolean {
  return findOption(options, OPTION.ECHO)?.equals(echo) === true;
}

// RFC 8613 appendix B.1.2: after a start the server cannot tell a recording from a request, so it asks for the request
// again with a value that no recording has. The nonce of the request may have served before.
function challenge({ code }: Content, binding: RequestBinding): Opened {
  const { echo, name } = binding.context;
  return {
    code,
    options: [],
    payload: NO_BYTES,
    identity: { kind: "oscore", name },
    reply: { code: "4.01", echo },
    protect: protector(binding, false),
  };
}

// The request's own nonce can protect one answer, and saves a number; notifications always have numbers, as they are
// put into order by them (section 4.1.3.5.2).
function protector(binding: RequestBinding, canReuseNonce: boolean): NonNullable<Opened["protect"]> {
  let isFree = canReuseNonce;
  return (answer, isNotification) => {
    const reuses = isFree && !isNotification && findOption(answer.options, OPTION.OBSERVE) === undefined;
    isFree = false;
    const number = reuses ? undefined : binding.context.sequence.take();
    if (number === undefined && !reuses) return UNAVAILABLE;
    const isTooLarge = answer.payload.length + ROOM_FOR_OPTIONS > LARGEST_PLAINTEXT_BYTES;
    return protectResponse(binding, isTooLarge ? FAULT : answer, number);
  };
}

const FAULT: Content = { code: codeNumber("5.00"), options: [], payload: NO_BYTES };

// No number is at hand: the store is too slow, or the key has served its time. Nothing can be said in confidence.
const UNAVAILABLE: Content = {
  code: codeNumber("5.03"),
  options: [uintOption(OPTION.MAX_AGE, 1)],
  payload: NO_BYTES,
};

function refusal(
  { code }: Message,
  reply: string,
  text: string,
  who: { readonly key?: string; readonly kid?: string } = {},
): Opened {
  return {
    failure: { reason: text, ...who },
    code,
    options: [],
    payload: NO_BYTES,
    reply: { code: reply, payload: Buffer.from(text), maxAgeS: 0 },
  };
}
