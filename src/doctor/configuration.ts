// The configuration file of the server: there, readable, right. The rest of the doctor goes by what it says.

import { messageOf, systemCodeOf } from "../base/errors.ts";
import { DEFAULT_SERVER_CONFIG, parseServerConfig, type ServerConfig } from "../config/server-config.ts";
import type { Computer } from "./computer.ts";
import { type Complaint, complain, fault, type Finding, fine, warning } from "./finding.ts";
import { SHIPPED_CONFIG } from "./shipped.ts";

const SECTION = "server";
export const DEFAULT_FILE = "/etc/vscope.cfg";
/** More do not fit on a screen. */
const MISTAKES_SHOWN = 3;

export interface Configuration {
  readonly path: string;
  /** The defaults where the file cannot be used. */
  readonly config: ServerConfig;
  readonly findings: readonly Finding[];
}

/** Reads the file as vscope-server does: without a name a missing one means the defaults. */
export async function readConfiguration(
  computer: Computer,
  named: string | undefined,
): Promise<Configuration> {
  const path = named ?? DEFAULT_FILE;
  const text = await readText(computer, path);
  if (text instanceof Error) {
    const isAbsent = systemCodeOf(text) === "ENOENT";
    const finding =
      isAbsent && named === undefined
        ? fine(SECTION, "config-file", path, "not there, the defaults hold")
        : complain(SECTION, path, unreadable(path, text));
    return { path, config: DEFAULT_SERVER_CONFIG, findings: [finding] };
  }
  try {
    const { config, warnings } = parseServerConfig(text, path);
    const remarks = warnings.map((remark) =>
      complain(SECTION, path, warning("config-file", withoutPath(remark, path), mendOf(remark, path))),
    );
    return {
      path,
      config,
      findings: remarks.length > 0 ? remarks : [fine(SECTION, "config-file", path, "valid")],
    };
  } catch (error) {
    const finding = complain(SECTION, path, invalid(path, messageOf(error)));
    return { path, config: DEFAULT_SERVER_CONFIG, findings: [finding] };
  }
}

function mendOf(remark: string, path: string): string {
  return remark.startsWith(`${path}: no [`) ? `sudo nano ${path}` : `remove it from ${path}`;
}

/** A configuration file with mistakes; `message` has one in each line. */
export function invalid(path: string, message: string, check = "config-file"): Complaint {
  const mistakes = message.split("\n").map((line) => withoutPath(line, path));
  const more = mistakes.length - MISTAKES_SHOWN;
  const shown = mistakes.slice(0, MISTAKES_SHOWN).join("; ") + (more > 0 ? `; and ${more} more` : "");
  return fault(
    check,
    `not valid: ${shown}`,
    `correct it: sudo nano ${path}; docs/how-to/configure.md explains the keys`,
  );
}

function unreadable(path: string, error: Error): Complaint {
  if (systemCodeOf(error) === "ENOENT")
    return fault("config-file", "not there", `sudo cp ${SHIPPED_CONFIG} ${path}`);
  return fault("config-file", `cannot be read: ${error.message}`, `ls -l ${path}; sudo chmod a+r ${path}`);
}

async function readText(computer: Computer, path: string): Promise<string | Error> {
  try {
    return await computer.read(path);
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

function withoutPath(line: string, path: string): string {
  return line.startsWith(`${path}:`)
    ? line
        .slice(path.length + 1)
        .replace(/^(\d+):/, "line $1:")
        .trim()
    : line;
}
