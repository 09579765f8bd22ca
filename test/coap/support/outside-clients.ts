// The CoAP clients of others that the tests run: where they are, and how to run them. `npm test` installs them.

import { spawn } from "node:child_process";
import { accessSync, constants, readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = projectRoot(dirname(fileURLToPath(import.meta.url)));

function projectRoot(folder: string): string {
  try {
    accessSync(join(folder, "package.json"));
    return folder;
  } catch {
    return projectRoot(dirname(folder));
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** libcoap's client, of whatever build Debian has. Throws when there is none. */
export function coapClient(): string {
  return firstOf(["coap-client-notls", ...WITH_TLS]);
}

/** The same, of a build that has TLS. */
export function coapClientWithTls(): string {
  return firstOf(WITH_TLS);
}

/** libcoap's server, of whatever build Debian has. Throws when there is none. */
export function coapServer(): string {
  return firstOf(["notls", "openssl", "gnutls"].map((build) => `coap-server-${build}`));
}

const WITH_TLS = ["coap-client-openssl", "coap-client-gnutls", "coap-client"];

function firstOf(names: readonly string[]): string {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const found = names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
  if (found === undefined)
    throw new Error(`no ${names[0]}: install Debian's libcoap3-bin (node scripts/setup-clients.mjs)`);
  return found;
}

/** A Python that has aiocoap. Throws when there is none. */
export function aiocoapPython(): string {
  const python = join(ROOT, ".venv", "bin", "python");
  if (!isExecutable(python)) throw new Error("no .venv with aiocoap: run node scripts/setup-clients.mjs");
  return python;
}

/** The script of coap-cli, to be run with node. */
export function coapCli(): string {
  const folder = join(ROOT, "node_modules", "coap-cli");
  const { bin }: { bin: { coap: string } } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return join(folder, bin.coap);
}

export interface Outcome {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: Buffer;
  /** Told all of the output so far; ends the program by returning true. */
  readonly enough?: (stdout: Buffer) => boolean;
}

/** Runs a program to its end. */
export function run(
  command: string,
  args: readonly string[],
  { input, enough }: RunOptions = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: "pipe" });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => {
      out.push(chunk);
      if (enough?.(Buffer.concat(out)) === true) child.kill();
    });
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    child.on("error", reject);
    child.on("close", (status) =>
      resolve({ status, stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString() }),
    );
    // A program that does not read its input closes the pipe.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}
