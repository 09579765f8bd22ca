// The server's configuration file, such as /etc/vscope.cfg: where to listen, where data go, which hardware there is.
// All keys are optional; etc/vscope.cfg shows each with its default. The instrument's own file is instrument-config.ts.

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { z } from "zod";
import { messageOf, VscopeError } from "../base/errors.ts";
import { type NamedRole, type NetworkRole, namedRoles, networkRoles, type Role, ROLES } from "./access.ts";
import { BOX, type BoxConfig, boxConfig } from "./box-config.ts";
import { portClashIn } from "./port-clash.ts";
import { LIMITS, type LimitsConfig, limitsConfig } from "./limits-config.ts";
import { POSITION, type PositionConfig, positionConfig } from "./position-config.ts";
import { QUALITY, type QualityConfig, qualityConfig } from "./quality-config.ts";
import { type ConfigSchema, isLegacyFile, type ReadConfig, readConfigText } from "./config-reader.ts";
import {
  type CoapUrl,
  coapUrl,
  decimal,
  type Endpoint,
  endpoints,
  field,
  flag,
  integer,
  oneOf,
  origins,
  pin,
  section,
  text,
  texts,
  type Unit,
  units,
} from "./fields.ts";

export interface ServerConfig {
  /** The instrument configuration, relative to the data directory. */
  readonly config: string;
  readonly coap: {
    readonly enabled: boolean;
    /** IP addresses or host names; `::` is every address of this computer, `0.0.0.0` every one of IPv4. */
    readonly address: readonly string[];
    readonly port: number;
    /** Serve connections, too, on the same port of TCP. */
    readonly tcp: boolean;
    /** Of TLS; open when there is a certificate or a key. 0 lets the system choose. */
    readonly tlsPort: number;
    /** Files (PEM) of the server's certificate and its key. */
    readonly tlsCertificate: string | undefined;
    readonly tlsKey: string | undefined;
    /** File (PEM) of the authorities that sign the certificates of clients. */
    readonly tlsClientCa: string | undefined;
    /** Of WebSockets, plain and with TLS; closed when absent. */
    readonly websocketPort: number | undefined;
    readonly websocketTlsPort: number | undefined;
    /** Origins whose web pages may connect. */
    readonly websocketOrigins: readonly string[];
    /** Answer who looks for servers by multicast. */
    readonly multicast: boolean;
    /** Whose address is doubted: it gets at most three times the bytes it sent until it has shown that it receives. */
    readonly amplification: "public" | "all" | "none";
    /** Where the server registers itself (RFC 9176). */
    readonly resourceDirectory: CoapUrl | undefined;
    /** Its name there; the computer's host name when absent. */
    readonly endpointName: string | undefined;
  };
  readonly limits: LimitsConfig;
  readonly security: {
    /** What those may do who have no key: `network` reading on the local networks, `open` all, `closed` nothing. */
    readonly policy: "network" | "open" | "closed";
    /** The role of programs on this computer. */
    readonly loopback: Role;
    /** Addresses that have a role of their own, whatever the policy says; the narrowest network decides. */
    readonly allow: readonly NetworkRole[];
    /** Roles of TLS clients by the common names of their certificates. */
    readonly certificates: readonly NamedRole[];
    /** File of the keys. */
    readonly keys: string;
    /** Folder for what must outlive a restart. */
    readonly state: string;
    /** File of the audit log, beside the log; none when absent. */
    readonly auditLog: string | undefined;
  };
  readonly position: PositionConfig;
  readonly quality: QualityConfig;
  readonly daemon: {
    /** Run in the background. */
    readonly daemon: boolean;
    /** Written when the server runs in the background. */
    readonly pidFile: string;
    /** What the background process prints; dropped when absent. */
    readonly logFile: string | undefined;
  };
  readonly datadir: {
    /** Relative to the mount point when `mount` is set, else to the working directory. */
    readonly datadir: string;
    readonly mount: boolean;
    readonly device: string;
    readonly mountPoint: string;
    /** The only data directory that is used; any when absent. */
    readonly uuid: string | undefined;
    /** What lies on the file system of `/` is the bare mount point. */
    readonly requireMount: boolean;
    /** Recording stops before less than this is left. */
    readonly reserveMb: number;
    /** Removed runs are deleted after so many days; 0: never. */
    readonly trashDays: number;
  };
  readonly acquisition: {
    /** What becomes of a batch that was under way when the server or the computer ended. */
    readonly interruptedBatch: "close" | "resume";
    /** One that was interrupted longer ago is closed; in hours. */
    readonly resumeWithinH: number;
    /** What clients set of the spectrometers outlives a restart. */
    readonly keepSettings: boolean;
    /** How long a recording is paused at most; 0 for no limit. */
    readonly pauseLimitS: number;
  };
  readonly logging: {
    readonly debug: boolean;
    /** Standard output when absent. */
    readonly logFile: string | undefined;
  };
  readonly piccolo3: {
    /** Serve the paths of piccolo3 beside the native ones, for its clients. */
    readonly enabled: boolean;
  };
  readonly box: BoxConfig;
  readonly hardware: {
    readonly usb: "libusb" | "emulated" | "none";
    /** File that every USB transfer is written to. */
    readonly usbLog: string | undefined;
    /** Spectrometers at fixed addresses. */
    readonly networkSpectrometers: readonly Endpoint[];
    /** Search the local network for spectrometers, by multicast. */
    readonly networkDiscovery: boolean;
    readonly gpio: "auto" | "chardev" | "onoff" | "emulated" | "none";
    /** Label or path of the GPIO chip; found by the lines' names when absent. */
    readonly gpioChip: string | undefined;
    /** BCM number of the line of an LED that shows the state of the box. */
    readonly statusLedPin: number | undefined;
    readonly emulator: {
      readonly spectrometers: readonly Unit[];
      readonly seed: number;
      /** 0 is a clear sky, 1 can cover it all. */
      readonly cloudStrength: number;
      /** What the upwelling channel looks at. */
      readonly target: "canopy" | "soil" | "white-panel";
    };
  };
}

