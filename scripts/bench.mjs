// Runs the benchmarks, or those whose name contains an argument. They print; nothing here can fail a build.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const wanted = process.argv.slice(2);
for (const name of readdirSync(`${root}dist/bench`)
  .filter((one) => one.endsWith(".js"))
  .sort()) {
  if (wanted.length > 0 && !wanted.some((part) => name.includes(part))) continue;
  process.stdout.write(`\n${name.replace(/\.js$/, "")}\n`);
  spawnSync(process.execPath, ["--enable-source-maps", `${root}dist/bench/${name}`], {
    cwd: root,
    stdio: "inherit",
  });
}
