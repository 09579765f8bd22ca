import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { z } from "zod";
import { isVscopeError } from "../../src/base/errors.ts";
import {
  DEFAULT_SERVER_CONFIG,
  dataDirectoryPath,
  parseServerConfig,
  readServerConfig,
  SERVER_SCHEMA,
} from "../../src/config/server-config.ts";

/** Names of sections and keys in the schema's order. */
function keysOf(type: unknown): string[] {
  if (type instanceof z.ZodPrefault) return keysOf(type.unwrap());
  if (!(type instanceof z.ZodObject)) return [];
  return Object.entries(type.shape).flatMap(([name, member]) => [name, ...keysOf(member)]);
}

/** The message of the CONFIG_INVALID that the text provokes, line by line. */
function mistakesIn(text: string, fileName = "/etc/vscope.cfg"): string[] {
  try {
    parseServerConfig(text, fileName);
  } catch (error) {
    assert.ok(isVscopeError(error, "CONFIG_INVALID"));
    assert.deepEqual(error.message.split("\n"), error.details["mistakes"]);
    return error.message.split("\n");
  }
  return [];
}

test("an empty file has the defaults", () => {
  const { config, warnings } = parseServerConfig("", "/etc/vscope.cfg");
  assert.deepEqual(config, DEFAULT_SERVER_CONFIG);
  assert.match(warnings.join("\n"), /^\/etc\/vscope\.cfg: no \[security\]: .* see docs\/security\.md$/);
  assert.deepEqual(parseServerConfig("[security]\n#policy = network\n", "/etc/vscope.cfg").warnings, []);
  assert.equal(config.coap.port, 5683);
  assert.deepEqual(config.coap.address, ["::"]);
  assert.equal(config.config, "vscope.config");
});

