// The list of events in the folder of a run: one JSON object a line. A line that a power cut has torn stays on its own.

import { dirname, join } from "node:path";
import { VscopeError } from "../base/errors.ts";
import { type Disk, onDisk } from "./disk/disk.ts";
import { appendDurable } from "./disk/durable-file.ts";
import { isRunFolderName, quoted } from "./run-name.ts";

export const EVENTS_FILE = "events.jsonl";
/** Some thousand events; a longer file is read from there on. */
const MOST_BYTES = 1_000_000;
const NEWLINE = 0x0a;

export type RunEvent = Readonly<Record<string, unknown>>;

/** The file of a run, below the path of the data directory. Throws RESOURCE_NOT_FOUND. */
export function eventsFile(run: string): string {
  if (!isRunFolderName(run)) throw new VscopeError("RESOURCE_NOT_FOUND", `run ${quoted(run)}: there is none`);
  return join(run, EVENTS_FILE);
}

/** Throws what the disk throws. */
export async function appendEvent(disk: Disk, path: string, event: object): Promise<void> {
  const line = `${JSON.stringify(event)}\n`;
  const found = await disk.stat(path);
  const isTorn = found !== undefined && (await lastByte(disk, path, found.bytes)) !== NEWLINE;
  await appendDurable(disk, path, Buffer.from(isTorn ? `\n${line}` : line));
  if (found === undefined) await disk.syncFolder(dirname(path));
}

/** The newest events, oldest first; of a torn line its text as `torn`. Throws DATADIR_IO. */
export function readEvents(disk: Disk, path: string): Promise<readonly RunEvent[]> {
  return onDisk(path, async () => {
    const found = await disk.stat(path);
    if (found?.isFile !== true) return [];
    const from = Math.max(0, found.bytes - MOST_BYTES);
    const { bytes } = await disk.readRange(path, from, found.bytes - from);
    const lines = bytes.toString("utf8").split("\n");
    return (from > 0 ? lines.slice(1) : lines).filter((line) => line !== "").map(eventOf);
  });
}

function eventOf(line: string): RunEvent {
  try {
    const event: unknown = JSON.parse(line);
    if (typeof event === "object" && event !== null) return { ...event };
  } catch {
    // Told below.
  }
  return { torn: line.slice(0, 200) };
}

// A file of no bytes ends as it should. One that cannot be read may be torn, and takes the event all the same.
async function lastByte(disk: Disk, path: string, bytes: number): Promise<number | undefined> {
  if (bytes === 0) return NEWLINE;
  const last = await disk.readRange(path, bytes - 1, 1).catch(() => undefined);
  return last?.bytes[0];
}
