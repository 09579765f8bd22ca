// Composes the server: data directory, hardware, instruments, acquisition, tree, CoAP. Opens in this order and closes in
// reverse, so that recordings end before shutters close, and files are whole before the disk goes.

import { join } from "node:path";
import { Levels } from "./acquisition/levels.ts";
import { Operations } from "./acquisition/operations.ts";
import { Recorder } from "./acquisition/recorder.ts";
import { Resumption } from "./acquisition/resumption.ts";
import { withDeadline } from "./base/abort.ts";
import { until } from "./base/cell.ts";
import { type Clock, SECOND } from "./base/clock.ts";
import { definedOnly } from "./base/defined-only.ts";
import { VscopeError } from "./base/errors.ts";
import { Lifetime } from "./base/lifetime.ts";
import type { Log } from "./base/log.ts";
import { OscoreGuard } from "./coap/oscore/oscore-guard.ts";
import { CoapServer, type StreamPorts } from "./coap/server.ts";
import { limitsOf, startRegistration, warnOfOpenKey } from "./composition/coap-settings.ts";
import type { InstrumentConfig } from "./config/instrument-config.ts";
import { dataDirectoryPath, type ServerConfig } from "./config/server-config.ts";
import { DataDirectory } from "./datadir/data-directory.ts";
import type { Disk } from "./datadir/disk/disk.ts";
import type { MountSystem } from "./datadir/medium/medium.ts";
import { KNOWN_DIRECTORIES_FILE } from "./datadir/medium/known-directories.ts";
import { openExports } from "./composition/open-exports.ts";
import { emulatedParts } from "./composition/emulated-units.ts";
import type { Hardware } from "./composition/hardware.ts";
import { InstrumentFile } from "./composition/instrument-file.ts";
import { openInstruments } from "./composition/open-instruments.ts";
import { openLegacy } from "./composition/open-legacy.ts";
import { openReferences } from "./composition/open-references.ts";
import { openSchedule } from "./composition/open-schedule.ts";
import { openSurroundings } from "./composition/open-surroundings.ts";
import type { Programs } from "./drivers/clock/port.ts";
import type { GpsdNetwork } from "./drivers/gpsd/port.ts";
import { ClientLimits } from "./instruments/client-limits.ts";
import { Host } from "./instruments/host.ts";
import { wellKnownCore } from "./interfaces/coap/discovery.ts";
import { LegacyTree } from "./interfaces/legacy/tree.ts";
import { openBox } from "./composition/open-box.ts";
import type { ServerModel } from "./resources/model.ts";
import { Router } from "./resources/router.ts";
import { noteResumption } from "./scheduler/resumed-run.ts";
import { TREE } from "./resources/tree.ts";
import { Security } from "./security/security.ts";
import { TlsKeeper, tlsSettings } from "./composition/tls-keeper.ts";
import { SETTINGS_FILE, SettingsKeeper } from "./composition/settings-keeper.ts";
import { servedTrees } from "./composition/served-trees.ts";
import { limitedSearch, searchLimits, spectrometerSettings } from "./composition/spectrometer-settings.ts";

const MEDIUM_WITHIN_US = 60 * SECOND;

export interface ServerOptions {
  readonly config: ServerConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  /** Tell how good the computer's clock is; nobody is asked without. */
  readonly programs?: Programs;
  /** Of the data directory; the system's when absent. */
  readonly disk?: Disk;
  /** Mounts its medium, and tells what is mounted; the system's when absent. */
  readonly system?: MountSystem;
  /** Leads to gpsd; the computer's own when absent. */
  readonly gpsd?: GpsdNetwork;
}

/** The model tells what the CoAP server counts, and the CoAP server serves the model: one of them comes later. */
interface CoapSlot {
  server: CoapServer | undefined;
}

export class Server {
  readonly model: ServerModel;
  readonly hardware: Hardware;
  readonly #door: Door | undefined;
  readonly #lifetime: Lifetime;

  private constructor({ model, hardware }: Parts, door: Door | undefined, lifetime: Lifetime) {
    this.model = model;
    this.hardware = hardware;
    this.#door = door;
    this.#lifetime = lifetime;
  }

  /** The port that clients use; the one the system chose when the configuration says 0. Absent when CoAP is off. */
  get port(): number | undefined {
    return this.#door?.coap.port;
  }