test("every key is read", () => {
  const text = `
config = field.config
[coap]
enabled = no
address = 127.0.0.1, ::1
port = 0x1
tcp = no
tls_port = 15684
tls_certificate = box.pem
tls_key = box.key
tls_client_ca = laptops.pem
websocket_port = 8080
websocket_tls_port = 8443
websocket_origins = https://box.example, http://localhost:3000
multicast = off
amplification = all
resource_directory = coap://[2001:db8::1]:15683/rd/here
endpoint_name = box 7
`.replace("0x1", "15683");
  const { config } = parseServerConfig(
    `${text}
[limits]
body_kb = 1
uploads_per_client_mb = 2
uploads_mb = 3
observers_per_client = 4
observers = 5
requests_per_client = 6
requests = 7
requests_per_second = 0
clients = 16
answers_per_client_mb = 8
answers_mb = 9
sending_mb = 10
transfer_idle_s = 11
replies_per_client_kb = 12
replies_mb = 13
waiting_per_client = 14
waiting = 15
connections_per_computer = 17
connections = 18
connection_idle_s = 19
connection_unread_s = 20
connection_bytes_per_s = 21
[security]
policy = closed
loopback = admin
allow = 192.0.2.0/24 operate, 192.0.2.7 ADMIN, 2001:db8::/32 read
certificates = field-laptop operate
keys = /etc/x.keys
state = /var/lib/x
audit_log = audit.log
[position]
latitude = 55.92
longitude = -3.17
height = 80
gpsd = 127.0.0.1
[quality]
low_signal_percent = 4
tec_tolerance = 0.4
dark_max_age_s = 300
dark_tolerance = 2
irradiance_change_percent = 3
irradiance_within_s = 60
sun_elevation = 20
clock_error_ms = 5
position_max_age_s = 100
start_skew_ms = 20
start_skew_percent = 10
reference_max_age_s = 1200
paired_reference_max_age_s = 43200
[daemon]
daemon = True
pid_file = /run/x.pid
logfile = /var/log/x.log
[datadir]
datadir = d
mount = yes
device = LABEL=VSCOPE
mntpnt = /media/stick
reserve_mb = 500
trash_days = 7
uuid = 0F1F2F3F-0000-4000-8000-00000000000A
require_mount = True
[acquisition]
interrupted_batch = resume
resume_within = 36.5
keep_settings = no
pause_limit_s = 900
[logging]
debug = on
logfile = server.log
[piccolo3]
enabled = False
[hardware]
usb = emulated
usb_log = usb.log
network_spectrometers = 192.0.2.7, 192.0.2.8:1234
network_discovery = yes
gpio = chardev
gpio_chip = pinctrl-rp1
status_led_pin = 4
emulator_spectrometers = QE Pro QEP00709, STS S01234
emulator_seed = 7
emulator_clouds = 0.5
emulator_target = soil
`,
    "x.cfg",
  );
  assert.deepEqual(config, {
    config: "field.config",
    coap: {
      enabled: false,
      address: ["127.0.0.1", "::1"],
      port: 15683,
      tcp: false,
      tlsPort: 15684,
      tlsCertificate: "box.pem",
      tlsKey: "box.key",
      tlsClientCa: "laptops.pem",
      websocketPort: 8080,
      websocketTlsPort: 8443,
      websocketOrigins: ["https://box.example", "http://localhost:3000"],
      multicast: false,
      amplification: "all",
      resourceDirectory: { host: "2001:db8::1", port: 15683, path: ["rd", "here"] },
      endpointName: "box 7",
    },
    limits: {
      bodyKb: 1,
      uploadsPerClientMb: 2,
      uploadsMb: 3,
      observersPerClient: 4,
      observers: 5,
      requestsPerClient: 6,
      requests: 7,
      requestsPerSecond: 0,
      clients: 16,
      answersPerClientMb: 8,
      answersMb: 9,
      sendingMb: 10,
      transferIdleS: 11,
      repliesPerClientKb: 12,
      repliesMb: 13,
      waitingPerClient: 14,
      waiting: 15,
      connectionsPerComputer: 17,
      connections: 18,
      connectionIdleS: 19,
      connectionUnreadS: 20,
      connectionBytesPerS: 21,
    },
    security: {
      policy: "closed",
      loopback: "admin",
      allow: [
        { address: "192.0.2.0", prefix: 24, role: "operate" },
        { address: "192.0.2.7", prefix: 32, role: "admin" },
        { address: "2001:db8::", prefix: 32, role: "read" },
      ],
      certificates: [{ name: "field-laptop", role: "operate" }],
      keys: "/etc/x.keys",
      state: "/var/lib/x",
      auditLog: "audit.log",
    },
    position: {
      place: { latitudeDeg: 55.92, longitudeDeg: -3.17, heightM: 80 },
      gpsd: { host: "127.0.0.1", port: 2947 },
    },
    quality: {
      lowSignalPercent: 4,
      tecToleranceC: 0.4,
      darkMaxAgeS: 300,
      darkToleranceC: 2,
      irradianceChangePercent: 3,
      irradianceWithinS: 60,
      sunElevationDeg: 20,
      clockErrorUs: 5000,
      positionMaxAgeS: 100,
      startSkewUs: 20_000,
      startSkewPercent: 10,
      referenceMaxAgeS: 1200,
      pairedReferenceMaxAgeS: 43_200,
    },
    daemon: { daemon: true, pidFile: "/run/x.pid", logFile: "/var/log/x.log" },
    datadir: {
      datadir: "d",
      mount: true,
      device: "LABEL=VSCOPE",
      mountPoint: "/media/stick",
      uuid: "0f1f2f3f-0000-4000-8000-00000000000a",
      requireMount: true,
      reserveMb: 500,
      trashDays: 7,
    },
    acquisition: { interruptedBatch: "resume", resumeWithinH: 36.5, keepSettings: false, pauseLimitS: 900 },
    logging: { debug: true, logFile: "server.log" },
    piccolo3: { enabled: false },
    box: { trigger: undefined, powerButton: undefined },
    hardware: {
      usb: "emulated",
      usbLog: "usb.log",
      networkSpectrometers: [
        { host: "192.0.2.7", port: 57_357 },
        { host: "192.0.2.8", port: 1234 },
      ],
      networkDiscovery: true,
      gpio: "chardev",
      gpioChip: "pinctrl-rp1",
      statusLedPin: 4,
      emulator: {
        spectrometers: [
          { model: "QE Pro", serial: "QEP00709" },
          { model: "STS", serial: "S01234" },
        ],
        seed: 7,
        cloudStrength: 0.5,
        target: "soil",
      },
    },
  });
});

test("a latitude needs a longitude; gpsd has an IPv4 address", () => {
  assert.deepEqual(mistakesIn("[security]\n[position]\nlatitude = 5"), [
    "/etc/vscope.cfg:3: position.latitude: longitude is missing beside it",
  ]);
  assert.deepEqual(mistakesIn("[security]\n[position]\nlongitude = 181\nlatitude = 5\ngpsd = box.local"), [
    "/etc/vscope.cfg:3: position.longitude: '181' is not a number in -180..180",
    "/etc/vscope.cfg:5: position.gpsd: 'box.local' is not an IPv4 address such as 127.0.0.1:2947",
  ]);
});

