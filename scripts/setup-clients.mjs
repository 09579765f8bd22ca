// Installs the outside programs that the tests need: libcoap's coap-client from Debian (libcoap3-bin), and in a Python
// environment of the project's own (.venv) aiocoap and readers of the files that are exported. Does nothing when they are
// there. Exits with 0 in any case, after saying what is missing: the tests that need them fail with the reason.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const venv = join(root, ".venv");
const AIOCOAP = "aiocoap==0.4.*";
// What its OSCORE needs; there are wheels of all of them for x86-64 and arm64. Its extra [oscore] asks for more.
const OSCORE = ["cbor2", "cryptography", "filelock", "ge25519", "lakers-python>=0.6,<0.7"];
// Readers of exported files, in the versions that the tests were written with. Wheels only, to compile them takes an hour;
// spectral has none, but is nothing but Python.
const WHEELS = ["--only-binary=:all:", "--no-binary=spectral"];
const READERS = [
  "xarray==2026.9.0",
  "netCDF4==1.7.5.1.post1",
  "h5netcdf==1.8.2",
  "h5py==3.16.0",
  "spectral==0.25",
  "jcamp==1.3.2",
  "pandas==3.1.1",
  "compliance-checker==6.1.0",
];

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

/** Asks for the versions only: importing them takes seconds. */
function hasReaders() {
  const wanted = READERS.map((reader) => reader.split("=="));
  const check = `from importlib.metadata import version\nassert all(version(n) == v for n, v in ${JSON.stringify(wanted)})`;
  return succeeds(join(venv, "bin/python"), "-c", check);
}

function pipInstall(...packages) {
  if (!succeeds("python3", "-c", "import venv, ensurepip") && !install("python3-venv")) return false;
  return (
    (existsSync(join(venv, "bin/pip")) || run("python3", "-m", "venv", venv)) &&
    run(join(venv, "bin/pip"), "install", "-q", "--disable-pip-version-check", ...packages)
  );
}

const missing = [];
if (!hasCoapClient() && !(install("libcoap3-bin") && hasCoapClient()))
  missing.push("coap-client (Debian package libcoap3-bin)");
if (!hasAiocoap() && !(pipInstall(AIOCOAP, ...OSCORE) && hasAiocoap()))
  missing.push(`aiocoap with OSCORE (pip install "${[AIOCOAP, ...OSCORE].join('" "')}" into .venv)`);
if (!hasReaders() && !(pipInstall(...WHEELS, ...READERS) && hasReaders()))
  missing.push(`readers of exported files (pip install "${READERS.join('" "')}" into .venv)`);
if (missing.length > 0)
  process.stderr.write(`could not install ${missing.join(" and ")}; the tests that need them will fail\n`);
