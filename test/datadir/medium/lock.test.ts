import assert from "node:assert/strict";
import { test } from "node:test";
import { isVscopeError } from "../../../src/base/errors.ts";
import { SILENT } from "../../../src/base/log.ts";
import { lockDirectory } from "../../../src/datadir/medium/lock.ts";
import { holderIn } from "../../../src/datadir/medium/lock-holder.ts";
import { temporaryFolder } from "../folder.ts";

test("a data directory that is in use says by which process; released, it is free", async (t) => {
  const path = await temporaryFolder(t);
  const lock = await lockDirectory(path, SILENT);
  await assert.rejects(
    lockDirectory(path, SILENT),
    (error) =>
      isVscopeError(error, "SERVER_CONFLICT") &&
      error.message.includes(`another server uses this data directory, process ${process.pid} (`),
  );
  lock.release();
  (await lockDirectory(path, SILENT)).release();
});

test("of the kernel's locks only that of SQLite on this file counts", () => {
  const locks = `1: OFDLCK ADVISORY  READ -1 fe:00:131 203 203
2: POSIX  ADVISORY  WRITE 7 08:01:131 0 EOF
3: POSIX  ADVISORY  READ 8 08:01:131 1073741826 1073742335
4: POSIX  ADVISORY  WRITE 9 08:01:1310 1073741826 1073742335
5: POSIX  ADVISORY  WRITE 812 08:01:131 1073741824 1073742335
6: -> POSIX  ADVISORY  WRITE 10 08:01:131 1073741824 1073742335
`;
  assert.equal(holderIn(locks, 131n), 812);
  assert.equal(holderIn(locks, 132n), undefined);
  assert.equal(holderIn("", 131n), undefined);
});
