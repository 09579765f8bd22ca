// vscope download: the files of a run, copied to this machine.

import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Command } from "commander";
import { definedOnly } from "../../../base/defined-only.ts";
import { messageOf, systemCodeOf, VscopeError } from "../../../base/errors.ts";
import { replyError } from "../../../client/reply-error.ts";
import type { RunFile } from "../../../client/shapes.ts";
import type { DownloadOptions, VscopeClient } from "../../../client/vscope-client.ts";
import { SYSTEM_DISK } from "../../../datadir/disk/disk.ts";
import { moveDurable } from "../../../datadir/disk/durable-file.ts";
import { PartFile } from "../../../sync/part-file.ts";
import { amount } from "../amount.ts";
import { command } from "../help.ts";
import { startProgress } from "../progress.ts";
import type { Session } from "../session.ts";
import { printable } from "../value-text.ts";

export function downloadCommand(session: Session): Command {
  return command({
    name: "download",
    summary: "copy the files of a run to this machine",
    details: "files that are here already are skipped; one that was cut goes on where it ended",
    examples: ["vscope download plot10 -o ./plot10", "vscope download plot10 b000001_s000000_light.pico"],
  })
    .argument("<run>", "name of a run")
    .argument("[files...]", "files of the run; all when absent")
    .option("-o, --output <dir>", "folder to write to; a folder named as the run when absent")
    .option(
      "--q-block",
      "in bursts of datagrams: for a link that loses some and takes long (RFC 9177)",
      false,
    )
    .action((run: string, names: string[], { output, qBlock }: { output?: string; qBlock: boolean }) =>
      session.withClient(async (client) => {
        const files = await selectFiles(client, { run, names }, session.signal);
        await downloadAll(session, client, { run, files, folder: output ?? localName(run), qBlock });
      }),
    );
}

async function selectFiles(
  client: VscopeClient,
  { run, names }: { readonly run: string; readonly names: readonly string[] },
  signal: AbortSignal,
): Promise<readonly RunFile[]> {
  const { files } = await client.run(run, signal);
  const unknown = names.find((name) => !files.some(({ file }) => file === name));
  if (unknown !== undefined) throw replyError("4.04", `${run}: has no file ${unknown}`);
  return names.length === 0 ? files : files.filter(({ file }) => names.includes(file));
}

interface Download {
  readonly run: string;
  readonly files: readonly RunFile[];
  readonly folder: string;
  readonly qBlock: boolean;
}

async function downloadAll(
  session: Session,
  client: VscopeClient,
  { run, files, folder, qBlock }: Download,
): Promise<void> {
  const { terminal, clock, isJson, signal } = session;
  const progress = startProgress({ terminal, clock, label: "download", isQuiet: isJson });
  const written: string[] = [];
  try {
    for (const [index, { file: name, bytes }] of files.entries()) {
      progress.update(index, files.length, printable(name));
      const path = join(folder, localName(name));
      if (await isThere(path, bytes)) continue;
      await bring(path, (options) => client.download(run, name, signal, { ...options, qBlock }));
      written.push(path);
    }
    progress.update(files.length, files.length);
  } finally {
    progress.finish();
  }
  const skipped = files.length - written.length;
  session.print({ folder, written, skipped }, () => {
    const tail = skipped === 0 ? "" : `, ${skipped} here already`;
    return `${amount(written.length, "file")} written to ${folder}${tail}`;
  });
}

// The name comes from the server: it must not lead out of the folder.
function localName(name: string): string {
  if (name === basename(name) && name !== "." && name !== ".." && name !== "") return name;
  throw new VscopeError("VALUE_INVALID", `"${printable(name)}" is not a file name`);
}

async function isThere(path: string, bytes: number): Promise<boolean> {
  try {
    return (await stat(path)).size === bytes;
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return false;
    throw new VscopeError("DATADIR_IO", `${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** What has come stays beside the file when the transfer is cut. */
async function bring(
  path: string,
  download: (options: DownloadOptions) => Promise<Uint8Array>,
): Promise<void> {
  const part = new PartFile(dirname(path), basename(path));
  const { resume } = part;
  const onPart: DownloadOptions["onPart"] = (piece) => part.take(piece);
  await download({ onPart, keepsBody: false, maxBytes: Infinity, ...definedOnly({ resume }) });
  if (part.path !== undefined) await moveDurable(SYSTEM_DISK, part.path, path);
}
