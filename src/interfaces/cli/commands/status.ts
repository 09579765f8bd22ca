// vscope status: what the instruments are doing, and the quality of the newest spectra.

import type { Command } from "commander";
import { z } from "zod";
import { command } from "../help.ts";
import { colourText } from "../quality-text.ts";
import type { Session } from "../session.ts";
import { renderTable } from "../table.ts";
import { inlineText, printable } from "../value-text.ts";

const qualityShape = z.looseObject({
  newest: z.array(
    z.looseObject({
      serial: z.string(),
      channel: z.string(),
      kind: z.string(),
      exposureStart: z.string(),
      colour: z.string(),
      flags: z.array(z.string()),
    }),
  ),
});
const schedulerShape = z.looseObject({ problems: z.array(z.string()).default([]) });
type Verdict = z.infer<typeof qualityShape>["newest"][number];

const COLOUR_WIDTH = 5;

export function statusCommand(session: Session): Command {
  return command({
    name: "status",
    summary: "what is being recorded, and the quality of the newest spectra",
    details: "green: usable, amber: to be looked at, red: not usable",
    examples: ["vscope status", "vscope observe /quality"],
  }).action(() =>
    session.withClient(async (client) => {
      const acquisition = await client.get("/acquisition/status", session.signal);
      const currentRun = await client.getAs("/datadir/run", z.string(), session.signal);
      const quality = qualityShape.parse(await client.get("/quality", session.signal));
      const { problems } = schedulerShape.parse(await client.get("/scheduler", session.signal));
      const { hasColour } = session.terminal;
      const told = problems.map((problem) => `scheduler problem: ${printable(problem)}\n`).join("");
      const verdicts = (): string => verdictsText(quality.newest, hasColour);
      const text = (): string =>
        `${inlineText(acquisition)}\ncurrent run: ${printable(currentRun)}\n${told}${verdicts()}`;
      session.print({ acquisition, currentRun, quality: quality.newest, problems }, text);
    }),
  );
}

export function verdictsText(verdicts: readonly Verdict[], hasColour: boolean): string {
  if (verdicts.length === 0) return "no spectrum since the start\n";
  const cells = verdicts.map(({ serial, channel, kind, exposureStart, flags }) =>
    [serial, channel, kind, exposureStart.slice(0, 19), flags.join(" ")].map(printable),
  );
  const headings = ["spectrometer", "channel", "kind", "start (UTC)", "flags"].map((heading) => ({
    heading,
  }));
  const [first = "", ...lines] = renderTable(headings, cells).trimEnd().split("\n");
  // Painted text is longer than it looks, so its column stands before the table.
  const painted = lines.map((line, index) => {
    const colour = verdicts[index]?.colour ?? "";
    return `${colourText(colour, { hasColour, width: COLOUR_WIDTH })}  ${line}`;
  });
  return `${[`${" ".repeat(COLOUR_WIDTH)}  ${first}`, ...painted].join("\n")}\n`;
}