// Where Ocean Optics spectrometers listen.
const OBP_PORT = 57_357;

// A visible and a scientific-grade spectrometer, as on a Piccolo.
const EMULATED_UNITS: readonly Unit[] = [
  { model: "Flame-S", serial: "FLMS01859" },
  { model: "QE Pro", serial: "QEP00709" },
];

const FILE = section({
  config: text("a file name").default("vscope.config"),
  coap: section({
    enabled: flag().default(true),
    address: texts("addresses or host names").default(["::"]),
    port: integer(0, 65535).default(5683),
    tcp: flag().default(true),
    tls_port: integer(0, 65535).default(5684),
    tls_certificate: text("a file name").optional(),
    tls_key: text("a file name").optional(),
    tls_client_ca: text("a file name").optional(),
    websocket_port: integer(0, 65535).optional(),
    websocket_tls_port: integer(0, 65535).optional(),
    websocket_origins: origins().default([]),
    multicast: flag().default(true),
    amplification: oneOf("public", "all", "none").default("public"),
    resource_directory: coapUrl().optional(),
    endpoint_name: endpointName().optional(),
  })
    .superRefine((coap, context) => {
      // Whether a key opens the port of TLS is known while the server runs only.
      const tls_port = coap.tls_certificate === undefined ? undefined : coap.tls_port;
      const clash = portClashIn({ ...coap, port: coap.tcp ? coap.port : undefined, tls_port });
      if (clash !== undefined) context.addIssue({ code: "custom", path: [clash.key], message: clash.fact });
    })
    .prefault({}),
  limits: LIMITS.prefault({}),
  security: section({
    policy: oneOf("network", "open", "closed").default("network"),
    loopback: oneOf(...ROLES).default("operate"),
    allow: networkRoles().default([]),
    certificates: namedRoles().default([]),
    keys: text("a file name").default("/etc/vscope.keys"),
    state: text("a folder name").default("/var/lib/vscope"),
    audit_log: text("a file name").optional(),
  }).prefault({}),
  position: POSITION.prefault({}),
  quality: QUALITY.prefault({}),
  daemon: section({
    daemon: flag().default(false),
    pid_file: text("a file name").default("/run/vscope-server.pid"),
    logfile: text("a file name").optional(),
  }).prefault({}),
  datadir: section({
    datadir: text("a folder name").default("vscope_data"),
    mount: flag().default(false),
    device: text("a device").default("/dev/sda1"),
    mntpnt: text("a folder name").default("/mnt"),
    uuid: uuid().optional(),
    require_mount: flag().default(false),
    reserve_mb: integer(0, 1_000_000).default(64),
    trash_days: integer(0, 36_500).default(30),
  }).prefault({}),
  acquisition: section({
    interrupted_batch: oneOf("close", "resume").default("close"),
    resume_within: decimal(0, 8760).default(24),
    keep_settings: flag().default(true),
    pause_limit_s: integer(0, 1_000_000).default(3600),
  }).prefault({}),
  logging: section({
    debug: flag().default(false),
    logfile: text("a file name").optional(),
  }).prefault({}),
  piccolo3: section({ enabled: flag().default(true) }).prefault({}),
  box: BOX.prefault({}),
  hardware: section({
    usb: oneOf("libusb", "emulated", "none").default("libusb"),
    usb_log: text("a file name").optional(),
    network_spectrometers: endpoints(OBP_PORT).default([]),
    network_discovery: flag().default(false),
    gpio: oneOf("auto", "chardev", "onoff", "emulated", "none").default("auto"),
    gpio_chip: text("a chip's label or path").optional(),
    status_led_pin: pin().optional(),
    emulator_spectrometers: units().default(EMULATED_UNITS),
    emulator_seed: integer(0, 2 ** 31 - 1).default(1),
    emulator_clouds: decimal(0, 1).default(0.1),
    emulator_target: oneOf("canopy", "soil", "white-panel").default("canopy"),
  }).prefault({}),
});