  /** Those of TCP, TLS and WebSockets that are open now. */
  get ports(): StreamPorts {
    return this.#door?.coap.ports ?? {};
  }

  /** Resolves when clients can come. Closes what it has opened when it throws. */
  static async start(options: ServerOptions, signal: AbortSignal): Promise<Server> {
    const lifetime = new Lifetime();
    try {
      // Where no client can come, nobody has to be kept out.
      const security = options.config.coap.enabled ? await openSecurity(options, lifetime) : undefined;
      const parts = await openParts(options, lifetime, signal);
      const door = security && (await listen(options, { ...parts, security }, lifetime));
      parts.coap.server = door?.coap;
      return new Server(parts, door, lifetime);
    } catch (error) {
      await lifetime.close();
      throw error;
    }
  }

  /** Writes to the file that has the audit log's name now; reads keys and certificates again. */
  reload(): void {
    this.#door?.security.reload();
    this.#door?.tls.renew();
  }

  /** Refuses clients, ends what runs, closes the shutters, finishes the files. Throws when something did not close. */
  close(): Promise<void> {
    return this.#lifetime.close();
  }
}

/** Where clients come in, and who may. */
interface Door {
  readonly coap: CoapServer;
  readonly security: Security;
  readonly tls: TlsKeeper;
}

interface Parts {
  readonly model: ServerModel;
  readonly hardware: Hardware;
  readonly coap: CoapSlot;
  readonly legacy: LegacyTree | undefined;
}

async function openSecurity({ config, clock, log }: ServerOptions, lifetime: Lifetime): Promise<Security> {
  const security = await Security.open(config.security, { clock, log });
  lifetime.defer("security", () => security.close());
  return security;
}

async function openDataDirectory(
  { config, clock, log, version, disk, system }: ServerOptions,
  lifetime: Lifetime,
  signal: AbortSignal,
): Promise<DataDirectory> {
  const own = definedOnly({ disk, system });
  const options = { ...dataDirectoryOptions(config, version), clock, log, ...own };
  const dataDirectory = await DataDirectory.open(options);
  lifetime.defer("data directory", () => dataDirectory.close());
  await medium(dataDirectory, { clock, log }, signal);
  return dataDirectory;
}

async function openParts(options: ServerOptions, lifetime: Lifetime, signal: AbortSignal): Promise<Parts> {
  const { config, clock, log, version, programs, gpsd } = options;
  const dataDirectory = await openDataDirectory(options, lifetime, signal);
  const configuration = new InstrumentFile(dataDirectory.path, config, log);
  const instrument = await configuration.load();
  const references = await openReferences({ instrument, configuration, dataDirectory, clock, log }, lifetime);
  const referenceAge = references.whiteReferences.ageFor.bind(references.whiteReferences);
  const around = { config, clock, log, programs, gpsd, referenceAge };
  const { judge, ...surroundings } = openSurroundings(around, lifetime);
  const limits = new ClientLimits();
  const keeper = await settingsKeeper({ config, clock, log }, instrument, limits);
  const opened = await openInstruments({ config, instrument, clock, log, judge, keeper }, lifetime, signal);
  const { hardware, shutters, rack } = opened;
  const stored = { dataDirectory, ...references, rack, configuration: configuration.path };
  const exports = await openExports({ ...stored, instrument, clock, log, version }, lifetime);
  const operations = new Operations({ clock, log });
  const acquisition = { clock, log, operations, dataDirectory, optics: { rack, shutters } };
  const configured = searchLimits(instrument);
  const ownLimits = { searchLimits: limitedSearch(configured, limits), qualityLimits: config.quality };
  const pauseLimitUs = config.acquisition.pauseLimitS * SECOND;
  const recorder = new Recorder({ ...acquisition, ...ownLimits, ...references, pauseLimitUs });
  lifetime.defer("operations", () => operations.close());
  const schedule = openSchedule({ config, rack, ...acquisition, recorder, ...surroundings }, lifetime);
  const { scheduler } = schedule;
  const resumption = new Resumption({
    ...acquisition,
    rack,
    recorder,
    policy: config.acquisition,
    clockSet: (ended) => until(scheduler.status, ({ isClockSet }) => isClockSet, ended),
    onFinished: ({ origin, startedUtc }, message) =>
      noteResumption({ history: scheduler.history, log }, { origin, startedUtc, message }),
  });
  lifetime.defer("interrupted batch", () => resumption.close());
  // Before the trigger and the scheduler can begin anything: what was interrupted goes first.
  await resumption.begin();
  const box = await openBox({ config, hardware, rack, ...acquisition, recorder, resumption }, lifetime);
  const host = new Host({ clock, log, version, maySetClock: !hardware.isSimulated });
  const { presence } = opened;
  const instruments = { host, rack, presence, shutters, ...emulatedParts(hardware.emulated) };
  const coap: CoapSlot = { server: undefined };
  const coapStats = () => coap.server?.stats;
  const work = { dataDirectory, exports, recorder, resumption, operations, scheduler };
  const levels = new Levels({ rack, ...references, limits: config.quality });
  const known = { ...surroundings, ...references, levels, qualityLimits: config.quality };
  const model = { ...instruments, ...work, ...known, configuration, coapStats, box };
  schedule.begin(model);
  const legacyParts = { config, instrument, model, clock, log, limits, searchLimits: configured };
  const legacy = config.piccolo3.enabled ? openLegacy(legacyParts, lifetime) : undefined;
  return { hardware, model, coap, legacy };
}

