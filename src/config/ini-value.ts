// The right-hand side of `key = value` as ConfigObj reads it: quotes, comma lists, inline comments. Pure.
// `#` begins a comment anywhere outside quotes, `;` only after a blank, because device names may contain it.

export type ScannedValue = { readonly value: string | readonly string[] } | { readonly fault: string };

const QUOTED = /^(?:"([^"]*)"|'([^']*)')\s*/;
const UNQUOTED = /^(?:(?!\s;)[^,#])*/;
const COMMENT = /^\s*(?:[#;]|$)/;

/**
 * Reads what follows the equals sign. A comma outside quotes makes a list, as does a comma at the end ("a,").
 * Everything stays text; "" when nothing is there.
 */
export function scanValue(text: string): ScannedValue {
  const items: string[] = [];
  let rest = text.trim();
  for (;;) {
    if (COMMENT.test(rest)) {
      return { value: items.length === 0 ? "" : items };
    }
    const item = scanItem(rest);
    if (item === undefined) return { fault: `${rest} has a quote that is not closed, or text behind it` };
    const isOnlyItem = items.length === 0 && !item.rest.startsWith(",");
    if (isOnlyItem) return { value: item.text };
    items.push(item.text);
    if (!item.rest.startsWith(",")) return { value: items };
    rest = item.rest.slice(1).trimStart();
  }
}

function scanItem(text: string): { readonly text: string; readonly rest: string } | undefined {
  if (!/^["']/.test(text)) {
    const [found] = UNQUOTED.exec(text) ?? [""];
    return { text: found.trim(), rest: text.slice(found.length).trimStart() };
  }
  const quoted = QUOTED.exec(text);
  if (quoted === null) return undefined;
  const rest = text.slice(quoted[0].length);
  if (!rest.startsWith(",") && !COMMENT.test(rest)) return undefined;
  return { text: quoted[1] ?? quoted[2] ?? "", rest };
}
