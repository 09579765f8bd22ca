// Lists that the server hands out in slices, read as one.

/** The server's longest slice. */
const LONGEST = 500;

export interface Slice {
  readonly offset: number;
  readonly limit: number;
}

/** An answer of the server, and the items in it. */
export interface Page<Answer, Item> {
  readonly answer: Answer;
  readonly items: readonly Item[];
}

/**
 * Asks for slices until `limit` items or the end; gives the newest answer, for whatever else it says, and all items.
 * While the list grows at its front, an item can come twice (see `distinct`), none is left out.
 */
export async function pages<Answer extends { readonly total: number }, Item>(
  { offset, limit }: Slice,
  read: (slice: Slice) => Promise<Page<Answer, Item>>,
): Promise<Page<Answer, Item>> {
  let { answer, items } = await read({ offset, limit: Math.min(limit, LONGEST) });
  for (let at = LONGEST; at < limit && offset + at < answer.total; at += LONGEST) {
    const next = await read({ offset: offset + at, limit: Math.min(limit - at, LONGEST) });
    answer = next.answer;
    items = [...items, ...next.items];
  }
  return { answer, items };
}

/** The items without those whose name came before. */
export function distinct<Item>(items: readonly Item[], nameOf: (item: Item) => string): Item[] {
  const named = new Map<string, Item>();
  for (const item of items) if (!named.has(nameOf(item))) named.set(nameOf(item), item);
  return [...named.values()];
}

/** A path with a query; names in the path are escaped already. */
export function withQuery(path: string, query: object): string {
  const parts = Object.entries(query).map(([key, value]) => `${key}=${encodeURIComponent(String(value))}`);
  return `${path}?${parts.join("&")}`;
}