test("origins are compared as browsers write them", () => {
  const text = "[coap]\nwebsocket_origins = HTTPS://Box.Example:443, http://box.example:8080\n";
  assert.deepEqual(parseServerConfig(text, "x.cfg").config.coap.websocketOrigins, [
    "https://box.example",
    "http://box.example:8080",
  ]);
});

test("a port may serve UDP and another service when TCP is off, and 0 is no clash", () => {
  for (const keys of ["tcp = no\nwebsocket_port = 5683", "port = 0\nwebsocket_port = 0", "port = 5684"])
    assert.doesNotThrow(() => parseServerConfig(`[coap]\n${keys}\n`, "x.cfg"));
});

test("emulated spectrometers have a model and a serial number of their own each", () => {
  for (const wrong of ["Flame-S", "STS A, QE Pro A", "STS A/B"]) {
    const text = `[hardware]\nemulator_spectrometers = ${wrong}\n`;
    assert.throws(
      () => parseServerConfig(text, "x.cfg"),
      /emulator_spectrometers: .* is not a list of models/,
    );
  }
});

test("one network address is a list of one, none is an empty list, and nothing is searched unasked", () => {
  const { config } = parseServerConfig("[hardware]\nnetwork_spectrometers = 10.0.0.1:1\n", "x.cfg");
  assert.deepEqual(config.hardware.networkSpectrometers, [{ host: "10.0.0.1", port: 1 }]);
  assert.deepEqual(DEFAULT_SERVER_CONFIG.hardware.networkSpectrometers, []);
  assert.equal(DEFAULT_SERVER_CONFIG.hardware.networkDiscovery, false);
});

const NO_ADDRESSES = "is not a list of different IPv4 addresses such as 192.0.2.7:57357";

