// The library `vscope-server/coap` as its users have it: the package is packed and unpacked into a project of its own, and
// every example of docs/coap-library.md is type-checked and run there, and prints what it says.

import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Outcome, ROOT, run } from "./support/outside-clients.ts";

const project = mkdtempSync(join(tmpdir(), "vscope-library-"));
const documentText = readFileSync(join(ROOT, "docs", "coap-library.md"), "utf8");
const examples = [...documentText.matchAll(/^## (.*)$|^```ts\n([^]*?)^```$/gm)].reduce<
  { readonly title: string; readonly code: string }[]
>((found, [, title, code]) => {
  if (title !== undefined) found.push({ title, code: "" });
  else found.push({ title: found.at(-1)?.title ?? "", code: code ?? "" });
  return found;
}, []);
const programs = examples.filter(({ code }) => code !== "");
const packed: string[] = [];
let compiled: Outcome | undefined;

before(async () => {
  const { stdout, stderr, status } = await run("npm", [
    "pack",
    "--json",
    "--ignore-scripts",
    "--pack-destination",
    project,
  ]);
  assert.equal(status, 0, stderr);
  const [report]: { filename: string; files: { path: string }[] }[] = JSON.parse(stdout.toString());
  packed.push(...(report?.files.map(({ path }) => path) ?? []));
  const modules = join(project, "node_modules");
  mkdirSync(modules);
  const unpacked = await run("tar", ["xzf", join(project, report?.filename ?? ""), "-C", modules]);
  assert.equal(unpacked.status, 0, unpacked.stderr);
  renameSync(join(modules, "package"), join(modules, "vscope-server"));
  const { dependencies }: { dependencies: object } = JSON.parse(
    readFileSync(join(ROOT, "package.json"), "utf8"),
  );
  for (const name of [...Object.keys(dependencies), "@types"])
    symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
  writeFileSync(join(project, "package.json"), JSON.stringify({ type: "module", private: true }));
  programs.forEach(({ code }, index) => writeFileSync(join(project, `example-${index}.ts`), code));
  compiled = await compile();
});

async function compile(): Promise<Outcome> {
  const compilerOptions = { target: "es2023", module: "nodenext", types: ["node"], strict: true };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  return run(process.execPath, [tsc, "-p", project]);
}

after(() => rmSync(project, { recursive: true }));

test("the package holds the library, its types and its page", () => {
  for (const path of [
    "dist/src/coap/coap.js",
    "dist/src/coap/coap.d.ts",
    "docs/coap-library.md",
    "docs/coap.md",
  ])
    assert.ok(packed.includes(path), `${path} is missing`);
  const foreign = packed.filter((path) => /^(?:test|bench|dist\/test|dist\/bench)\//.test(path));
  assert.deepEqual(foreign, []);
});

test("the examples are well typed", () => {
  assert.equal(compiled?.status, 0, compiled?.stdout.toString());
});

for (const [index, { title, code }] of programs.entries()) {
  test(`example "${title}"`, { timeout: 60_000 }, async () => {
    const { stdout, stderr, status } = await run(process.execPath, [join(project, `example-${index}.js`)]);
    assert.equal(status, 0, stderr);
    const expected = [...code.matchAll(/^\s*\/\/ prints: (.*)$/gm)].map(([, line]) => line);
    assert.ok(expected.length > 0, "an example prints something");
    const lines = stdout.toString().trim().split("\n");
    assert.deepEqual(
      lines.map((line) => line.trimEnd()),
      expected,
    );
  });
}

test("every example of the page is run", () => {
  assert.equal(programs.length, documentText.split("```ts").length - 1);
  assert.ok(programs.length >= 6);
});
