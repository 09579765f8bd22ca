// Prepares the virtual rig (test/vm): installs QEMU and small tools from Debian, and keeps in .rig/<kernel version>/ what
// it boots: Debian's kernel, its modules, the GPIO simulators built for it, and the first file system. Nothing of the
// kernel is installed on this computer but its headers. The cache is made anew when Debian's kernel changes.
// .rig/python gets python-seabreeze, which the guest runs as an outside oracle.
//
// The simulators' sources come from Debian's linux-source package: they are GPL-2.0 and not part of this repository.

import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cache = process.env.VSCOPE_RIG_CACHE ?? join(root, ".rig");

/** Program or file that must be there, and the Debian package that brings it. */
const NEEDED = {
  "/usr/bin/qemu-system-x86_64": "qemu-system-x86",
  "/bin/busybox": "busybox-static",
  "/sbin/modprobe": "kmod",
  "/usr/bin/xz": "xz-utils",
  "/usr/sbin/mkfs.vfat": "dosfstools",
  "/usr/sbin/mkfs.ext4": "e2fsprogs",
  "/bin/udevadm": "udev",
  "/usr/bin/systemd-analyze": "systemd",
  "/usr/bin/gcc": "gcc",
  "/usr/bin/make": "make",
  "/usr/lib/x86_64-linux-gnu/libusb-1.0.so.0": "libusb-1.0-0",
};

/** What the first file system needs to reach the host's files and the test: everything else is loaded later. */
const FIRST_MODULES = [
  "virtio_pci",
  "9pnet_virtio",
  "9p",
  "overlay",
  "virtio_console",
  "virtio_net",
  "virtio_rng",
];

/** The oracle: its wheels only, as nothing is compiled for it. */
const SEABREEZE = ["seabreeze==2.11.0", "pyusb==1.3.1", "numpy==2.4.6"];

const GPIO_SOURCES = [
  "drivers/gpio/gpio-mockup.c",
  "drivers/gpio/gpio-sim.c",
  "drivers/gpio/gpiolib.h",
  "kernel/irq/irq_sim.c",
];

function fail(reason) {
  process.stderr.write(
    `the virtual rig cannot be set up: ${reason}\nIt needs Debian 12 or newer on amd64 with root or sudo. VSCOPE_RIG=skip leaves its tests out.\n`,
  );
  process.exit(1);
}

function say(text) {
  process.stderr.write(`rig: ${text}\n`);
}

/** Runs a program, shows what it says only when it fails. */
function run(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    ...options,
  });
  if (status !== 0) fail(`${command} ${args.join(" ")}: ${error?.message ?? `${stdout}${stderr}`.trim()}`);
  return stdout;
}

/** apt-get as root, directly or by sudo without a password. */
function aptGet(...args) {
  const command = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", ...args];
  const [program, ...rest] = process.getuid?.() === 0 ? command : ["sudo", "-n", ...command];
  run(program, rest);
}

let isListFresh = false;
function update() {
  if (!isListFresh) aptGet("update");
  isListFresh = true;
}

function install(packages) {
  say(`installing ${packages.join(" ")}`);
  update();
  aptGet("install", "-y", "--no-install-recommends", ...packages);
}

function checkMachine() {
  if (process.arch !== "x64")
    fail(`it boots an amd64 kernel over this computer's own files, which are ${process.arch}`);
  if (!existsSync("/usr/bin/apt-get")) fail("there is no apt-get");
  const missing = Object.entries(NEEDED).filter(([file]) => !existsSync(file));
  if (missing.length > 0) install([...new Set(missing.map(([, name]) => name))]);
  for (const [file, name] of missing) if (!existsSync(file)) fail(`${name} did not bring ${file}`);
}

/** Name (6.1.0-56-amd64) and version (6.1.192-2) of the kernel that Debian offers today. */
function offeredKernel() {
  const depends = run("apt-cache", ["depends", "linux-image-amd64"]);
  const name = /Depends: linux-image-(\S+)/.exec(depends)?.[1];
  if (name === undefined) return undefined;
  const version = /Version: (\S+)/.exec(
    run("apt-cache", ["show", "--no-all-versions", `linux-image-${name}`]),
  )?.[1];
  return version === undefined ? undefined : { name, version };
}

