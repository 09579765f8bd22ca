#!/usr/bin/env node
// The vscope command: connects the program to this process, its terminal and its signals.

import { SystemClock } from "../../base/clock.ts";
import { EXIT, interrupted } from "./exit-codes.ts";
import { runVscope } from "./program.ts";
import { processTerminal } from "./terminal.ts";

const interruption = new AbortController();

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    // Whoever asks twice does not want to wait for the server.
    if (interruption.signal.aborted) process.exit(EXIT.interrupted);
    interruption.abort(interrupted());
  });
}

// A reader such as `head` that has seen enough is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) =>
  process.exit(error.code === "EPIPE" ? EXIT.ok : EXIT.failed),
);

process.exitCode = await runVscope(process.argv.slice(2), {
  terminal: processTerminal(),
  clock: new SystemClock(),
  signal: interruption.signal,
});
