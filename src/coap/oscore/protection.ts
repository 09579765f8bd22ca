// Messages into OSCORE and out of it (RFC 8613 sections 4 and 8), for both ends. Code, payload and nearly all options move
// into the ciphertext; outside stay a code that says nothing, what proxies must read, and the option OSCORE.

import { type Content, decodeMessage, encodeMessage, NO_BYTES, sortOptions } from "../message/codec.ts";
import { classOf, codeNumber, CON, methodCode } from "../message/codes.ts";
import { type CoapOption, findOption, OPTION } from "../message/options.ts";
import { decrypt, encrypt } from "./cose.ts";
import type { OscoreContext } from "./oscore-context.ts";
import {
  decodeOscoreOption,
  encodeOscoreOption,
  type OscoreOption,
  partialIvOf,
  sequenceOf,
} from "./oscore-option.ts";

/** Ties answers to their request: section 7.1. */
export interface RequestBinding {
  readonly context: OscoreContext;
  /** Of the request. */
  readonly kid: Buffer;
  readonly partialIv: Buffer;
  /** The outer code of the request was FETCH: that of its answers is 2.05, and 2.04 otherwise. */
  readonly isFetch: boolean;
}

// Section 4.1, figure 5, class U, and RFC 8768 section 3; Observe is inside and outside. All others are class E.
const OUTER: ReadonlySet<number> = new Set([
  OPTION.URI_HOST,
  OPTION.URI_PORT,
  OPTION.HOP_LIMIT,
  OPTION.PROXY_URI,
  OPTION.PROXY_SCHEME,
]);

const POST = methodCode("POST");
const FETCH = methodCode("FETCH");
const CHANGED = codeNumber("2.04");
const CONTENT = codeNumber("2.05");

/** Section 8.1. The number must never have been used before. */
export function protectRequest(
  context: OscoreContext,
  content: Content,
  number: number,
): { readonly outer: Content; readonly binding: RequestBinding } {
  const partialIv = partialIvOf(number);
  const isFetch = findOption(content.options, OPTION.OBSERVE) !== undefined;
  const binding: RequestBinding = { context, kid: context.senderId, partialIv, isFetch };
  const nonceFrom = { id: context.senderId, partialIv };
  const inner = content.options.filter(({ number }) => !OUTER.has(number));
  const kept = content.options.filter(({ number }) => OUTER.has(number) || number === OPTION.OBSERVE);
  const payload = encrypt(
    context.use("send", nonceFrom, binding),
    plaintextOf({ ...content, options: inner }),
  );
  const { idContext: kidContext, senderId: kid } = context;
  const option = { partialIv, kid, ...(kidContext === undefined ? {} : { kidContext }) };
  return { outer: { code: isFetch ? FETCH : POST, options: withOscore(kept, option), payload }, binding };
}

/** Section 8.2, steps 4 to 7: the request inside, or undefined when it does not verify. */
export function openRequest(
  binding: RequestBinding,
  { options, payload }: Content,
): Content | "forged" | "malformed" {
  const { context, kid: id, partialIv } = binding;
  const plaintext = decrypt(context.use("receive", { id, partialIv }, binding), payload);
  if (plaintext === undefined) return "forged";
  const inner = contentOf(plaintext);
  if (inner === undefined || classOf(inner.code) !== 0) return "malformed";
  const outer = options.filter(
    ({ number }) => OUTER.has(number) && findOption(inner.options, number) === undefined,
  );
  return outer.length === 0 ? inner : { ...inner, options: sortOptions([...outer, ...inner.options]) };
}

/**
 * Section 8.3. Without a number the nonce of the request serves again, which is allowed for one answer, and only if the
 * request was no copy.
 */
export function protectResponse(
  binding: RequestBinding,
  content: Content,
  number: number | undefined,
): Content {
  const { context, kid: id, partialIv: requestIv, isFetch } = binding;
  const partialIv = number === undefined ? undefined : partialIvOf(number);
  const nonceFrom =
    partialIv === undefined ? { id, partialIv: requestIv } : { id: context.senderId, partialIv };
  const isObserved = ({ number: option }: CoapOption): boolean => option === OPTION.OBSERVE;
  // Inside, a notification has an empty Observe (section 4.1.3.5.2): the Partial IV tells the order.
  const options = content.options.map((option) =>
    isObserved(option) ? { number: OPTION.OBSERVE, value: NO_BYTES } : option,
  );
  const payload = encrypt(context.use("send", nonceFrom, binding), plaintextOf({ ...content, options }));
  const outer = withOscore(content.options.filter(isObserved), partialIv === undefined ? {} : { partialIv });
  return { code: isFetch ? CONTENT : CHANGED, options: outer, payload };
}

export interface OpenedResponse {
  readonly content: Content;
  /** The sender's number, when the answer was not protected with the nonce of the request. */
  readonly sequence?: number;
}

/** Section 8.4: the response inside, or undefined when it does not verify. The value of Observe is that of the Partial IV. */
export function openResponse(
  binding: RequestBinding,
  { options, payload }: Content,
): OpenedResponse | undefined {
  const { context, kid, partialIv: requestIv } = binding;
  const value = findOption(options, OPTION.OSCORE);
  const option = value === undefined ? undefined : decodeOscoreOption(value);
  if (option === undefined) return undefined;
  const { partialIv } = option;
  const nonceFrom =
    partialIv === undefined ? { id: kid, partialIv: requestIv } : { id: context.recipientId, partialIv };
  const plaintext = decrypt(context.use("receive", nonceFrom, binding), payload);
  const inner = plaintext === undefined ? undefined : contentOf(plaintext);
  if (inner === undefined || classOf(inner.code) < 2) return undefined;
  return partialIv === undefined
    ? { content: inner }
    : { content: inOrder(inner, partialIv), sequence: sequenceOf(partialIv) };
}

// Section 4.1.3.5.2: the three lowest bytes of the Partial IV in place of the empty value.
function inOrder(inner: Content, partialIv: Buffer): Content {
  const number = OPTION.OBSERVE;
  if (findOption(inner.options, number) === undefined) return inner;
  const value = partialIv.subarray(-3);
  return {
    ...inner,
    options: inner.options.map((option) => (option.number === number ? { number, value } : option)),
  };
}

function withOscore(options: readonly CoapOption[], option: OscoreOption): readonly CoapOption[] {
  const oscore = { number: OPTION.OSCORE, value: encodeOscoreOption(option) };
  return options.length === 0 ? [oscore] : sortOptions([...options, oscore]);
}

// A plaintext is code, options, payload (section 5.3), which is how a message without token ends: the last byte of its
// message identifier can be the code. So there is no second coder.
const BEFORE_PLAINTEXT = 3;

function plaintextOf({ code, options, payload }: Content): Buffer {
  return encodeMessage({ type: CON, code, messageId: code, token: NO_BYTES, options, payload }).subarray(
    BEFORE_PLAINTEXT,
  );
}

function contentOf(plaintext: Buffer): Content | undefined {
  const start = Buffer.from([0x40, plaintext[0] ?? 0, 0]);
  const message = decodeMessage(Buffer.concat([start, plaintext]));
  if (message === undefined) return undefined;
  return { code: message.code, options: message.options, payload: message.payload };
}
