// Bodies that come in bursts (Q-Block1, RFC 9177), in any order. A set that is whole is answered 2.31; what is missing is asked
// for by 4.08 with its numbers. The answer to a body is kept, so that a block that comes again does not begin it anew.

import type { Clock } from "../../base/clock.ts";
import { entryBytes, ownBytes } from "../../base/budget.ts";
import { Ticker } from "../../base/ticker.ts";
import { type Block, blockOffset, unitBytes } from "../message/block.ts";
import {
  encodeMissing,
  MAX_PAYLOADS,
  MISSING_BLOCKS_FORMAT,
  NON_MAX_RETRANSMIT,
  NON_PARTIAL_TIMEOUT_US,
  NON_RECEIVE_TIMEOUT_US,
  NON_TIMEOUT_US,
  REORDER_US,
  setStart,
} from "../message/q-block.ts";
import { ReceivedBlocks } from "../message/received-blocks.ts";
import { OPTION, uintOption } from "../message/options.ts";
import { codeNumber } from "../message/codes.ts";
import { PerComputer } from "./computers.ts";
import type { CoapLimits } from "./limits.ts";
import type { Peer } from "./peer.ts";
import { type Request, uploadKey } from "./request.ts";
import type { Reply, ReplyMessage } from "./response.ts";
import { NO_ROOM, type UploadBudget } from "./upload-budget.ts";

const TICK_US = 50_000;

/** No message at all; an empty acknowledgement to a confirmable block. */
const SILENCE: ReplyMessage = {
  code: codeNumber("2.31"),
  options: [],
  payload: Buffer.alloc(0),
  hasMore: false,
  isUnwanted: true,
};
const WRONG: Reply = { code: "4.00", payload: Buffer.from("block of a wrong length or place") };
const INCOMPLETE = codeNumber("4.08");

interface Upload {
  readonly key: string;
  readonly peer: Peer;
  /** Undefined when the body is whole: its request is carried out. */
  blocks: ReceivedBlocks | undefined;
  /** The newest, which what is asked for answers; when the body is whole its own, until that is answered. */
  request: Request | undefined;
  /** To the body. */
  answer: ReplyMessage | undefined;
  /** What it counts for in the budget. */
  heldBytes: number;
  usedUs: number;
  /** When to ask for what is missing; when that was done last, and for the set from which block on. */
  dueUs: number;
  askedUs: number;
  askedSet: number;
  /** How often since a block has come. */
  asked: number;
}

export class BurstUploads {
  readonly #clock: Clock;
  readonly #budget: UploadBudget;
  readonly #limits: CoapLimits;
  readonly #uploads = new Map<string, Upload>();
  readonly #unfinished = new Set<Upload>();
  readonly #held: PerComputer;
  readonly #ticker: Ticker;

  constructor(clock: Clock, limits: CoapLimits, budget: UploadBudget) {
    this.#clock = clock;
    this.#budget = budget;
    this.#limits = limits;
    this.#held = new PerComputer(limits.requestsPerPeer, limits.requests);
    this.#ticker = new Ticker(clock, TICK_US, (nowUs) => this.#tick(nowUs));
  }

  /** What a block gets that needs no further look: of a body that is whole already. */
  answerTo(request: Request): ReplyMessage | undefined {
    if (request.qBlock1 === undefined) return undefined;
    const upload = this.#uploads.get(uploadKey(request));
    if (upload === undefined || upload.blocks !== undefined) return undefined;
    upload.usedUs = this.#clock.nowUs();
    // The client sends the last block again when it misses the answer.
    return request.qBlock1.more ? SILENCE : (upload.answer ?? SILENCE);
  }