/** Downloads a package of Debian into `folder` and returns its file. */
function download(folder, name, version) {
  run("apt-get", ["download", "-qq", `${name}=${version}`], { cwd: folder });
  const file = readdirSync(folder).find((entry) => entry.startsWith(`${name}_`));
  if (file === undefined) fail(`apt-get did not download ${name}`);
  return join(folder, file);
}

/** The uncompressed kernel inside vmlinuz: QEMU starts it directly, 2 s sooner than one that unpacks itself. */
function unpackKernel(vmlinuz, target) {
  const bytes = readFileSync(vmlinuz);
  const start = bytes.indexOf(Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]));
  // Other data follow the compressed kernel, which xz complains about after it has written everything.
  const { stdout } = spawnSync("xz", ["-dc", "--single-stream"], {
    input: bytes.subarray(start),
    maxBuffer: 1 << 28,
  });
  const isElf = start > 0 && stdout.subarray(1, 4).toString("latin1") === "ELF";
  if (!isElf) say("the kernel is not packed with xz, QEMU gets it as it is");
  writeFileSync(target, isElf ? stdout : bytes);
}

function unpackImage(folder, { name, version }) {
  say(`downloading linux-image-${name} ${version}`);
  const file = download(folder, `linux-image-${name}`, version);
  run("dpkg-deb", ["-x", file, join(folder, "image")]);
  rmSync(file);
  run("/sbin/depmod", ["-b", join(folder, "image"), name]);
  unpackKernel(join(folder, `image/boot/vmlinuz-${name}`), join(folder, "vmlinux"));
  renameSync(join(folder, "image/lib/modules"), join(folder, "modules"));
  rmSync(join(folder, "image"), { recursive: true });
}

/** gpio-mockup and gpio-sim, which Debian's kernel lacks, and the interrupt simulator that both need. */
function buildGpioSimulators(folder, { name, version }) {
  const headers = `/usr/src/linux-headers-${name}`;
  const installed = spawnSync("dpkg-query", ["-W", "-f=${Version}", `linux-headers-${name}`], {
    encoding: "utf8",
  });
  if (!existsSync(headers) || installed.stdout !== version) install([`linux-headers-${name}=${version}`]);
  const series = version.split(".").slice(0, 2).join(".");
  say(`building the GPIO simulators from linux-source-${series} ${version}`);
  const archive = download(folder, `linux-source-${series}`, version);
  const build = join(folder, "gpio");
  mkdirSync(build);
  const wanted = GPIO_SOURCES.map((path) => `linux-source-${series}/${path}`).join(" ");
  const member = `./usr/src/linux-source-${series}.tar.xz`;
  const unpack = `set -o pipefail; dpkg-deb --fsys-tarfile '${archive}' | tar -xO ${member} | tar -xJ -C '${build}' ${wanted}`;
  run("bash", ["-c", unpack]);
  for (const path of GPIO_SOURCES)
    renameSync(join(build, `linux-source-${series}`, path), join(build, basename(path)));
  rmSync(join(build, `linux-source-${series}`), { recursive: true });
  rmSync(archive);
  makeModuleOfIrqSim(join(build, "irq_sim.c"));
  writeFileSync(join(build, "Makefile"), "obj-m += irq_sim.o gpio-mockup.o gpio-sim.o\n");
  run("make", ["-s", "-C", headers, `M=${build}`, "modules"]);
  for (const entry of readdirSync(build))
    if (!entry.endsWith(".ko")) rmSync(join(build, entry), { recursive: true });
}

/** irq_sim is a part of the kernel proper; as a module it says its licence and uses what is exported to modules. */
function makeModuleOfIrqSim(file) {
  const source = readFileSync(file, "utf8")
    .replace("#include <linux/irq_sim.h>", "#include <linux/irq_sim.h>\n#include <linux/module.h>")
    .replace("handle_simple_irq(irq_to_desc(irqnum));", "generic_handle_irq(irqnum);");
  writeFileSync(file, `${source}\nMODULE_LICENSE("GPL");\n`);
}

/** busybox, the first modules and test/vm/guest/init. Made anew every time: it is small, and init may have changed. */
function packFirstFileSystem(folder, { name }) {
  const tree = mkdtempSync(join(folder, "initrd-"));
  for (const directory of ["bin", "proc", "sys", "dev", "modules", "lower", "rw", "new"])
    mkdirSync(join(tree, directory));
  cpSync("/bin/busybox", join(tree, "bin/busybox"));
  cpSync(join(root, "test/vm/guest/init"), join(tree, "init"));
  const order = moduleFiles(folder, name, FIRST_MODULES).map((file) =>
    copyModule(file, join(tree, "modules")),
  );
  writeFileSync(join(tree, "modules/order"), `${order.join("\n")}\n`);
  const pack = `cd '${tree}' && find . | sort | /bin/busybox cpio -o -H newc -R 0:0 2>/dev/null > ../initrd.cpio`;
  run("bash", ["-c", pack]);
  rmSync(tree, { recursive: true });
}