// RFC 9176 section 5: at most 63 bytes.
function endpointName(): z.ZodType<string> {
  return field("a name of 1..63 bytes", (given) =>
    given !== "" && Buffer.byteLength(given) <= 63 ? given : undefined,
  );
}

function uuid(): z.ZodType<string> {
  const form = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;
  return field("a uuid, as /datadir shows it", (given) =>
    form.test(given) ? given.toLowerCase() : undefined,
  );
}

/** The keys of a server configuration file. */
export const SERVER_SCHEMA: ConfigSchema<z.output<typeof FILE>> = {
  type: FILE,
  aliases: { log_file: "logfile", mount_point: "mntpnt", status_led: "status_led_pin", data_dir: "datadir" },
  ignoredSections: { jsonrpc: "there is no JSON-RPC; the server answers CoAP" },
};

// What piccolo3 takes when its file does not say.
const LEGACY_INSTRUMENT_FILE = "piccolo.config";

/** Reads the text of a server configuration. Throws CONFIG_INVALID with every mistake: "FILE:LINE: KEY: what is wrong". */
export function parseServerConfig(fileText: string, fileName: string): ReadConfig<ServerConfig> {
  const { config: values, warnings } = readConfigText(SERVER_SCHEMA, fileText, fileName);
  const isOldDefault = isLegacyFile(fileName) && values.config === DEFAULT_SERVER_CONFIG.config;
  const config = isOldDefault ? LEGACY_INSTRUMENT_FILE : values.config;
  return {
    config: { ...serverConfig(values), config },
    warnings: [...warnings, ...policyWarnings(fileText, fileName)],
  };
}

