// Runs the benchmarks, or those whose name contains an argument; with --vm those on the virtual rig. They print; nothing
// here can fail a build.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const isVm = process.argv.includes("--vm");
const folder = fileURLToPath(new URL(`../dist/bench/${isVm ? "vm/" : ""}`, import.meta.url));
const root = fileURLToPath(new URL("..", import.meta.url));
const wanted = process.argv.slice(2).filter((argument) => argument !== "--vm");
for (const name of readdirSync(folder)
  .filter((one) => one.endsWith(".js"))
  .sort()) {
  if (wanted.length > 0 && !wanted.some((part) => name.includes(part))) continue;
  process.stdout.write(`\n${name.replace(/\.js$/, "")}\n`);
  spawnSync(process.execPath, ["--enable-source-maps", `${folder}${name}`], {
    cwd: root,
    stdio: "inherit",
  });
}
