// Writes products and hands them to readers of others, in the project's Python environment.

import assert from "node:assert/strict";
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { folderSink } from "../../src/formats/folder-sink.ts";
import type { Format } from "../../src/formats/format.ts";
import type { ProductHead, ProductRow } from "../../src/spectra/processing/product.ts";
import { ROOT, run } from "../coap/support/outside-clients.ts";
import { expected } from "./product.ts";

const PYTHON = join(ROOT, ".venv", "bin", "python");
const SCRIPT = join(ROOT, "test", "formats", "readers.py");

/** A folder that goes with the test. */
export function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "vscope-formats-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

export async function write(format: Format, folder: string, product: Written["product"]): Promise<Written> {
  const writer = await format.open(product.head, folderSink(folder));
  for (const row of product.rows) writer.write(row);
  writer.end();
  return { folder, product };
}

export interface Written {
  readonly folder: string;
  readonly product: { readonly head: ProductHead; readonly rows: readonly ProductRow[] };
  /** What this reader has to find beside the product. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** Runs one reader of readers.py on products, which ends with a failure when it finds something else than was written. */
export async function readBy(reader: string, ...written: readonly Written[]): Promise<string> {
  try {
    accessSync(PYTHON, constants.X_OK);
  } catch {
    throw new Error("no .venv with readers of exported files: run node scripts/setup-clients.mjs");
  }
  const wanted = written.map(({ folder, product, facts }) => ({
    folder,
    ...expected(product.head, product.rows),
    ...facts,
  }));
  const folder = mkdtempSync(join(tmpdir(), "vscope-expected-"));
  try {
    writeFileSync(join(folder, "expected.json"), JSON.stringify(wanted));
    const { status, stdout, stderr } = await run(PYTHON, [SCRIPT, reader, join(folder, "expected.json")]);
    assert.equal(status, 0, `${stdout.toString()}${stderr}`);
    return stdout.toString();
  } finally {
    rmSync(folder, { recursive: true });
  }
}