const ROLE = "one of none, read, operate, admin";
const MISTAKES: readonly (readonly [string, string, string])[] = [
  ...[
    "192.0.2",
    "192.0.2.256",
    "fx.local",
    "192.0.2.7:0",
    "192.0.2.7:65536",
    "192.0.2.7:",
    "[::1]:57357",
  ].map((address): readonly [string, string, string] => [
    `the network address ${address}`,
    `[hardware]\nnetwork_spectrometers = ${address}`,
    `/etc/vscope.cfg:2: hardware.network_spectrometers: '${address}' ${NO_ADDRESSES}`,
  ]),
  [
    "a network address given twice",
    "[hardware]\nnetwork_spectrometers = 192.0.2.7, 192.0.2.7:57357",
    `/etc/vscope.cfg:2: hardware.network_spectrometers: '192.0.2.7, 192.0.2.7:57357' ${NO_ADDRESSES}`,
  ],
  ...[
    ["192.0.2.7", `192.0.2.7: the role is missing, ${ROLE}`],
    ["192.0.2.7 owner", `192.0.2.7 owner: role is ${ROLE}`],
    ["192.0.2.0/33 read", "192.0.2.0/33: a prefix is 0..32"],
    ["192.0.2.0/x read", "192.0.2.0/x: a prefix is 0..32"],
    ["192.0.2.0/24/8 read", "192.0.2.0/24/8: no address"],
    ["::/129 read", "::/129: a prefix is 0..128"],
    ["box.local read", "box.local: no address"],
    ["192.0.2.7 read now", "192.0.2.7 read now: more than one role, a comma is between entries"],
    ["fe80::1%eth0 read", "fe80::1%eth0: no address"],
    ["192.0.2 read", "192.0.2: no address"],
    ["192.0.2.7 read, foo read, ::1 x", `foo: no address; ::1 x: role is ${ROLE}`],
  ].map(([rule = "", fact = ""]): readonly [string, string, string] => [
    `the rule ${rule}`,
    `[security]\nallow = ${rule}`,
    `/etc/vscope.cfg:2: security.allow: ${fact}`,
  ]),
  ...["box.example", "https://box.example/", "https://", "https://me@box.example", "*"].map(
    (origin): readonly [string, string, string] => [
      `the origin ${origin}`,
      `[coap]\nwebsocket_origins = ${origin}`,
      `/etc/vscope.cfg:2: coap.websocket_origins: '${origin}' is not a list of different origins scheme://host[:port] like https://box.example`,
    ],
  ),
  [
    "a port for two services",
    "[coap]\nport = 5783\nwebsocket_port = 5783",
    "/etc/vscope.cfg:3: coap.websocket_port: 5783 is coap.port already",
  ],
  [
    "the usual port of TLS for two services",
    "[coap]\nport = 5684\ntls_certificate = a\ntls_key = b",
    "/etc/vscope.cfg:1: coap.tls_port: 5684 is coap.port already",
  ],
  [
    "a network given twice",
    "[security]\nallow = 192.0.2.7 read, 192.0.2.7/32 operate",
    `/etc/vscope.cfg:2: security.allow: 192.0.2.7/32 is given twice`,
  ],
  [
    "a certificate's name that is none",
    "[security]\ncertificates = a/b read",
    "/etc/vscope.cfg:2: security.certificates: a/b: a name is 1 to 64 letters, digits, or . _ - @",
  ],
  [
    "a policy that is none",
    "[security]\npolicy = public",
    "/etc/vscope.cfg:2: security.policy: 'public' is not one of network, open, closed",
  ],
  ["a mistyped key", "[coap]\nprot = 1", "/etc/vscope.cfg:2: coap.prot: unknown key, did you mean port?"],
  [
    "a key like nothing",
    "[coap]\ncolour = 1",
    "/etc/vscope.cfg:2: coap.colour: unknown key, known are enabled, address, port, tcp, tls_port, tls_certificate, tls_key, tls_client_ca, websocket_port, websocket_tls_port, websocket_origins, multicast, amplification, resource_directory, endpoint_name",
  ],
  ["a mistyped section", "[dameon]\n", "/etc/vscope.cfg:1: dameon: unknown section, did you mean daemon?"],
  [
    "a section too deep",
    "[coap]\n[[tls]]\n",
    "/etc/vscope.cfg:2: coap.tls: unknown section, known are enabled, address, port, tcp, tls_port, tls_certificate, tls_key, tls_client_ca, websocket_port, websocket_tls_port, websocket_origins, multicast, amplification, resource_directory, endpoint_name",
  ],
  ["an empty unknown key", "[coap]\nprot =", "/etc/vscope.cfg:2: coap.prot: unknown key, did you mean port?"],
  [
    "a word for a number",
    "\n\n[coap]\nport = abc",
    "/etc/vscope.cfg:4: coap.port: 'abc' is not an integer in 0..65535",
  ],
  [
    "a number out of range",
    "[coap]\nport = 70000",
    "/etc/vscope.cfg:2: coap.port: '70000' is not an integer in 0..65535",
  ],
  [
    "a fraction for an integer",
    "[coap]\nport = 5683.5",
    "/etc/vscope.cfg:2: coap.port: '5683.5' is not an integer in 0..65535",
  ],
  [
    "a list for a text",
    "[datadir]\ndatadir = a, b",
    "/etc/vscope.cfg:2: datadir.datadir: 'a, b' is not a folder name (a text with a comma needs quotes)",
  ],
  [
    "an address given twice",
    "[coap]\naddress = ::1, ::1",
    "/etc/vscope.cfg:2: coap.address: '::1, ::1' is not a list of different addresses or host names",
  ],
  ...["rd.example", "coaps://x", "coap://x:0", "coap://[rd]", "coap://x/rd?a=1"].map(
    (url): readonly [string, string, string] => [
      `the resource directory ${url}`,
      `[coap]\nresource_directory = ${url}`,
      `/etc/vscope.cfg:2: coap.resource_directory: '${url}' is not a URL like coap://host or coap://host:5683/rd`,
    ],
  ),
  [
    "a name of 64 bytes",
    `[coap]\nendpoint_name = ${"x".repeat(64)}`,
    `/etc/vscope.cfg:2: coap.endpoint_name: '${"x".repeat(64)}' is not a name of 1..63 bytes`,
  ],
  [
    "a limit of nothing",
    "[limits]\nrequests = 0",
    "/etc/vscope.cfg:2: limits.requests: '0' is not an integer in 1..65536",
  ],
  [
    "a time that is too short",
    "[limits]\n\nconnection_idle_s = 5",
    "/etc/vscope.cfg:3: limits.connection_idle_s: '5' is not an integer in 10..86400",
  ],
  [
    "a limit that there is not",
    "[limits]\nconections = 5",
    "/etc/vscope.cfg:2: limits.conections: unknown key, did you mean connections?",
  ],
  [
    "a section for a key",
    "[coap.port]\nx = 1",
    "/etc/vscope.cfg:1: coap.port: a section is not an integer in 0..65535",
  ],
  ["a key for a section", "coap = 5683", "/etc/vscope.cfg:1: coap: a section is expected here"],
  [
    "a wrong boolean",
    "[logging]\ndebug = maybe",
    "/etc/vscope.cfg:2: logging.debug: 'maybe' is not one of True, False",
  ],
  [
    "a wrong choice",
    "[hardware]\ngpio = sysfs",
    "/etc/vscope.cfg:2: hardware.gpio: 'sysfs' is not one of auto, chardev, onoff, emulated, none",
  ],
  [
    "a number that is none",
    "[hardware]\nemulator_clouds = NaN",
    "/etc/vscope.cfg:2: hardware.emulator_clouds: 'NaN' is not a number in 0..1",
  ],
  [
    "an older name beside the present one",
    "[datadir]\nmntpnt = /a\nmountPoint = /b",
    "/etc/vscope.cfg:3: datadir.mountPoint: the same as mntpnt in line 2",
  ],
];

