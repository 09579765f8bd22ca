import assert from "node:assert/strict";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import Database from "better-sqlite3";
import { isVscopeError } from "../../../src/base/errors.ts";
import { SILENT } from "../../../src/base/log.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { CATALOGUE_FILE, Catalogue } from "../../../src/datadir/catalogue/catalogue.ts";
import type { CatalogueTask } from "../../../src/datadir/catalogue/catalogue-task.ts";
import { Reader } from "../../../src/datadir/catalogue/reader.ts";
import { catalogued, SAMPLE } from "./catalogue-sample.ts";
import { temporaryFolder } from "../folder.ts";

const SECOND = 1_000_000;
const QUICK: CatalogueTask = { kind: "search", search: { limit: 1 } };
/** Stays in SQLite for seconds in the catalogue below, which nothing interrupts. */
const SLOW: CatalogueTask = { kind: "search", search: { limit: 1, text: "word" } };
const NUMBERS = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 20000000)";
const SLOW_TEXTS = `${NUMBERS} SELECT max(x) AS id, 1 AS run, 1 AS batch FROM n`;

async function slowCatalogue(t: TestContext): Promise<string> {
  const path = join(await temporaryFolder(t), CATALOGUE_FILE);
  const catalogue = await Catalogue.open(path, { clock: new VirtualClock(), log: SILENT });
  catalogue.record([catalogued(SAMPLE)]);
  await catalogue.close();
  const database = new Database(path);
  database.pragma("foreign_keys = OFF");
  database.exec(`DROP TABLE texts; CREATE VIEW texts AS ${SLOW_TEXTS}`);
  database.close();
  return path;
}

test("a slow question fails after a minute, and those behind it are answered", async (t) => {
  const clock = new VirtualClock();
  const reader = new Reader(await slowCatalogue(t), clock);
  const slow = assert.rejects(reader.ask(SLOW), /no answer within 60 s/);
  const quick = reader.ask(QUICK);
  await clock.advance(60 * SECOND);
  await slow;
  assert.equal((await quick).search?.spectra.length, 1);
  await reader.close();
});

test("the end waits for the thread until a deadline", async (t) => {
  const armedUs: number[] = [];
  class Armed extends VirtualClock {
    override after(us: number, fn: () => void): () => void {
      armedUs.push(us);
      return super.after(us, fn);
    }
  }
  const clock = new Armed();
  const reader = new Reader(await slowCatalogue(t), clock);
  const slow = assert.rejects(reader.ask(SLOW), (error) => isVscopeError(error, "DATADIR_IO"));
  await reader.close();
  await slow;
  assert.equal(armedUs.at(-1), 5 * SECOND);
  assert.equal(clock.pending, 0);
});

test("whoever ends a thread is told whether it has let the file go", async (t) => {
  class Impatient extends VirtualClock {
    override after(us: number, fn: () => void): () => void {
      const cancel = super.after(us, fn);
      if (us === 5 * SECOND) setImmediate(() => void this.advance(us));
      return cancel;
    }
  }
  const path = await slowCatalogue(t);
  const idle = new Reader(path);
  await idle.ask(QUICK);
  assert.equal(await idle.close(), true);
  const busy = new Reader(path, new Impatient());
  await busy.ask(QUICK);
  const slow = assert.rejects(busy.ask(SLOW), /it is being closed/);
  assert.equal(await busy.close(), false);
  await slow;
});

test("what is asked after the end starts no thread", async (t) => {
  const reader = new Reader(await slowCatalogue(t));
  await reader.close();
  await assert.rejects(reader.ask(QUICK), /catalogue: it is being closed/);
});
