// Who a data directory is: a number of its own, given when it was made, which stays when its medium is called otherwise,
// gets another mount point or comes to another computer.

import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { NEVER } from "../../base/abort.ts";
import { type Clock, isoUtc } from "../../base/clock.ts";
import { VscopeError } from "../../base/errors.ts";
import { parsedJson } from "../../base/json.ts";
import { type Disk, onDisk } from "../disk/disk.ts";
import { replaceDurable } from "../disk/durable-file.ts";

export const ID_FILE = ".vscope-id";
/** In a copy that `vscope sync` brings up to date: of which data directory it is. */
export const COPY_FILE = ".sync.json";

const shape = z.object({ uuid: z.uuid(), madeUtc: z.string(), host: z.string() });

export interface Identity {
  /** Undefined where the file does not tell. */
  readonly uuid: string | undefined;
  /** False for a file that a power cut, or its medium, has damaged. */
  readonly isWhole: boolean;
}

/** What the file of a folder says; undefined where there is none. Throws DATADIR_IO. */
export async function readIdentity(disk: Disk, folder: string): Promise<Identity | undefined> {
  const path = join(folder, ID_FILE);
  return onDisk(path, async () => {
    if ((await disk.stat(path)) === undefined) return undefined;
    return identityIn(String(await disk.read(path)));
  });
}

/** The uuid in the text of such a file. */
export function uuidIn(text: string): string | undefined {
  return identityIn(text).uuid;
}

function identityIn(text: string): Identity {
  const whole = shape.safeParse(parsedJson(text)).data;
  if (whole !== undefined) return { uuid: whole.uuid, isWhole: true };
  const rest = /"uuid":"([^"]*)"/.exec(text)?.[1];
  return { uuid: shape.shape.uuid.safeParse(rest).data, isWhole: false };
}

/**
 * Gives a data directory its uuid, durably, a new one unless one is known. A file that is there is kept as
 * `.vscope-id.damaged`. Throws DATADIR_FULL, DATADIR_NOT_MOUNTED, DATADIR_IO.
 */
export async function makeIdentity(
  disk: Disk,
  folder: string,
  { clock, uuid = randomUUID() }: { readonly clock: Clock; readonly uuid?: string },
): Promise<string> {
  const path = join(folder, ID_FILE);
  const text = JSON.stringify({ uuid, madeUtc: isoUtc(clock.utcUs()), host: hostname() });
  await onDisk(path, async () => {
    if ((await disk.stat(path)) !== undefined) await disk.rename(path, `${path}.damaged`);
  });
  await replaceDurable(disk, path, Buffer.from(`${text}\n`), NEVER);
  return uuid;
}

/** Throws DATADIR_WRONG unless the data directory is the one that is wanted; without a wish each is. */
export function requireIdentity(
  path: string,
  { uuid, isDamaged = false }: { readonly uuid?: string | undefined; readonly isDamaged?: boolean },
  wanted: string | undefined,
): void {
  if (wanted === undefined || uuid === wanted) return;
  const none = isDamaged ? `has a damaged ${ID_FILE}, which does not tell its uuid` : "has no uuid";
  const fact = uuid === undefined ? none : `is ${uuid}`;
  throw new VscopeError("DATADIR_WRONG", `data directory ${path}: ${fact}, datadir.uuid is ${wanted}`);
}
