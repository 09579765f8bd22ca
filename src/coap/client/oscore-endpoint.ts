// The client's end of OSCORE: an endpoint that protects what goes through another one (RFC 8613 sections 7 and 8). It
// answers the server's question after a restart (Echo) by itself, and gives notifications in the order of their numbers.

import { orAborted } from "../../base/abort.ts";
import { VscopeError } from "../../base/errors.ts";
import { protectedSizes, type SizeLimits } from "../message/block.ts";
import type { ClientEndpoint } from "./client-endpoint.ts";
import { echoOf, withEcho } from "./client-message.ts";
import type { Message } from "../message/codec.ts";
import { codeNumber, codeText, methodCode } from "../message/codes.ts";
import { findOption, findUint, OPTION } from "../message/options.ts";
import type { OscoreContext } from "../oscore/oscore-context.ts";
import {
  type OpenedResponse,
  openResponse,
  protectRequest,
  type RequestBinding,
} from "../oscore/protection.ts";

const UNAUTHORIZED = codeNumber("4.01");
const REPLAY = "Replay detected";

/** The request itself, again with Echo, and again beyond the numbers of another process with the same key. */
const ATTEMPTS = 3;

/** RFC 7252 section 5.1, RFC 8132: running these twice is as good as once. Nobody has proven that they have not run. */
const IDEMPOTENT: ReadonlySet<number> = new Set(
  (["GET", "PUT", "DELETE", "FETCH", "iPATCH"] as const).map(methodCode),
);

/** An observation that was registered again can still get notifications of its earlier registration. */
const REGISTRATIONS = 2;

interface Observation {
  /** The newest registration first. */
  bindings: readonly RequestBinding[];
  /** The highest number of a notification so far (section 7.4.1). */
  newest: number;
}

export class OscoreEndpoint implements ClientEndpoint {
  readonly #endpoint: ClientEndpoint;
  readonly #context: OscoreContext;
  readonly #observations = new Map<string, Observation>();
  constructor(endpoint: ClientEndpoint, context: OscoreContext) {
    this.#endpoint = endpoint;
    this.#context = context;
  }

  get name(): string {
    return this.#endpoint.name;
  }

  get sizes(): SizeLimits {
    return protectedSizes(this.#endpoint.sizes);
  }

  nextToken(): Buffer {
    return this.#endpoint.nextToken();
  }

  listen(token: Buffer, listener: (message: Message) => void, lost: () => void): () => void {
    const observation: Observation = { bindings: [], newest: -1 };
    const key = token.toString("latin1");
    this.#observations.set(key, observation);
    const open = (message: Message): void => {
      const content = openNotification(observation, message);
      if (content !== undefined) listener(content);
    };
    const stop = this.#endpoint.listen(token, open, lost);
    return () => {
      this.#observations.delete(key);
      stop();
    };
  }

  /**
   * Also throws DEVICE_PROTOCOL for an answer that is not protected, such as that the server does not know the key, or that
   * does not verify, and CONFIG_INVALID when the key is used up.
   */
  async exchange(message: Message, signal: AbortSignal): Promise<Message> {
    const isIdempotent = IDEMPOTENT.has(message.code);
    let asked = message;
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#exchange(asked, signal);
      if (answer === "replay") {
        await orAborted(this.#context.sequence.skip(), signal);
        if (!isIdempotent || attempt === ATTEMPTS) throw this.#refused("4.01", REPLAY);
      } else {
        const echo = echoOf(answer);
        if (echo === undefined || attempt === ATTEMPTS) return answer;
        asked = withEcho(message, echo);
      }
    }
  }

  tell(message: Message): void {
    // Nobody waits for it; without a number at hand it is not worth a wait.
    const number = this.#context.sequence.take();
    if (number === undefined) return;
    const { outer } = protectRequest(this.#context, message, number);
    this.#endpoint.tell({ ...outer, token: message.token });
  }

  close(): Promise<void> {
    return this.#endpoint.close();
  }

  async #exchange(message: Message, signal: AbortSignal): Promise<Message | "replay"> {
    const { token, options } = message;
    const number = await orAborted(this.#context.sequence.taken(this.#context.name), signal);
    const { outer, binding } = protectRequest(this.#context, message, number);
    const observation = this.#observations.get(token.toString("latin1"));
    if (observation !== undefined && findUint(options, OPTION.OBSERVE) === 0)
      observation.bindings = [binding, ...observation.bindings].slice(0, REGISTRATIONS);
    const answer = await this.#endpoint.exchange({ ...outer, token }, signal);
    if (findOption(answer.options, OPTION.OSCORE) === undefined) return this.#plain(answer);
    const opened = openWithAny([binding, ...(observation?.bindings ?? [])], answer);
    if (opened === undefined) throw this.#error("the answer does not verify");
    if (observation !== undefined) observation.newest = Math.max(observation.newest, opened.sequence ?? -1);
    return { ...opened.content, token };
  }

  // Whoever is on the way can have made it; all that it can do is to end this exchange.
  #plain({ code, payload }: Message): "replay" {
    const text = Buffer.from(payload).toString();
    if (code === UNAUTHORIZED && text === REPLAY) return "replay";
    throw this.#refused(codeText(code), text);
  }

  #refused(coap: string, text: string): VscopeError {
    const fact = `${coap} without protection${text === "" ? "" : `: ${text}`}`;
    return this.#error(fact, { coap, unprotected: text });
  }

  #error(fact: string, details: Readonly<Record<string, string>> = {}): VscopeError {
    return new VscopeError("DEVICE_PROTOCOL", `${this.name}, key ${this.#context.name}: ${fact}`, {
      details,
    });
  }
}

// Section 8.4.1: what does not verify, or is older than what came before, changes nothing.
function openNotification(observation: Observation, message: Message): Message | undefined {
  const opened = openWithAny(observation.bindings, message);
  if (opened?.sequence === undefined || opened.sequence <= observation.newest) return undefined;
  observation.newest = opened.sequence;
  return { ...opened.content, token: message.token };
}

function openWithAny(bindings: readonly RequestBinding[], message: Message): OpenedResponse | undefined {
  for (const binding of bindings) {
    const opened = openResponse(binding, message);
    if (opened !== undefined) return opened;
  }
  return undefined;
}