for (const [name, text, expected] of MISTAKES) {
  test(`refused: ${name}`, () => assert.deepEqual(mistakesIn(text), [expected]));
}

test("all mistakes are reported at once, in order of their lines", () => {
  assert.deepEqual(mistakesIn("[coap]\nport = x\nprot = 1\nwhat\n[logging]\ndebug = 7\n", "v.cfg"), [
    "v.cfg:2: coap.port: 'x' is not an integer in 0..65535",
    "v.cfg:3: coap.prot: unknown key, did you mean port?",
    "v.cfg:4: 'what' is neither [section] nor key = value",
    "v.cfg:6: logging.debug: '7' is not one of True, False",
  ]);
});

test("a key without a value has its default", () => {
  const { config } = parseServerConfig("[coap]\nport =\n[logging]\nlogfile = # none", "vscope.cfg");
  assert.deepEqual(config, DEFAULT_SERVER_CONFIG);
});

test("camelCase is accepted", () => {
  const { config } = parseServerConfig(
    "[daemon]\npidFile = /run/a.pid\n[hardware]\nstatusLedPin = 3",
    "vscope.cfg",
  );
  assert.equal(config.daemon.pidFile, "/run/a.pid");
  assert.equal(config.hardware.statusLedPin, 3);
});

const PICCOLO = `# the server address
[coap]
address = :: # all
port = 5683
[daemon]
daemon = False
pid_file = /var/run/piccolo.pid
[datadir]
mount = True
datadir = piccolo3_data
device = /dev/sda1
[logging]
debug = False
[jsonrpc]
url = http://localhost:8000
[extra]
a = 1
[[deep]]
b = 2
`;

test("a piccolo.cfg loads; what is unknown in it is ignored with a warning each", () => {
  const { config, warnings } = parseServerConfig(PICCOLO, "/etc/piccolo.cfg");
  assert.equal(config.config, "piccolo.config");
  assert.equal(config.datadir.mount, true);
  assert.equal(config.datadir.mountPoint, "/mnt");
  assert.equal(dataDirectoryPath(config), "/mnt/piccolo3_data");
  assert.deepEqual(warnings, [
    "/etc/piccolo.cfg:14: [jsonrpc]: ignored: there is no JSON-RPC; the server answers CoAP",
    "/etc/piccolo.cfg:16: [extra]: ignored: unknown here",
    "/etc/piccolo.cfg: no [security]: clients without a key now only read on local networks (allow = NETWORK operate), beyond them do nothing (allow = NETWORK read), and on this computer neither set the clock, mount, configure nor write instruments (loopback = admin); add the section, see docs/security.md",
  ]);
});

test("a piccolo.cfg that says who may do what gets no remark about it", () => {
  const text = "[security]\nallow = 192.0.2.0/24 operate\n";
  assert.deepEqual(parseServerConfig(text, "/etc/piccolo.cfg").warnings, []);
});

test("the same text under another name is not read leniently", () => {
  assert.deepEqual(mistakesIn(PICCOLO, "vscope.cfg"), [
    "vscope.cfg:16: extra: unknown section, known are config, coap, limits, security, position, quality, daemon, datadir, acquisition, logging, piccolo3, box, hardware",
  ]);
});

test("a bad value in a piccolo.cfg is refused all the same", () => {
  assert.deepEqual(mistakesIn("[coap]\nport = x", "piccolo.cfg"), [
    "piccolo.cfg:2: coap.port: 'x' is not an integer in 0..65535",
  ]);
});

