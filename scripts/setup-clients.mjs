// Installs the outside CoAP clients that the tests talk with: libcoap's coap-client from Debian (libcoap3-bin) and
// aiocoap in a Python environment of the project's own (.venv). Does nothing when they are there. Exits with 0 in any
// case, after saying what is missing: the tests that need a client fail with the reason.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const venv = join(root, ".venv");
const AIOCOAP = "aiocoap==0.4.*";
// What its OSCORE needs; there are wheels of all of them for x86-64 and arm64. Its extra [oscore] asks for more.
const OSCORE = ["cbor2", "cryptography", "filelock", "ge25519", "lakers-python>=0.6,<0.7"];

function succeeds(command, ...args) {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0;
}

function run(command, ...args) {
  process.stdout.write(`${[command, ...args].join(" ")}\n`);
  return spawnSync(command, args, { cwd: root, stdio: ["ignore", "ignore", "inherit"] }).status === 0;
}

/** apt-get as root, directly or by sudo without a password. */
function aptGet(...args) {
  if (process.getuid?.() === 0)
    return run("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", ...args);
  return run("sudo", "-n", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", ...args);
}

function install(...packages) {
  return aptGet("install", "-y", ...packages) || (aptGet("update") && aptGet("install", "-y", ...packages));
}

function hasCoapClient() {
  const names = ["coap-client-notls", "coap-client-openssl", "coap-client-gnutls", "coap-client"];
  const folders = (process.env.PATH ?? "").split(":");
  return names.some((name) => folders.some((folder) => existsSync(join(folder, name))));
}

function hasAiocoap() {
  return succeeds(join(venv, "bin/python"), "-c", "import aiocoap.transports.oscore");
}

function setUpAiocoap() {
  if (!succeeds("python3", "-c", "import venv, ensurepip") && !install("python3-venv")) return false;
  return (
    run("python3", "-m", "venv", venv) &&
    run(join(venv, "bin/pip"), "install", "-q", "--disable-pip-version-check", AIOCOAP, ...OSCORE)
  );
}

const missing = [];
if (!hasCoapClient() && !(install("libcoap3-bin") && hasCoapClient()))
  missing.push("coap-client (Debian package libcoap3-bin)");
if (!hasAiocoap() && !(setUpAiocoap() && hasAiocoap()))
  missing.push(`aiocoap with OSCORE (pip install "${[AIOCOAP, ...OSCORE].join('" "')}" into .venv)`);
if (missing.length > 0)
  process.stderr.write(`could not install ${missing.join(" and ")}; the tests that need them will fail\n`);
