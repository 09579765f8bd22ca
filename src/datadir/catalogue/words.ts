// Text as people search it, made safe for the full-text index: words, "a phrase", and the beginning of a word
// with a star, also of the last one of a phrase.

import { VscopeError } from "../../base/errors.ts";

const MOST_WORDS = 20;

/** The query for FTS5: every word is quoted, so that nothing in it is an operator. Throws VALUE_INVALID without any word. */
export function wordsQuery(text: string): string {
  // SQLite ends a text there.
  if (text.includes("\0")) throw new VscopeError("VALUE_INVALID", "text: holds a NUL");
  const parts = text.match(/"[^"]*"|[^\s"]+/g) ?? [];
  const terms = parts.map(termOf).filter((term) => term !== undefined);
  if (terms.length === 0) throw new VscopeError("VALUE_INVALID", "text: holds no word");
  if (terms.length > MOST_WORDS)
    throw new VscopeError("VALUE_INVALID", `text: ${terms.length} words, ${MOST_WORDS} at most`);
  return terms.join(" AND ");
}

// What has neither letter nor digit finds nothing.
function termOf(part: string): string | undefined {
  const isPrefix = /\*"?$/.test(part);
  const word = part.replaceAll('"', "").replace(/\*$/, "");
  if (!/[\p{L}\p{N}]/u.test(word)) return undefined;
  return `"${word}"${isPrefix ? "*" : ""}`;
}
