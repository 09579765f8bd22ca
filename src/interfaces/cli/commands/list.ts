// vscope list: the resource tree with titles, units and present values.

import type { Command } from "commander";
import { isVscopeError } from "../../../base/errors.ts";
import { FORMAT } from "../../../client/payload.ts";
import { isServerUnreachable, replyError } from "../../../client/reply-error.ts";
import type { ResourceLink } from "../../../client/resource-link.ts";
import { targetOf } from "../../../client/resource-path.ts";
import type { VscopeClient } from "../../../client/vscope-client.ts";
import { command } from "../help.ts";
import type { Session } from "../session.ts";
import { clipped, renderTable } from "../table.ts";
import { printable, scalarText, unitText } from "../value-text.ts";

interface Entry {
  readonly link: ResourceLink;
  readonly value: unknown;
}

export function listCommand(session: Session): Command {
  return command({
    name: "list",
    summary: "show the resource tree",
    details: "with titles, units and the values of simple resources",
    examples: ["vscope list", "vscope list /spectrometers --long"],
  })
    .argument("[path]", "part of the tree, such as /spectrometers", "/")
    .option("--long", "also show whether a resource can be observed, its type and formats")
    .action((path: string, { long }: { long?: true }) =>
      session.withClient(async (client) => {
        const entries = await readTree(client, targetOf(path).path, session.signal);
        if (entries.length === 0) throw replyError("4.04", `${path}: the server lists no such resource`);
        const { isOutTty, columns } = session.terminal;
        const width = isOutTty && long !== true ? columns : Number.POSITIVE_INFINITY;
        session.print(entries.map(jsonOf), () => clipped(treeText(entries, long === true), width));
      }),
    );
}

async function readTree(
  client: VscopeClient,
  under: readonly string[],
  signal: AbortSignal,
): Promise<readonly Entry[]> {
  const isWanted = ({ path }: ResourceLink): boolean =>
    path[0] !== ".well-known" && under.every((segment, index) => path[index] === segment);
  // The paths that are there for older clients describe themselves with nothing: shown to who asks for them.
  const links = (await client.discover([], signal))
    .filter((link) => isWanted(link) && (link.title !== undefined || under.length > 0))
    .sort((a, b) => compare(a.path, b.path));
  const entries: Entry[] = [];
  for (const link of links) entries.push({ link, value: await simpleValue(client, link, signal) });
  return entries;
}

// A resource that cannot be read now, such as an action or an unplugged device, is listed without a value. One that does
// not say that it has values is not asked: in piccolo3's tree a GET can act.
async function simpleValue(
  client: VscopeClient,
  { path, isLarge, contentFormats }: ResourceLink,
  signal: AbortSignal,
) {
  if (isLarge || !contentFormats.includes(FORMAT.json)) return undefined;
  try {
    const value = await client.get(path, signal);
    return typeof value === "object" ? undefined : value;
  } catch (error) {
    if (isVscopeError(error) && !isServerUnreachable(error) && !signal.aborted) return undefined;
    throw error;
  }
}

function treeText(entries: readonly Entry[], isLong: boolean): string {
  const columns = [{ heading: "" }, { heading: "" }, { heading: "" }];
  return renderTable(isLong ? [...columns, { heading: "" }] : columns, [...treeRows(entries, isLong)]);
}

// A branch that is no resource itself gets a line of its own, so that indentation always tells where one is.
function* treeRows(entries: readonly Entry[], isLong: boolean): Generator<string[]> {
  let above: readonly string[] = [];
  for (const { link, value } of entries) {
    const { path, title = "", unit } = link;
    for (let depth = sharedDepth(above, path); depth < path.length - 1; depth++) yield [nameAt(path, depth)];
    const text =
      value === undefined
        ? unit === undefined
          ? ""
          : `(${unitText(unit)})`
        : (scalarText(value, unit) ?? "");
    yield [nameAt(path, path.length - 1), text, printable(title), ...(isLong ? [detailsOf(link)] : [])];
    above = path;
  }
}

function nameAt(path: readonly string[], depth: number): string {
  return `${"  ".repeat(depth)}${depth === 0 ? "/" : ""}${printable(path[depth] ?? "")}`;
}

function detailsOf({ isObservable, attributes, contentFormats }: ResourceLink): string {
  const type = attributes["rt"];
  const parts = [
    isObservable && "obs",
    typeof type === "string" && `rt=${type}`,
    `ct=${contentFormats.join(",")}`,
  ];
  return printable(parts.filter(Boolean).join(" "));
}

function jsonOf({ link, value }: Entry) {
  const { path, title, unit, isObservable, contentFormats } = link;
  return {
    path: `/${path.map(encodeURIComponent).join("/")}`,
    title,
    unit,
    observable: isObservable,
    contentFormats,
    value,
  };
}

function sharedDepth(a: readonly string[], b: readonly string[]): number {
  const differs = b.findIndex((segment, index) => a[index] !== segment);
  return differs < 0 ? b.length : differs;
}

function compare(a: readonly string[], b: readonly string[]): number {
  const depth = sharedDepth(a, b);
  const [first, second] = [a[depth], b[depth]];
  if (first === undefined || second === undefined) return a.length - b.length;
  return first < second ? -1 : 1;
}
