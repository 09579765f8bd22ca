// Uploads in blocks (Block1, RFC 7959 section 2.5): put together in order, whatever the tokens of the blocks are.
// Memory is bounded per body, per peer and in all; an upload that stands still is forgotten.

import { type Clock, SECOND } from "../../base/clock.ts";
import { type Block, blockOffset, isWholeBlock } from "../message/block.ts";
import { entryBytes, ownBytes } from "../../base/budget.ts";
import type { CoapLimits } from "./limits.ts";
import { type Request, uploadKey } from "./request.ts";
import type { Reply } from "./response.ts";
import type { Peer } from "./peer.ts";
import { NO_ROOM, type UploadBudget } from "./upload-budget.ts";

interface Upload {
  readonly peer: Peer;
  readonly parts: Uint8Array[];
  bytes: number;
  /** What it counts for in the budgets. */
  heldBytes: number;
  usedUs: number;
}

const CONTINUE: Reply = { code: "2.31" };
const INCOMPLETE: Reply = { code: "4.08" };
const WRONG_LENGTH: Reply = {
  code: "4.00",
  payload: Buffer.from("block length does not match its size exponent"),
};

export class Uploads {
  readonly #clock: Clock;
  readonly #limits: Pick<CoapLimits, "transferIdleS">;
  readonly #budget: UploadBudget;
  readonly #uploads = new Map<string, Upload>();

  constructor(clock: Clock, limits: Pick<CoapLimits, "transferIdleS">, budget: UploadBudget) {
    this.#clock = clock;
    this.#limits = limits;
    this.#budget = budget;
  }

  get size(): number {
    return this.#uploads.size;
  }

  /** 4.13 for a body that came whole and is too large. */
  refusalOf({ payload }: Request): Reply | undefined {
    return this.#budget.refusalOf(0, payload.length);
  }

  /** Takes the block that the request carries; returns the reply to it, or the body when it is complete. */
  add(request: Request, block: Block): Reply | { readonly body: Uint8Array } {
    if (block.more && !isWholeBlock(block, request.payload.length)) return WRONG_LENGTH;
    const tooLarge = this.#budget.refusalOf(request.size1, blockOffset(block) + request.payload.length);
    const key = uploadKey(request);
    if (tooLarge !== undefined || block.number === 0) this.#forget(key);
    if (tooLarge !== undefined) return tooLarge;
    if (block.number === 0 && !block.more) return { body: request.payload };
    const upload =
      this.#uploads.get(key) ?? (block.number === 0 ? this.#begin(key, request.from) : undefined);
    if (upload === undefined) return INCOMPLETE;
    const refusal = this.#append(upload, block, request.payload);
    if (refusal !== undefined && upload.bytes === 0) this.#forget(key);
    if (refusal !== undefined) return refusal;
    if (block.more) return CONTINUE;
    this.#forget(key);
    return { body: Buffer.concat(upload.parts, upload.bytes) };
  }

  /** Forgets uploads that stand still. Returns whether any are left. */
  expire(): boolean {
    const nowUs = this.#clock.nowUs();
    const idleUs = this.#limits.transferIdleS * SECOND;
    for (const [key, { usedUs }] of this.#uploads) if (nowUs - usedUs >= idleUs) this.#forget(key);
    return this.#uploads.size > 0;
  }

  /** Forgets those of a peer that is gone. */
  forgetAll(peer: Peer): void {
    for (const [key, upload] of this.#uploads) if (upload.peer === peer) this.#forget(key);
  }

  #begin(key: string, peer: Peer): Upload {
    const upload = { peer, parts: [], bytes: 0, heldBytes: 0, usedUs: 0 };
    this.#uploads.set(key, upload);
    this.#hold(upload, entryBytes(key));
    return upload;
  }

  #append(upload: Upload, block: Block, payload: Uint8Array): Reply | undefined {
    const offset = blockOffset(block);
    upload.usedUs = this.#clock.nowUs();
    // The client may not have seen our answer to the newest block and sends it again with a new identifier.
    const isRepeated = offset === upload.bytes - payload.length && payload.length > 0 && block.more;
    if (isRepeated && upload.parts.at(-1)?.length === payload.length) return undefined;
    if (offset !== upload.bytes) return INCOMPLETE;
    const cost = entryBytes() + payload.length;
    if (!this.#budget.fits(upload.peer, cost)) return NO_ROOM;
    upload.parts.push(ownBytes(payload));
    upload.bytes += payload.length;
    this.#hold(upload, cost);
    return undefined;
  }

  #hold(upload: Upload, bytes: number): void {
    upload.heldBytes += bytes;
    this.#budget.take(upload.peer, bytes);
  }

  #forget(key: string): void {
    const upload = this.#uploads.get(key);
    if (upload === undefined) return;
    this.#uploads.delete(key);
    this.#budget.give(upload.peer, upload.heldBytes);
  }
}
