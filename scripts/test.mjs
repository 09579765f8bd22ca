// Runs the compiled tests with Node's test runner: all of them, or those whose path contains an argument. With --vm the
// scenarios on the virtual rig: two groups side by side, since a guest keeps one processor busy, and alone what measures.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const { isVm, wanted } = readArguments(process.argv.slice(2));
const ending = isVm ? ".vm.js" : ".test.js";
if (isVm && process.env.VSCOPE_RIG === "skip") {
  process.stderr.write("the scenarios on the virtual rig are left out, because VSCOPE_RIG=skip\n");
  process.exit(0);
}
const files = readdirSync(`${root}dist/test`, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(ending))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  .sort()
  .map((name) => `dist/test/${name}`);
if (files.length === 0) {
  process.stderr.write(`no test matches ${wanted.join(" ")}\n`);
  process.exit(1);
}
// The runner sorts the files of a turn by name: the two longest groups have a turn of their own, side by side.
function turnOf(file) {
  if (isVm && file.includes("/power-cut-")) return 0;
  return isVm && file.includes("/exposures.vm.") ? 2 : 1;
}
const turns = [0, 1, 2]
  .map((turn) => files.filter((file) => turnOf(file) === turn))
  .filter(({ length }) => length > 0);
const statuses = turns.map(run);
process.exit(statuses.find((status) => status !== 0) ?? 0);

function run(names) {
  const { status } = spawnSync(
    process.execPath,
    ["--enable-source-maps", "--test", "--test-reporter=spec", "--test-concurrency=2", ...names],
    { cwd: root, stdio: "inherit" },
  );
  return status ?? 1;
}

function readArguments(args) {
  return { isVm: args.includes("--vm"), wanted: args.filter((argument) => argument !== "--vm") };
}
