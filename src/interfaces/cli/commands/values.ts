// vscope get, put and observe: one resource.

import type { Command } from "commander";
import { isoUtc } from "../../../base/clock.ts";
import { isVscopeError, VscopeError } from "../../../base/errors.ts";
import type { ResourceLink } from "../../../client/resource-link.ts";
import { pathText, targetOf } from "../../../client/resource-path.ts";
import type { VscopeClient } from "../../../client/vscope-client.ts";
import { command } from "../help.ts";
import type { Session } from "../session.ts";
import { numberOption, payloadOf } from "../value.ts";
import { inlineText, valueText } from "../value-text.ts";

export function getCommand(session: Session): Command {
  return command({
    name: "get",
    summary: "print a resource's value",
    details: "with its unit; long lists are shortened, --json prints all",
    examples: [
      "vscope get /acquisition/status",
      "vscope get /spectrometers/FLMS01859/wavelengths --json",
      "vscope get '/datadir/runs?limit=5'",
    ],
  })
    .argument("<path>", "path of the resource, with ?query if it takes one")
    .action((path: string) =>
      session.withClient(async (client) => {
        const value = await client.get(path, session.signal);
        if (value instanceof Uint8Array && !session.isJson) return session.terminal.out(value);
        const unit = session.isJson ? undefined : await unitOf(client, path, session.signal);
        session.print(value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value, () =>
          valueText(value, unit),
        );
      }),
    );
}

export function putCommand(session: Session): Command {
  return command({
    name: "put",
    summary: "set a resource",
    details: "vscope list shows its unit",
    examples: [
      "vscope put /spectrometers/FLMS01859/integration-time/upwelling 250000",
      "vscope put /shutters/upwelling open",
      'vscope put /spectrometers/QEP00709/tec \'{"enabled":true,"setpointC":-10}\'',
      "vscope put /datadir/configuration @vscope.config",
    ],
  })
    .argument("<path>", "path of the resource")
    .argument(
      "<value>",
      "JSON or bare text (a text of digits in quotes: '\"12\"'); @file uploads a file, - standard input",
    )
    .action((path: string, value: string) =>
      session.withClient(async (client) => {
        const payload = await payloadOf(value, process.stdin);
        await client.putPayload(path, payload, session.signal);
        session.print({ path: pathText(path), bytes: payload.bytes.length }, () => "");
      }),
    );
}

export function observeCommand(session: Session): Command {
  return command({
    name: "observe",
    summary: "follow a resource's value",
    details: "prints it now and after each change, one line each, until Ctrl-C",
    examples: [
      "vscope observe /acquisition/status",
      "vscope observe /shutters/upwelling --count 3 --json",
      "vscope observe '/acquisition/status?c.pmin=10'",
    ],
  })
    .argument("<path>", "path of the resource")
    .option(
      "--count <n>",
      "end after so many lines",
      numberOption("--count", { min: 1, max: 1e9, integer: true }),
    )
    .action((path: string, { count = Number.POSITIVE_INFINITY }: { count?: number }) =>
      session.withClient((client) => observe(session, client, { path, count })),
    );
}

async function observe(
  session: Session,
  client: VscopeClient,
  what: { path: string; count: number },
): Promise<void> {
  const unit = session.isJson ? undefined : await unitOf(client, what.path, session.signal);
  let printed = 0;
  for await (const value of client.observe(what.path, session.signal)) {
    const timeUtc = isoUtc(session.clock.utcUs());
    const text = session.isJson
      ? JSON.stringify({ timeUtc, value })
      : `${timeUtc.slice(11, 23)}  ${inlineText(value, unit)}`;
    session.printText(text);
    printed += 1;
    if (printed >= what.count) return;
  }
  throw await notObserved(client, what.path, session.signal);
}

// The server answered without an observation: it says in its links whether that was for want of room.
async function notObserved(client: VscopeClient, path: string, signal: AbortSignal): Promise<VscopeError> {
  const link = await linkOf(client, path, signal);
  const fact =
    link?.isObservable === true
      ? "the server has no room for another observation, this is the present value"
      : "cannot be observed, this is its present value";
  return new VscopeError("METHOD_NOT_ALLOWED", `${pathText(targetOf(path).path)}: ${fact}`);
}

// The unit only decorates: a server without this link, or without discovery, still has a value to show.
async function unitOf(client: VscopeClient, path: string, signal: AbortSignal): Promise<string | undefined> {
  return (await linkOf(client, path, signal))?.unit;
}

async function linkOf(
  client: VscopeClient,
  path: string,
  signal: AbortSignal,
): Promise<ResourceLink | undefined> {
  const { path: wanted } = targetOf(path);
  try {
    const links = await client.discover([`href=${pathText(wanted)}`], signal);
    return links.find((link) => pathText(link.path) === pathText(wanted));
  } catch (error) {
    if (isVscopeError(error) && !signal.aborted) return undefined;
    throw error;
  }
}
