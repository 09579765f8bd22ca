// Stands for the server: goes into the background and does there what its command line says.
// Prints what came of the start; the copy writes a line to its log.

import { NEVER } from "../../src/base/abort.ts";
import { SECOND, SystemClock } from "../../src/base/clock.ts";
import { messageOf, VscopeError } from "../../src/base/errors.ts";
import {
  isBackgroundProcess,
  reportFailure,
  reportReady,
  startInBackground,
} from "../../src/daemon/background.ts";
import { exitCodeOf } from "../../src/daemon/exit-codes.ts";

const [, script = "", behaviour, logFile] = process.argv;

async function inForeground(): Promise<void> {
  const program = [script, ...process.argv.slice(2)];
  const readyWithinUs = behaviour === "silent" ? SECOND / 2 : 30 * SECOND;
  try {
    const pid = await startInBackground({ program, logFile, clock: new SystemClock(), readyWithinUs }, NEVER);
    process.stdout.write(`started ${pid}\n`);
  } catch (error) {
    process.stdout.write(`${messageOf(error)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}

async function inBackground(): Promise<void> {
  process.stdout.write(`in the background: ${behaviour}\n`);
  if (behaviour === "crash") process.exit(7);
  if (behaviour === "fail") {
    await reportFailure(new VscopeError("SERVER_CONFLICT", "::: port 5683 is taken"));
    process.exit(3);
  }
  // Lives on until it is told to end; not for ever, should the test die.
  new SystemClock().after(60 * SECOND, () => process.exit(1));
  if (behaviour === "ready") await reportReady();
}

await (isBackgroundProcess() ? inBackground() : inForeground());
