// A long task of the data directory on the server: started from here, shown while it runs, cancelled by Ctrl-C.

import { z } from "zod";
import { NEVER } from "../../base/abort.ts";
import { SECOND } from "../../base/clock.ts";
import { messageOf, VscopeError } from "../../base/errors.ts";
import { withQuery } from "../../client/pages.ts";
import type { VscopeClient } from "../../client/vscope-client.ts";
import { isInterrupted } from "./exit-codes.ts";
import { startProgress } from "./progress.ts";
import type { Session } from "./session.ts";

const statusShape = z.object({
  state: z.enum(["idle", "running", "done", "failed", "cancelled"]),
  done: z.number(),
  of: z.number(),
  error: z.string().optional(),
});

export interface ServerTask {
  readonly path: string;
  readonly body: object;
  readonly label: string;
}

const ASK_EVERY_US = SECOND;

/** Resolves when it is done; its resource has the report then. Throws what ended it otherwise. */
export async function runOnServer(session: Session, client: VscopeClient, task: ServerTask): Promise<void> {
  const { terminal, clock, isJson, signal } = session;
  await client.post(task.path, task.body, signal);
  const progress = startProgress({ terminal, clock, label: task.label, isQuiet: isJson });
  try {
    for (;;) {
      const { state, done, of, error } = await client.getAs(
        withQuery(task.path, { limit: 1 }),
        statusShape,
        signal,
      );
      if (of > 0) progress.update(done, of);
      if (state === "done") return;
      if (state !== "running")
        throw new VscopeError("DATADIR_IO", `${task.label}: ${error ?? `the server tells ${state}`}`);
      await clock.delay(ASK_EVERY_US, signal);
    }
  } catch (error) {
    if (isInterrupted(error)) await cancel(session, client, task);
    throw error;
  } finally {
    progress.finish();
  }
}

async function cancel(
  { terminal }: Session,
  client: VscopeClient,
  { path, label }: ServerTask,
): Promise<void> {
  try {
    await client.delete(path, NEVER);
    terminal.error(`vscope: ${label} is cancelled on the server\n`);
  } catch (error) {
    terminal.error(`vscope: ${label} may still be running on the server: ${messageOf(error)}\n`);
  }
}
