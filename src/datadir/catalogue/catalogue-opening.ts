// Opens a catalogue whatever state it is in: as it is, anew, alone, or in memory.

import { existsSync } from "node:fs";
import { readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Clock, isoUtc } from "../../base/clock.ts";
import { messageOf, VscopeError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { isDamage, openDatabase } from "./catalogue-database.ts";
import { Connections } from "./connections.ts";

/** Beside a catalogue that was found damaged while the server worked, until it has been made anew. */
const DAMAGED = ".damaged";

export interface OpeningParts {
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Opens or creates a catalogue; the caller fills what is missing. One that is damaged or of another version is moved
 * aside and an empty one takes its place. One that cannot be opened now (disk full, I/O error, read-only, in use) stays
 * as it is: where SQLite cannot have it to itself either, the catalogue lives in memory.
 */
export async function openCatalogue(path: string, parts: OpeningParts): Promise<Connections> {
  const { log } = parts;
  try {
    if (existsSync(`${path}${DAMAGED}`)) throw new VscopeError("DATADIR_IO", "found while it was used");
    return connected(path);
  } catch (error) {
    if (!isDamage(error)) return openAlone(path, error, log);
    return makeAnew(path, error, parts);
  }
}

/** One that was open before, in the middle of recordings: it is checked in its thread. Throws what SQLite throws. */
export function openAgain(path: string): Connections {
  return connected(path, { isBrief: true });
}

/** An empty catalogue in the place of one that is damaged, which nobody may have open any more; in memory where that fails. */
export async function makeAnew(
  path: string,
  cause: unknown,
  { clock, log }: OpeningParts,
): Promise<Connections> {
  log.warn({ path, reason: messageOf(cause) }, "the catalogue is damaged and is made anew");
  try {
    await moveAside(path, clock);
    return connected(path);
  } catch (error) {
    return inMemory(path, error, log);
  }
}

/** Should the server end before it is made anew, the next start does so. */
export async function markDamaged(path: string): Promise<void> {
  await writeFile(`${path}${DAMAGED}`, "").catch(() => undefined);
}

function connected(path: string, how: { readonly isBrief?: boolean } = {}): Connections {
  const opened = openDatabase(path, how);
  try {
    return new Connections({ ...opened, path });
  } catch (error) {
    opened.database.close();
    throw error;
  }
}

// Without the memory that SQLite shares with other programs, which is a file on the medium.
function openAlone(path: string, cause: unknown, log: Log): Connections {
  try {
    const connections = new Connections(openDatabase(path, { isAlone: true }));
    log.warn({ path, reason: messageOf(cause) }, "no other program can read the catalogue");
    return connections;
  } catch (error) {
    return inMemory(path, error, log);
  }
}

function inMemory(path: string, cause: unknown, log: Log): Connections {
  const reason = messageOf(cause);
  log.error({ path, reason }, "the catalogue cannot be used, it is kept in memory");
  return new Connections({ ...openDatabase(":memory:"), notOnDisk: `it is in memory: ${reason}` });
}

// The journal belongs to the database; with a new one it would be taken for its own. One catalogue is kept aside, no more:
// they are large, and the files have all that is in them.
async function moveAside(path: string, clock: Clock): Promise<void> {
  await removeAside(path).catch(() => undefined);
  const aside = `${path}.${isoUtc(clock.utcUs()).replaceAll(/[-:.]/g, "")}`;
  await rename(path, aside).catch(() => undefined);
  for (const ending of ["-wal", "-shm", "-journal", DAMAGED]) await rm(`${path}${ending}`, { force: true });
}

async function removeAside(path: string): Promise<void> {
  const [folder, name] = [dirname(path), basename(path)];
  const aside = (await readdir(folder)).filter(
    (one) => one.startsWith(name) && /^\.\d{8}T\d+Z$/.test(one.slice(name.length)),
  );
  for (const one of aside) await rm(join(folder, one), { force: true });
}