/** Files of these modules and of those that they need, in the order of loading. */
function moduleFiles(folder, name, modules) {
  const base = mkdtempSync(join(folder, "base-"));
  mkdirSync(join(base, "lib"));
  execFileSync("ln", ["-s", join(folder, "modules"), join(base, "lib/modules")]);
  const lines = modules.flatMap((module) =>
    run("/sbin/modprobe", ["-d", base, "-S", name, "--show-depends", module]).split("\n"),
  );
  const files = lines.flatMap((line) => /^insmod (\S+)/.exec(line)?.[1] ?? []);
  rmSync(base, { recursive: true });
  return [
    ...new Set(files.map((file) => join(folder, "modules", file.slice(file.indexOf("/modules/") + 9)))),
  ];
}

/** Copies a module, unpacked where Debian packs them; returns its file name. */
function copyModule(file, folder) {
  const name = basename(file).replace(/\.xz$/, "");
  const bytes = file.endsWith(".xz")
    ? execFileSync("xz", ["-dc", file], { maxBuffer: 1 << 28 })
    : readFileSync(file);
  writeFileSync(join(folder, name), bytes);
  return name;
}

/**
 * python-seabreeze and pyusb in a Python environment of the rig's own. Where they cannot be installed (no wheel for this
 * Python, no network) the rig does without: the scenarios that need them say so and are left out.
 */
function setUpSeabreeze() {
  const venv = join(cache, "python");
  const stamp = join(venv, "rig-packages");
  const wanted = SEABREEZE.join(" ");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  say(`installing ${wanted}`);
  rmSync(venv, { recursive: true, force: true });
  const isReady = (command, ...args) => spawnSync(command, args, { stdio: "ignore" }).status === 0;
  if (!isReady("python3", "-c", "import venv, ensurepip")) install(["python3-venv"]);
  const pip = ["-m", "pip", "install", "-q", "--disable-pip-version-check", "--only-binary", ":all:"];
  const made = spawnSync("python3", ["-m", "venv", venv], { encoding: "utf8" });
  const installed = spawnSync(join(venv, "bin/python"), [...pip, ...SEABREEZE], { encoding: "utf8" });
  if (made.status === 0 && installed.status === 0) {
    writeFileSync(stamp, wanted);
    return;
  }
  rmSync(venv, { recursive: true, force: true });
  const reason = `${made.stderr ?? ""}${installed.stderr ?? ""}`.trim().split("\n").at(-1);
  say(`python-seabreeze cannot be installed, nothing is compared with it: ${reason}`);
}

function removeKernels() {
  for (const entry of readdirSync(cache)) {
    const path = join(cache, entry);
    if (entry !== "python" && statSync(path).isDirectory()) rmSync(path, { recursive: true });
  }
}

if (process.env.VSCOPE_RIG === "skip") {
  say("left out, because VSCOPE_RIG=skip");
  process.exit(0);
}
const startedMs = performance.now();
checkMachine();
mkdirSync(cache, { recursive: true });
let kernel = offeredKernel();
if (kernel === undefined) {
  update();
  kernel = offeredKernel() ?? fail("Debian offers no linux-image-amd64");
}
const id = `${kernel.name}_${kernel.version}`;
if (!existsSync(join(cache, id))) {
  update();
  kernel = offeredKernel();
}
const folder = join(cache, `${kernel.name}_${kernel.version}`);
if (!existsSync(folder)) {
  removeKernels();
  // Under another name until it is whole: what an interrupted setup leaves is not taken for a cache.
  const making = mkdtempSync(join(cache, "making-"));
  unpackImage(making, kernel);
  buildGpioSimulators(making, kernel);
  renameSync(making, folder);
}
setUpSeabreeze();
packFirstFileSystem(folder, kernel);
writeFileSync(join(cache, "kernel.json"), `${JSON.stringify(kernel)}\n`);
say(
  `ready, kernel ${kernel.name} ${kernel.version}, set up in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`,
);
