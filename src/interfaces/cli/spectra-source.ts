// Where `vscope show` finds spectra: a file here, a run of the server, or a data directory here.

import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { messageOf, VscopeError } from "../../base/errors.ts";
import type { VscopeClient } from "../../client/vscope-client.ts";
import { type PicoFile } from "../../spectra/pico.ts";
import { parsePico } from "../../spectra/pico-reader.ts";
import { usageError } from "./exit-codes.ts";
import type { Session } from "./session.ts";

/** A folder of spectra files, here or on the server. */
export interface SpectraFolder {
  names(): Promise<readonly string[]>;
  read(name: string): Promise<PicoFile>;
}

export interface Selection {
  readonly folder: SpectraFolder;
  readonly file: string;
  /** Index of the one spectrum meant; all when absent. */
  readonly position?: number;
}

/** What `what` names: `run/file` with, for a catalogue id, the position of a spectrum in it. */
export interface Reference {
  readonly run: string;
  readonly file: string;
  readonly position?: number;
}

/** Reads `RUN/FILE` and `RUN/FILE/POSITION`; undefined for anything else. */
export function parseReference(what: string): Reference | undefined {
  const match = /^([^/]+)\/([^/]+\.pico)(?:\/(\d{1,9}))?$/.exec(what);
  if (match === null) return undefined;
  const [, run = "", file = "", position] = match;
  return { run, file, ...(position !== undefined && { position: Number(position) }) };
}

/** Gives `task` what is meant: a file here, one in `dataDir`, or else one of the server. Throws usage errors. */
export async function withSelection<T>(
  session: Session,
  what: string,
  dataDir: string | undefined,
  task: (selection: Selection) => Promise<T>,
): Promise<T> {
  const local = await selectLocal(what, dataDir);
  if (local !== undefined) return task(local);
  const reference = parseReference(what);
  if (reference === undefined) throw usageError(`${what}: not RUN/FILE.pico`);
  return session.withClient((client) => {
    const folder = serverRun(client, reference.run, session.signal);
    return task({ ...reference, folder });
  });
}

/** A folder of this machine. */
function localFolder(path: string): SpectraFolder {
  return {
    names: () => readdir(path),
    read: async (name) => parsePico(await readText(join(path, name)), name),
  };
}

/** A run of the server. */
export function serverRun(client: VscopeClient, run: string, signal: AbortSignal): SpectraFolder {
  return {
    names: async () => (await client.run(run, signal)).files.map(({ file }) => file),
    read: async (name) => parsePico(Buffer.from(await client.download(run, name, signal)).toString(), name),
  };
}

/** A local file when there is one (or a data directory is given), else undefined: then the server is meant. */
export async function selectLocal(
  what: string,
  dataDirectory: string | undefined,
): Promise<Selection | undefined> {
  const reference = parseReference(what);
  if (dataDirectory !== undefined) {
    if (reference === undefined)
      throw usageError(`${what}: expected RUN/FILE.pico or RUN/FILE.pico/POSITION`);
    return { ...reference, folder: localFolder(join(dataDirectory, reference.run)) };
  }
  const [, path = what, position] = /^(.*\.pico)\/(\d{1,9})$/.exec(what) ?? [];
  if (await isFile(path)) {
    const file = { folder: localFolder(dirname(path)), file: basename(path) };
    return position === undefined ? file : { ...file, position: Number(position) };
  }
  if (reference === undefined)
    throw usageError(`${what}: no such file here, and not RUN/FILE.pico of the server`);
  return undefined;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new VscopeError("RESOURCE_NOT_FOUND", `${path}: cannot be read (${messageOf(error)})`, {
      cause: error,
    });
  }
}
