// The server itself: its PID file, its process, and whether it answers.

import { resolve } from "node:path";
import { withDeadline } from "../base/abort.ts";
import { type Clock, SECOND } from "../base/clock.ts";
import { messageOf, VscopeError } from "../base/errors.ts";
import { type ConnectOptions, VscopeClient } from "../client/vscope-client.ts";
import type { ServerConfig } from "../config/server-config.ts";
import { processIdentity } from "../daemon/process-identity.ts";
import { type Box, otherServers, serverOf } from "./box.ts";
import { complain, fault, type Finding, fine, warning } from "./finding.ts";
import type { ServiceUnit } from "./service-unit.ts";

const SECTION = "server";
const PATIENCE_S = 2;

/** The version that the server at a URL answers; throws when none does. */
export type AskVersion = (url: string, signal: AbortSignal) => Promise<string>;

export function askOverCoap(clock: Clock, patienceS = PATIENCE_S): AskVersion {
  return async (url, signal) => {
    const late = (): Error =>
      new VscopeError("DEVICE_TIMEOUT", `no answer from ${url} within ${patienceS} s`);
    return await withDeadline({ clock, us: patienceS * SECOND, late }, signal, async (limited) => {
      try {
        return await readVersion(url, { timeoutS: patienceS, clock }, limited);
      } catch (error) {
        limited.throwIfAborted(); // its reason says how long we have waited
        throw error;
      }
    });
  };
}

async function readVersion(url: string, options: ConnectOptions, signal: AbortSignal): Promise<string> {
  const client = await VscopeClient.connect(url, options, signal);
  try {
    return String(await client.get("/sysinfo/version", signal));
  } finally {
    await client.close();
  }
}

export interface ServerOptions {
  /** Absent where the files are a copy: the server is on another computer. */
  readonly ask: AskVersion | undefined;
  readonly unit: ServiceUnit | undefined;
  /** To which a relative path of the PID file refers. */
  readonly workingFolder: string;
}

export async function checkServer(
  box: Box,
  options: ServerOptions,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const pidFile = resolve(options.workingFolder, box.config.daemon.pidFile);
  const holder = await readPidFile(box, pidFile);
  const isOurs = holder?.isAlive === true && otherServers(box).every(({ pid }) => pid !== holder.pid);
  const pid = isOurs ? holder.pid : serverOf(box)?.pid;
  return [...pidFileFindings(pidFile, holder), ...(await answer(box, { ...options, pid }, signal))];
}

interface Holder {
  readonly pid: number;
  readonly isAlive: boolean;
}

// First line the PID, second which process that is (src/daemon/pid-file.ts).
async function readPidFile({ computer }: Box, path: string): Promise<Holder | undefined> {
  const text = await computer.text(path);
  const [first = "", identity = ""] = text?.split("\n") ?? [];
  if (!/^[1-9]\d*$/.test(first.trim())) return undefined;
  const pid = Number(first);
  const present = processIdentity(pid, computer.at("/proc"));
  return { pid, isAlive: present !== undefined && (identity === "" || identity === present) };
}

function pidFileFindings(path: string, holder: Holder | undefined): readonly Finding[] {
  if (holder === undefined) return [];
  const { pid, isAlive } = holder;
  if (isAlive) return [fine(SECTION, "pid-file", "PID file", `${path}: process ${pid} lives`)];
  const found = `${path}: process ${pid} is gone, it did not end by itself`;
  const mend = "look at the log for the reason; the next start takes the file over";
  return [complain(SECTION, "PID file", warning("pid-file", found, mend))];
}

async function answer(
  box: Box,
  { ask, unit, pid }: ServerOptions & { readonly pid: number | undefined },
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { config, configPath } = box;
  if (ask === undefined || !config.coap.enabled) return [];
  const url = urlOf(config);
  try {
    return [
      fine(SECTION, "server-answers", "vscope-server", `version ${await ask(url, signal)} answers at ${url}`),
    ];
  } catch (error) {
    signal.throwIfAborted();
    // "is vscope-server running there?" is what this check answers.
    const [silence = ""] = messageOf(error).split(";");
    const complaint =
      pid === undefined
        ? warning("server-answers", `${silence}${othersText(box)}`, startCommand(unit, configPath))
        : fault(
            "server-answers",
            `process ${pid} runs, but ${silence}`,
            unit === undefined
              ? `kill ${pid}, then: ${startCommand(unit, configPath)}`
              : "sudo systemctl restart vscope-server",
            "journalctl -u vscope-server -n 50",
          );
    return [complain(SECTION, "vscope-server", complaint)];
  }
}

function othersText(box: Box): string {
  const others = otherServers(box).map(({ pid, configFile = "" }) => `process ${pid} serves ${configFile}`);
  return others.map((other) => `; ${other}`).join("");
}

function startCommand(unit: ServiceUnit | undefined, configPath: string): string {
  return unit === undefined ? `vscope-server -s ${configPath}` : "sudo systemctl start vscope-server";
}

function urlOf({ coap: { address: addresses, port } }: ServerConfig): string {
  const [address = "::"] = addresses;
  if (address === "::" || address === "0.0.0.0") return `coap://localhost:${port}`;
  const host = address.includes(":") ? `[${address.replace("%", "%25")}]` : address;
  return `coap://${host}:${port}`;
}
