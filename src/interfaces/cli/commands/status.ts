// vscope status: what the box does, what is next, which spectrometers are missing, and the quality of the newest spectra.

import type { Command } from "commander";
import { command } from "../help.ts";
import type { Session } from "../session.ts";
import { statusReport } from "../status-report.ts";
import { statusText } from "../status-text.ts";

export function statusCommand(session: Session): Command {
  return command({
    name: "status",
    summary: "the box on one screen: recording, next run, spectrometers, quality, darks, disk, clock",
    details:
      "green: usable, amber: to be looked at, red: not usable; MISSING: recorded before the server was started, or configured",
    examples: ["vscope status", "vscope observe /quality"],
  }).action(() =>
    session.withClient(async (client) => {
      const report = await statusReport(client, session.signal);
      session.print(report, () => statusText(report, session.terminal.hasColour));
    }),
  );
}
