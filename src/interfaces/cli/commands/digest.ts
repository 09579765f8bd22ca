// vscope digest: a day of a box on one screen, also for a mail.

import type { Command } from "commander";
import { withQuery } from "../../../client/pages.ts";
import { digestShape, digestText } from "../digest-text.ts";
import { command } from "../help.ts";
import type { Session } from "../session.ts";

export function digestCommand(session: Session): Command {
  return command({
    name: "digest",
    summary: "a day of the box on one screen: recorded, failed, temperatures, the spectra of noon",
    details: "the answer has 4 kB at most, for far links; a day is one of UTC",
    examples: ["vscope digest", "vscope --url coap://box digest --day 2026-11-21"],
  })
    .option("--day <day>", "such as 2026-11-21; today when absent")
    .action(({ day }: { readonly day?: string }) =>
      session.withClient(async (client) => {
        const path = withQuery("/datadir/digest", { ...(day !== undefined && { day }) });
        const digest = await client.getAs(path, digestShape, session.signal);
        session.print(digest, () => digestText(digest));
      }),
    );
}
