// One resource of the far end, whole, over a link that may fail: each attempt goes on where the last one ended.

import { SECOND } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { CoapReply } from "../coap/client/client.ts";
import { isServerUnreachable } from "../client/reply-error.ts";
import type { ReadOptions, VscopeClient } from "../client/vscope-client.ts";
import type { Lanes } from "./lanes.ts";
import type { Pace } from "./pace.ts";
import type { PartFile } from "./part-file.ts";

/** Attempts in a row that bring nothing, and how long they are made at least: a server that restarts refuses at once. */
const ATTEMPTS = 3;
const PATIENCE_US = 30 * SECOND;
const PAUSE_US = 2 * SECOND;

export interface Link {
  readonly client: VscopeClient;
  readonly lanes: Lanes;
  readonly pace: Pace;
  /** Counts the bytes of bodies that came. */
  readonly received: (bytes: number) => void;
  /** Nobody has answered, and is asked again. */
  readonly silent: (reason: string) => void;
}

export interface Wish extends Pick<ReadOptions, "accept" | "etag" | "resume" | "keepsBody" | "maxBytes"> {
  readonly path: readonly string[] | string;
  /** Where parts are kept. */
  readonly part?: PartFile;
}

/** Throws the server's error, and DEVICE_TIMEOUT when nothing comes any more. */
export async function fetchWhole(link: Link, wish: Wish, signal: AbortSignal): Promise<CoapReply> {
  const { path, part, ...rest } = wish;
  const { clock } = link.client;
  let sinceUs = 0;
  for (let failures = 1; ; failures++) {
    await link.pace.turn(signal);
    if (failures === 1) sinceUs = clock.nowUs();
    const onPart: ReadOptions["onPart"] = (piece) => {
      furthest = Math.max(furthest, piece.offset + piece.bytes.length);
      link.received(piece.bytes.length);
      link.pace.spent(piece.bytes.length);
      part?.take(piece);
    };
    const resume = part?.resume ?? rest.resume;
    // The last block that is here comes once more: that is no progress.
    const before = resume === undefined ? 0 : (resume.skipped ?? 0) + resume.have.length;
    let furthest = before;
    const going = resume === undefined ? rest : { ...rest, resume };
    try {
      const reply = await link.client.read(path, { ...going, qBlock: true, onPart }, signal);
      link.lanes.succeeded();
      return reply;
    } catch (error) {
      if (signal.aborted || !isServerUnreachable(error)) throw error;
      link.lanes.timedOut();
      if (furthest > before) failures = 0;
      if (failures >= ATTEMPTS && clock.nowUs() - sinceUs >= PATIENCE_US) throw error;
      link.silent(messageOf(error));
      await clock.delay(PAUSE_US, signal);
    }
  }
}