test("the data directory is relative to the working directory without a mount", () => {
  assert.equal(dataDirectoryPath(DEFAULT_SERVER_CONFIG), resolve("vscope_data"));
});

test("a file that cannot be read is CONFIG_INVALID with the reason", async () => {
  await assert.rejects(readServerConfig("/nonexistent/vscope.cfg"), (error) => {
    assert.ok(isVscopeError(error, "CONFIG_INVALID"));
    assert.match(error.message, /^\/nonexistent\/vscope\.cfg: cannot be read: ENOENT/);
    return true;
  });
});

test("readServerConfig reads the file", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "vscope-config-"));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "a.cfg"), "[coap]\nport = 7000\n");
  assert.equal((await readServerConfig(join(folder, "a.cfg"))).config.coap.port, 7000);
});

test("the sample shows every key, each with its default", async () => {
  const sample = await readFile("etc/vscope.cfg", "utf8");
  const unchanged = parseServerConfig(sample, "vscope.cfg");
  assert.deepEqual([unchanged.config, unchanged.warnings], [DEFAULT_SERVER_CONFIG, []]);
  const emulated = await readServerConfig("etc/emulated.cfg");
  assert.deepEqual(emulated.warnings, []);
  const enabled = sample.replace(/^#(?=[a-z_]+ =)/gm, "");
  const { config, warnings } = parseServerConfig(enabled, "vscope.cfg");
  assert.deepEqual(config, DEFAULT_SERVER_CONFIG);
  assert.deepEqual(warnings, []);
  const shown = [...enabled.matchAll(/^(?:\[(\w+)\]|(\w+) =)/gm)].map(
    ([, section, key]) => section ?? key ?? "",
  );
  assert.deepEqual(shown, keysOf(SERVER_SCHEMA.type));
});

test("unless a file says otherwise, others may read and programs on this computer move hardware", () => {
  const { policy, loopback, allow } = DEFAULT_SERVER_CONFIG.security;
  assert.deepEqual({ policy, loopback, allow }, { policy: "network", loopback: "operate", allow: [] });
});

test("the emulated sample uses no hardware and listens on this computer only", async () => {
  const { config } = parseServerConfig(await readFile("etc/emulated.cfg", "utf8"), "emulated.cfg");
  assert.equal(config.hardware.usb, "emulated");
  assert.equal(config.hardware.gpio, "emulated");
  assert.deepEqual(config.coap.address, ["127.0.0.1"]);
  assert.equal(config.coap.port, 5683);
});

test("no text does anything but parse or be refused with CONFIG_INVALID", () => {
  const piece = fc.constantFrom(
    "[",
    "]",
    "[coap]",
    "[[x]]",
    "port",
    "=",
    "5",
    "'",
    '"',
    ",",
    "#",
    ";",
    "\n",
    " ",
    "__proto__",
    ".",
    "\\",
  );
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(piece, { maxLength: 30 }).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(text, (given) => {
      for (const line of mistakesIn(given, "f.cfg")) assert.match(line, /^f\.cfg(:\d+)?: |^[^:]/);
    }),
    { numRuns: 500 },
  );
});

test("the box: nothing by default, trigger and power button with their keys", () => {
  assert.deepEqual(DEFAULT_SERVER_CONFIG.box, { trigger: undefined, powerButton: undefined });
  const text =
    "[box]\ntrigger_pin = 5\ntrigger_edge = falling\ntrigger_pull = up\ntrigger_reset_pin = 6\npower_button_pin = 7\nreboot_command = /sbin/reboot  -f\n";
  assert.deepEqual(parseServerConfig(text, "x.cfg").config.box, {
    trigger: {
      pin: 5,
      edge: "falling",
      pull: "up",
      debounceUs: 50_000,
      run: undefined,
      sequences: 1,
      autointegrate: -1,
      reset: { pin: 6, activeHigh: true, pulseUs: 20_000 },
    },
    powerButton: {
      pin: 7,
      activeHigh: false,
      pull: "up",
      offUs: 3_000_000,
      rebootUs: 8_000_000,
      offCommand: ["systemctl", "poweroff"],
      rebootCommand: ["/sbin/reboot", "-f"],
    },
  });
  assert.deepEqual(mistakesIn("[box]\npower_button_reboot_s = 2\n"), [
    "/etc/vscope.cfg:2: box.power_button_reboot_s: 2 s is not longer than power_button_off_s, 3 s",
  ]);
});