async function settingsKeeper(
  { config, clock, log }: Pick<ServerOptions, "config" | "clock" | "log">,
  instrument: InstrumentConfig,
  limits: ClientLimits,
): Promise<SettingsKeeper | undefined> {
  if (!config.acquisition.keepSettings) return undefined;
  const path = join(config.security.state, SETTINGS_FILE);
  return SettingsKeeper.open({ path, configured: spectrometerSettings(instrument), clock, log, limits });
}

// The instrument's configuration lies on the medium, which can need longer to appear than the server to start.
async function medium(
  { path, status }: DataDirectory,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  signal: AbortSignal,
): Promise<void> {
  if (status.value.mounted) return;
  const withinS = MEDIUM_WITHIN_US / SECOND;
  log.info({ path, withinS }, "waits for the medium of the data directory");
  const fact = `data directory ${path}: its medium did not appear within ${withinS} s`;
  const late = (): Error =>
    new VscopeError("DATADIR_NOT_MOUNTED", `${fact}: ${status.value.problem ?? "it is not there"}`);
  await withDeadline({ clock, us: MEDIUM_WITHIN_US, late }, signal, (inner) =>
    until(status, ({ mounted }) => mounted, inner),
  );
}

function dataDirectoryOptions(config: ServerConfig, version: string) {
  const { datadir } = config;
  const { device, mountPoint } = datadir;
  return {
    path: dataDirectoryPath(config),
    reserveBytes: datadir.reserveMb * 1e6,
    trashDays: datadir.trashDays,
    writer: `vscope-server ${version}`,
    requireMount: datadir.requireMount,
    knownFile: join(config.security.state, KNOWN_DIRECTORIES_FILE),
    ...definedOnly({ uuid: datadir.uuid }),
    ...(datadir.mount ? { mount: { device, mountPoint } } : {}),
  };
}

interface Guarded {
  readonly model: ServerModel;
  readonly legacy: LegacyTree | undefined;
  readonly security: Security;
}

async function listen(options: ServerOptions, guarded: Guarded, lifetime: Lifetime): Promise<Door> {
  const { config, clock, log } = options;
  const { address, port, multicast, amplification } = config.coap;
  const router = new Router(guarded.model, TREE);
  const server = await CoapServer.listen({
    address,
    port,
    ...servedTrees({ clock, log, router, ...guarded }),
    guard: new OscoreGuard(guarded.security.contexts),
    clock,
    log,
    multicast,
    amplification,
    limits: limitsOf(config),
    ...(await tlsSettings(config, guarded.security)),
  });
  await warnOfOpenKey(config.coap, log);
  const links = (): Uint8Array => wellKnownCore(router, []);
  const registration = startRegistration({ config, serverPort: server.port, links, clock, log });
  // Together: the shutters wait for both.
  lifetime.defer("CoAP server", async () => {
    await Promise.all([registration?.close(), server.close()]);
  });
  log.info({ address, port: server.port, ...server.ports }, "CoAP server listens");
  const { security } = guarded;
  const tls = new TlsKeeper({ config, security, server, log });
  lifetime.defer("TLS", () => tls.close());
  return { coap: server, security, tls };
}
