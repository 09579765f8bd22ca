// vscope white: records a white panel as the new reference, or tells which references are in use.

import type { Command } from "commander";
import { z } from "zod";
import { NEVER } from "../../../base/abort.ts";
import { runOperation } from "../follow.ts";
import { command } from "../help.ts";
import type { Session } from "../session.ts";
import { renderTable } from "../table.ts";
import { numberOption } from "../value.ts";
import { printable } from "../value-text.ts";

interface WhiteFlags {
  readonly run?: string;
  readonly channel?: readonly string[];
  readonly auto?: true;
  readonly target?: number;
}

const referencesShape = z.looseObject({
  references: z.array(
    z.looseObject({
      serial: z.string(),
      channel: z.string(),
      panel: z.string(),
      panelAgeDays: z.number(),
      run: z.string(),
      ageS: z.number(),
    }),
  ),
  panels: z.array(z.looseObject({ name: z.string(), serial: z.string(), calibrated: z.string() })),
});

export function whiteCommand(session: Session): Command {
  return command({
    name: "white",
    summary: "record a white panel as the new reference",
    details:
      "with darks, and downwelling light where there is that channel; without a panel the references in use; Ctrl-C cancels on the server",
    examples: ["vscope white field --auto", "vscope white"],
  })
    .argument("[panel]", "its name in the instrument configuration")
    .option("-r, --run <name>", "run to record into; the current one when absent")
    .option("--channel <name...>", "channels that see the panel (default: all but downwelling)")
    .option("--auto", "search the integration times first")
    .option(
      "--target <percent>",
      "peak to aim at, percent of saturation, 10..90",
      numberOption("--target", { min: 10, max: 90 }),
    )
    .action((panel: string | undefined, flags: WhiteFlags) =>
      panel === undefined ? showReferences(session) : recordPanel(session, panel, flags),
    );
}

function recordPanel(session: Session, panel: string, flags: WhiteFlags): Promise<void> {
  const { run, channel: channels, auto, target: targetPercent } = flags;
  const options = {
    panel,
    ...(run !== undefined && { run }),
    ...(channels !== undefined && { channels }),
    ...(auto === true && { search: true }),
    ...(targetPercent !== undefined && { targetPercent }),
  };
  return session.withClient((client) =>
    runOperation(session, "white", () => client.whiteReference(options, NEVER)),
  );
}

function showReferences(session: Session): Promise<void> {
  return session.withClient(async (client) => {
    const found = await client.getAs("/acquisition/white-reference", referencesShape, session.signal);
    session.print(found, () => referencesText(found));
  });
}

function referencesText({ references, panels }: z.infer<typeof referencesShape>): string {
  const known = panels.map(({ name, serial, calibrated }) =>
    printable(`panel ${name}: serial number ${serial}, calibrated ${calibrated}`),
  );
  if (references.length === 0) return [...known, "no white reference is recorded"].join("\n");
  const headings = ["spectrometer", "channel", "panel", "age", "run"];
  const rows = references.map(({ serial, channel, panel, ageS, run }) =>
    [serial, channel, panel, `${Math.round(ageS)} s`, run].map(printable),
  );
  const columns = headings.map((heading) => ({ heading }));
  return [...known, renderTable(columns, rows)].join("\n");
}
