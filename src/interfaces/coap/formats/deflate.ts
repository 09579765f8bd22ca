// Files of JSON in the content coding "deflate" (RFC 1950): a quarter of the bytes for a link that is slow.

import { hash } from "node:crypto";
import { promisify } from "node:util";
import { deflate } from "node:zlib";
import { NEVER } from "../../../base/abort.ts";
import { VscopeError } from "../../../base/errors.ts";
import type { ContentByPosition } from "../../../resources/define.ts";
import { printPath } from "../../../resources/router.ts";
import { FORMAT } from "../content-formats.ts";

const TAG_BYTES = 8;
/** It is made in memory, and kept there while it is read. */
const LARGEST_BYTES = 4 * 2 ** 20;

/** Differs from that of the plain bytes, and with the program that deflates: half of one and half of another fit nothing. */
export function deflatedTag(tag: Uint8Array): Buffer {
  const version = Buffer.from(`deflate ${process.versions.zlib} `);
  return hash("sha1", Buffer.concat([version, tag]), "buffer").subarray(0, TAG_BYTES);
}

/** Throws FORMAT_NOT_ACCEPTABLE for a file that is too large, PRECONDITION_FAILED when it changes meanwhile. */
export async function deflated(content: ContentByPosition, path: readonly string[]) {
  const { size, tag } = content;
  if (size > LARGEST_BYTES) {
    const fact = `${printPath(path)}: ${size} bytes, deflated up to ${LARGEST_BYTES}`;
    throw new VscopeError("FORMAT_NOT_ACCEPTABLE", fact);
  }
  const payload = await promisify(deflate)(await content.read(0, size, NEVER));
  return { payload, contentFormat: FORMAT.deflatedJson, etag: deflatedTag(tag) };
}