  /** Takes a block; returns the reply to it, or the body when it is whole. */
  add(request: Request): Reply | { readonly body: Uint8Array } {
    const { qBlock1: block, payload, size1 } = request;
    if (block === undefined) return WRONG;
    const key = uploadKey(request);
    const tooLarge = this.#budget.refusalOf(size1, blockOffset(block) + payload.length);
    if (tooLarge !== undefined) this.#forget(key);
    if (tooLarge !== undefined) return tooLarge;
    const upload = this.#uploads.get(key) ?? this.#begin(key, request);
    const cost = entryBytes() + payload.length;
    if (upload?.blocks === undefined || !this.#budget.fits(upload.peer, cost)) return NO_ROOM;
    const addition = upload.blocks.add(block, ownBytes(payload));
    if (addition === "wrong") this.#forget(key);
    if (addition === "wrong") return WRONG;
    upload.request = request;
    if (addition === "new") this.#hold(upload, cost);
    return this.#took(upload, upload.blocks, request);
  }

  /** Keeps the answer to a body that was whole. */
  answered(request: Request, answer: ReplyMessage): void {
    const upload = this.#uploads.get(uploadKey(request));
    if (upload?.request !== request || upload.blocks !== undefined) return;
    // It has the whole body.
    upload.request = undefined;
    upload.answer = answer;
    this.#hold(upload, answer.payload.length);
  }

  /** Forgets uploads that stand still, and old answers. Returns whether any are left. */
  expire(): boolean {
    const nowUs = this.#clock.nowUs();
    for (const { key, usedUs } of this.#uploads.values())
      if (nowUs - usedUs >= NON_PARTIAL_TIMEOUT_US) this.#forget(key);
    return this.#uploads.size > 0;
  }

  /** Forgets those of a peer that is gone. */
  forgetAll(peer: Peer): void {
    for (const upload of this.#uploads.values()) if (upload.peer === peer) this.#forget(upload.key);
  }

  close(): void {
    this.#ticker.stop();
  }

  #begin(key: string, request: Request): Upload | undefined {
    const { from } = request;
    const cost = entryBytes(key);
    const isFull = this.#unfinished.size >= this.#limits.requests || !this.#held.hasRoom(from);
    if (isFull || !this.#budget.fits(from, cost)) return undefined;
    const upload: Upload = {
      key,
      peer: from,
      blocks: new ReceivedBlocks(),
      request,
      answer: undefined,
      heldBytes: 0,
      usedUs: this.#clock.nowUs(),
      dueUs: 0,
      askedUs: 0,
      askedSet: -1,
      asked: 0,
    };
    this.#uploads.set(key, upload);
    this.#unfinished.add(upload);
    this.#held.take(from);
    this.#hold(upload, cost);
    this.#ticker.wake();
    return upload;
  }

  #took(upload: Upload, blocks: ReceivedBlocks, request: Request): Reply | { readonly body: Uint8Array } {
    const nowUs = this.#clock.nowUs();
    upload.usedUs = nowUs;
    upload.asked = 0;
    upload.dueUs = nowUs + NON_RECEIVE_TIMEOUT_US;
    if (blocks.isWhole) {
      this.#finish(upload);
      return { body: blocks.body() };
    }
    const isNew = upload.askedSet !== setStart(blocks.next) || nowUs - upload.askedUs >= NON_TIMEOUT_US;
    if (blocks.isOvertaken && isNew) upload.dueUs = nowUs + REORDER_US;
    if (blocks.isAtSetStart) return { code: "2.31", qBlock1: this.#lastOf(request, blocks) };
    // RFC 7967: nothing is said to this block.
    request.noResponse = 2;
    return { code: "2.31" };
  }

  #lastOf({ qBlock1 }: Request, { next }: ReceivedBlocks): Block {
    return { number: next - 1, more: true, sizeExponent: qBlock1?.sizeExponent ?? 0 };
  }

  /** The body is handed over: from here on only its answer is kept. */
  #finish(upload: Upload): void {
    this.#unfinished.delete(upload);
    this.#held.give(upload.peer);
    upload.blocks = undefined;
    const kept = entryBytes(upload.key);
    this.#budget.give(upload.peer, upload.heldBytes - kept);
    upload.heldBytes = kept;
  }

  #tick(nowUs: number): boolean {
    for (const upload of this.#unfinished) {
      if (nowUs >= upload.dueUs) this.#ask(upload, nowUs);
    }
    return this.#unfinished.size > 0;
  }

  #ask(upload: Upload, nowUs: number): void {
    const { request, blocks } = upload;
    upload.dueUs = nowUs + NON_RECEIVE_TIMEOUT_US * 2 ** upload.asked;
    if (upload.asked === NON_MAX_RETRANSMIT || request === undefined || blocks === undefined) return;
    upload.askedUs = nowUs;
    upload.askedSet = setStart(blocks.next);
    upload.asked += 1;
    const missing = missingOf(request, blocks);
    request.push({
      code: INCOMPLETE,
      options: [uintOption(OPTION.CONTENT_FORMAT, MISSING_BLOCKS_FORMAT)],
      payload: encodeMissing(missing),
      hasMore: false,
      isUnwanted: false,
    });
  }

  #hold(upload: Upload, bytes: number): void {
    upload.heldBytes += bytes;
    this.#budget.take(upload.peer, bytes);
  }

  #forget(key: string): void {
    const upload = this.#uploads.get(key);
    if (upload === undefined) return;
    this.#uploads.delete(key);
    if (this.#unfinished.delete(upload)) this.#held.give(upload.peer);
    this.#budget.give(upload.peer, upload.heldBytes);
  }
}

/** What is missing of the first unfinished set: gaps, and as much after the newest block as is known to exist. */
function missingOf({ qBlock1, size1 }: Request, blocks: ReceivedBlocks): readonly number[] {
  const gaps = blocks.gaps();
  const tail = blocks.tail();
  if (tail === undefined || qBlock1 === undefined) return gaps;
  // A block that says that more follow proves one more; only Size1 tells of others.
  const known = Math.max(Math.ceil(size1 / unitBytes(qBlock1)), tail + 1);
  const end = Math.min(setStart(blocks.next) + MAX_PAYLOADS, known);
  return [...gaps, ...Array.from({ length: end - tail }, (_, index) => tail + index)];
}
