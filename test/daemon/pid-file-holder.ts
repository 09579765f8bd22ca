// A process that claims the PID file named on its command line, says how that went, and holds it until its input ends.

import { isVscopeError, messageOf } from "../../src/base/errors.ts";
import { PidFile } from "../../src/daemon/pid-file.ts";

const [path = "", isDirty] = process.argv.slice(2);
try {
  const file = await PidFile.claim(path);
  process.stdout.write("claimed\n");
  process.stdin.on("end", () => {
    if (isDirty === undefined) file.release();
    process.exit(0);
  });
  process.stdin.resume();
} catch (error) {
  process.stdout.write(`${isVscopeError(error) ? error.code : "?"} ${messageOf(error)}\n`);
}
