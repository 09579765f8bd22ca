// Makes a checkout ready: dependencies, build, and with --test what the tests need from outside npm.
// Does only what is missing, so that it costs little to run it before every start and test.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const at = (name) => `${root}${name}`;

function run(command, args, env = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...env },
  });
  if (error) throw error;
  if (status !== 0) {
    process.stderr.write(`setup: ${command} ${args.join(" ")} failed with ${status}\n`);
    process.exit(status ?? 1);
  }
}

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`setup: Node ${process.versions.node} is too old, 20.19 or newer is needed\n`);
  process.exit(1);
}

// Native modules compile against the headers of the installed Node where they cannot be downloaded.
const hasHeaders = existsSync("/usr/include/node/node.h") && process.execPath.startsWith("/usr/bin");
const npmEnv = hasHeaders && !process.env.npm_config_nodedir ? { npm_config_nodedir: "/usr" } : {};

function installDependencies() {
  const stamp = at("node_modules/.vscope-setup");
  const state = `${process.versions.modules} ${readFileSync(at("package-lock.json"), "utf8").length} ${statSync(at("package-lock.json")).mtimeMs}`;
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === state) return;
  process.stderr.write("setup: installing dependencies\n");
  // Not `npm ci`: it refuses a lock file that lacks the optional packages of other platforms. --no-save leaves the
  // lock file as it is.
  run("npm", ["install", "--no-save", "--no-audit", "--no-fund", ...databaseForThisNode()], npmEnv);
  writeFileSync(stamp, state);
}

/**
 * The lock file has better-sqlite3 12 for Node 20, where 13 crashes (it needs Node-API 10). On newer Node versions 12
 * can crash at exit, so 13 is taken where it is prebuilt.
 */
function databaseForThisNode() {
  const isPrebuilt = process.arch === "x64" || process.arch === "arm64";
  return Number(process.versions.napi) >= 10 && isPrebuilt ? ["better-sqlite3@^13.2.0"] : [];
}

function build() {
  run(process.execPath, [at("node_modules/typescript/bin/tsc"), "-p", at("tsconfig.json")]);
}

/** So that `npx vscope` finds this checkout's own programs. */
function linkPrograms() {
  const { bin } = JSON.parse(readFileSync(at("package.json"), "utf8"));
  mkdirSync(at("node_modules/.bin"), { recursive: true });
  for (const [name, target] of Object.entries(bin)) {
    rmSync(at(`node_modules/.bin/${name}`), { force: true });
    writeFileSync(
      at(`node_modules/.bin/${name}`),
      `#!/bin/sh\nexec node --enable-source-maps "$(dirname "$0")/../../${target}" "$@"\n`,
      { mode: 0o755 },
    );
  }
}

installDependencies();
build();
linkPrograms();
if (process.argv.includes("--test")) run(process.execPath, [at("scripts/setup-clients.mjs")]);
