// An export that the server makes: followed, brought home file by file, each checked by its hash, and removed there.

import { createHash } from "node:crypto";
import { NEVER } from "../../base/abort.ts";
import { isoUtc } from "../../base/clock.ts";
import { VscopeError } from "../../base/errors.ts";
import { type ExportedFile, RemoteExport } from "../../client/remote-export.ts";
import { isSegment } from "../../datadir/run-name.ts";
import { intoFolder } from "../../export/into-folder.ts";
import { outputFolder } from "../../export/output-folder.ts";
import { BUNDLE, type ExportReport } from "../../export/pipeline.ts";
import type { Sink } from "../../formats/format.ts";
import { usageError } from "./exit-codes.ts";
import { type ExportFlags, requestOf } from "./export-flags.ts";
import type { Session } from "./session.ts";
import { printable } from "./value-text.ts";

interface Asked {
  readonly what: string;
  readonly files: readonly string[];
  readonly flags: ExportFlags;
  readonly onProgress: (done: number, of: number, text: string) => void;
}

/** Throws usage errors, the server's refusals and why it failed; then nothing is here. */
export function exportThere(session: Session, asked: Asked): Promise<ExportReport> {
  const { flags, what, files, onProgress } = asked;
  if (flags.dataDir !== undefined) throw usageError("--data-dir: is of this machine, without --server");
  if (flags.calibration.length > 0)
    throw usageError("--calibration: the server takes those of its configuration");
  const { fromUtcUs, toUtcUs, ...request } = requestOf(what, files, flags);
  const times = {
    ...(fromUtcUs !== undefined && { from: isoUtc(fromUtcUs) }),
    ...(toUtcUs !== undefined && { to: isoUtc(toUtcUs) }),
  };
  const { signal } = session;
  return session.withClient(async (client) => {
    const remote = await RemoteExport.start(client, { ...request, ...times }, signal);
    try {
      const made = await remote.finished(({ done, of, doing }) => onProgress(done, of, doing), signal);
      const report = { ...made, files: made.files.filter(({ name }) => name !== BUNDLE) };
      return await intoFolder(flags.output, async (output, target) => {
        await fetchAll(remote, report.files, outputFolder(output, target), { onProgress, signal });
        return report;
      });
    } finally {
      // Also after Ctrl-C. Where the link is gone, the server removes it within the hour.
      await remote.remove(NEVER).catch(() => undefined);
    }
  });
}

/** Every file with the bytes that the server has, by its hash. */
async function fetchAll(
  remote: RemoteExport,
  files: readonly ExportedFile[],
  sink: Sink,
  { onProgress, signal }: { readonly onProgress: Asked["onProgress"]; readonly signal: AbortSignal },
): Promise<void> {
  for (const [index, there] of files.entries()) {
    onProgress(index, files.length, "files fetched");
    const name = localName(there.name);
    const file = sink.file(name);
    const hash = createHash("sha256");
    for await (const piece of remote.read(there, signal)) {
      hash.update(piece);
      file.append(piece);
    }
    if (hash.digest("hex") !== there.sha256)
      throw new VscopeError(
        "DEVICE_PROTOCOL",
        `${printable(name)}: arrived with other bytes than it has there`,
      );
    file.close();
  }
  onProgress(files.length, files.length, "files fetched");
}

// The name comes from the server: it must not lead out of the folder.
function localName(name: string): string {
  if (isSegment(name)) return name;
  throw new VscopeError("VALUE_INVALID", `"${printable(name)}" is not a file name`);
}
