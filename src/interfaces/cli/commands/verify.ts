// vscope verify: whether a data directory has what was recorded, byte for byte; here, or on the server.

import type { Command } from "commander";
import { z } from "zod";
import { bytesText } from "../../../base/bytes-text.ts";
import { isoUtc } from "../../../base/clock.ts";
import { definedOnly } from "../../../base/defined-only.ts";
import { VscopeError } from "../../../base/errors.ts";
import { pages, withQuery } from "../../../client/pages.ts";
import type { VscopeClient } from "../../../client/vscope-client.ts";
import { amount } from "../amount.ts";
import { localFolder } from "../data-folder.ts";
import { command } from "../help.ts";
import { startProgress } from "../progress.ts";
import { runOnServer } from "../server-task.ts";
import type { Session } from "../session.ts";
import { renderTable } from "../table.ts";
import { timeOption } from "../time-option.ts";
import { printable } from "../value-text.ts";

interface Flags {
  readonly run?: string;
  readonly since?: number;
  readonly repair?: true;
  readonly server?: true;
}

const reportShape = z.object({
  files: z.number(),
  bytes: z.number(),
  batches: z.number(),
  isCatalogueCompared: z.boolean(),
  faults: z.number(),
  repaired: z.number(),
  counts: z.record(z.string(), z.number()),
  findings: z.array(
    z.object({
      kind: z.string(),
      run: z.string(),
      file: z.string(),
      fact: z.string(),
      isRepaired: z.boolean(),
    }),
  ),
});
type Report = z.infer<typeof reportShape>;

const statusShape = z.object({ total: z.number(), report: reportShape });

const RESOURCE = "/datadir/verification";
/** The server keeps no more. */
const MOST_FINDINGS = 10_000;

export function verifyCommand(session: Session): Command {
  return command({
    name: "verify",
    summary: "check that a data directory has what was recorded",
    details:
      "every file against its SHA-256 in the manifest of its batch, and against the catalogue; changes nothing without --repair",
    examples: [
      "vscope verify /data",
      "vscope verify /data --run plot10 --repair",
      "vscope verify --server --since 2026-06-21T00:00:00Z --json",
    ],
  })
    .argument("[datadir]", "a data directory on this machine that no server uses, such as a copy")
    .option("--server", "the data directory of the server")
    .option("--run <name>", "only this run")
    .option("--since <time>", "only batches of which a file was written since", timeOption("--since"))
    .option(
      "--repair",
      "add missing lines to manifests and rows to the catalogue; no spectra file is touched",
    )
    .action(async (path: string | undefined, flags: Flags) => {
      const folder = await localFolder(path, flags.server === true);
      const report = await (folder === undefined
        ? verifyOnServer(session, flags)
        : verifyHere(session, folder, flags));
      tell(session, report);
    });
}

async function verifyHere(session: Session, folder: string, flags: Flags): Promise<Report> {
  const { clock, terminal, isJson, signal } = session;
  // SQLite is loaded when it is needed: other commands start faster without.
  const { verifyFolder } = await import("../../../datadir/checksums/local-verification.ts");
  const progress = startProgress({ terminal, clock, label: "verify", isQuiet: isJson });
  try {
    const scope = definedOnly({ run: flags.run, sinceUtcUs: flags.since });
    const onProgress = ({ done, of }: { readonly done: number; readonly of: number }): void =>
      progress.update(done, of);
    const asked = { clock, repairs: flags.repair === true, ...scope };
    return reportShape.parse(await verifyFolder(folder, asked, { onProgress, signal }));
  } finally {
    progress.finish();
  }
}

function verifyOnServer(session: Session, { run, since, repair }: Flags): Promise<Report> {
  const body = definedOnly({
    run,
    since: since === undefined ? undefined : isoUtc(since),
    repair,
  });
  return session.withClient(async (client) => {
    await runOnServer(session, client, { path: RESOURCE, body, label: "verify" });
    return reportOf(client, session.signal);
  });
}

async function reportOf(client: VscopeClient, signal: AbortSignal): Promise<Report> {
  const { answer, items } = await pages({ offset: 0, limit: MOST_FINDINGS }, async (slice) => {
    const status = await client.getAs(withQuery(RESOURCE, slice), statusShape, signal);
    return { answer: status, items: status.report.findings };
  });
  return { ...answer.report, findings: [...items] };
}

function tell(session: Session, report: Report): void {
  session.print(report, () => reportText(report));
  if (report.faults === 0) return;
  throw new VscopeError("DATADIR_IO", `${amount(report.faults, "fault")} found`);
}

const COLUMNS = ["finding", "run", "file", "what"].map((heading) => ({ heading }));

function reportText({ findings, files, bytes, batches, ...report }: Report): string {
  const rows = findings.map(({ kind, run, file, fact, isRepaired }) => [
    isRepaired ? `${kind}, repaired` : kind,
    printable(run),
    printable(file),
    printable(fact),
  ]);
  const all = Object.values(report.counts).reduce((sum, count) => sum + count, 0);
  const counts = Object.entries(report.counts).map(([kind, count]) => `${count} ${kind}`);
  const checked = `${amount(files, "file")}, ${bytesText(bytes)}, in ${amount(batches, "batch", "batches")}`;
  const catalogue = report.isCatalogueCompared ? "" : ", without a catalogue";
  const more = all > findings.length ? `and ${all - findings.length} more\n` : "";
  const nothing = files === 0 ? "nothing to verify" : "all as recorded";
  const verdict = all === 0 ? nothing : counts.join(", ");
  return `${rows.length === 0 ? "" : renderTable(COLUMNS, rows)}${more}${checked}${catalogue}: ${verdict}\n`;
}