// The clients of an older installation have no keys, and what they may do has changed. A section, even with nothing in
// it, says that its owner knows.
function policyWarnings(fileText: string, fileName: string): readonly string[] {
  if (/^\s*\[\s*security\s*\]/m.test(fileText)) return [];
  const changed = [
    "clients without a key now only read on local networks (allow = NETWORK operate)",
    "beyond them do nothing (allow = NETWORK read)",
    "and on this computer neither set the clock, mount, configure nor write instruments (loopback = admin)",
  ];
  return [`${fileName}: no [security]: ${changed.join(", ")}; add the section, see docs/security.md`];
}

/** Reads a server configuration file. Throws CONFIG_INVALID, also when the file cannot be read. */
export async function readServerConfig(path: string): Promise<ReadConfig<ServerConfig>> {
  return parseServerConfig(await readConfigFile(path), path);
}

/** The data directory as an absolute path: on the mount point when the server mounts, else in the working directory. */
export function dataDirectoryPath({ datadir }: Pick<ServerConfig, "datadir">): string {
  return datadir.mount ? resolve(datadir.mountPoint, datadir.datadir) : resolve(datadir.datadir);
}

/** The text of a configuration file. Throws CONFIG_INVALID with the system's reason. */
export async function readConfigFile(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new VscopeError("CONFIG_INVALID", `${path}: cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

function serverConfig({
  config,
  coap,
  limits,
  security,
  position,
  quality,
  daemon,
  datadir,
  acquisition,
  logging,
  piccolo3,
  box,
  hardware,
}: z.output<typeof FILE>): ServerConfig {
  return {
    config,
    coap: coapConfig(coap),
    limits: limitsConfig(limits),
    security: securityConfig(security),
    position: positionConfig(position),
    quality: qualityConfig(quality),
    daemon: { daemon: daemon.daemon, pidFile: daemon.pid_file, logFile: daemon.logfile },
    datadir: {
      datadir: datadir.datadir,
      mount: datadir.mount,
      device: datadir.device,
      mountPoint: datadir.mntpnt,
      uuid: datadir.uuid,
      requireMount: datadir.require_mount,
      reserveMb: datadir.reserve_mb,
      trashDays: datadir.trash_days,
    },
    acquisition: {
      interruptedBatch: acquisition.interrupted_batch,
      resumeWithinH: acquisition.resume_within,
      keepSettings: acquisition.keep_settings,
      pauseLimitS: acquisition.pause_limit_s,
    },
    logging: { debug: logging.debug, logFile: logging.logfile },
    piccolo3: { enabled: piccolo3.enabled },
    box: boxConfig(box),
    hardware: {
      usb: hardware.usb,
      usbLog: hardware.usb_log,
      networkSpectrometers: hardware.network_spectrometers,
      networkDiscovery: hardware.network_discovery,
      gpio: hardware.gpio,
      gpioChip: hardware.gpio_chip,
      statusLedPin: hardware.status_led_pin,
      emulator: {
        spectrometers: hardware.emulator_spectrometers,
        seed: hardware.emulator_seed,
        cloudStrength: hardware.emulator_clouds,
        target: hardware.emulator_target,
      },
    },
  };
}

function coapConfig(coap: z.output<typeof FILE>["coap"]): ServerConfig["coap"] {
  const { enabled, address, port, tcp, multicast, amplification } = coap;
  return {
    enabled,
    address,
    port,
    tcp,
    tlsPort: coap.tls_port,
    tlsCertificate: coap.tls_certificate,
    tlsKey: coap.tls_key,
    tlsClientCa: coap.tls_client_ca,
    websocketPort: coap.websocket_port,
    websocketTlsPort: coap.websocket_tls_port,
    websocketOrigins: coap.websocket_origins,
    multicast,
    amplification,
    resourceDirectory: coap.resource_directory,
    endpointName: coap.endpoint_name,
  };
}

function securityConfig({
  audit_log: auditLog,
  ...rest
}: z.output<typeof FILE>["security"]): ServerConfig["security"] {
  return { ...rest, auditLog };
}

/** What holds when a file says nothing. */
export const DEFAULT_SERVER_CONFIG: ServerConfig = serverConfig(FILE.parse({}));
