// What `--check` can say about clients without being a server: whether they could come in and prove who they are. No port
// of the configuration is opened, as a server that runs already has it.

import { whyFileNotWritable, whyFolderNotWritable } from "../base/writable.ts";
import { checkTls } from "../coap/stream/tls-credentials.ts";
import { bindUdp } from "../coap/network/udp.ts";
import { portsOfTls, streamSettings } from "./coap-settings.ts";
import type { ServerConfig } from "../config/server-config.ts";
import { VscopeError } from "../base/errors.ts";
import { isValid } from "../security/key.ts";
import { readKeyFile } from "../security/key-file.ts";

type Print = (line: string) => void;

/**
 * Prints a line each about keys, state, logs and CoAP. Throws CONFIG_INVALID for what would make the start fail, or would
 * keep out those who have keys: the server itself starts without keys that it cannot read.
 */
export async function checkNetwork(config: ServerConfig, print: Print): Promise<void> {
  const { security, logging, coap } = config;
  if (logging.logFile !== undefined) checkLog("logging.logfile", logging.logFile, print);
  if (!coap.enabled) return print("CoAP             off");
  const keys = readKeyFile(security.keys).filter(isValid).length;
  print(`keys             ${security.keys}: ${keys}`);
  checkState(security.state, keys, print);
  if (security.auditLog !== undefined) checkLog("security.audit_log", security.auditLog, print);
  await checkCoap(config, keys > 0, print);
}

function checkLog(setting: string, file: string, print: Print): void {
  const reason = whyFileNotWritable(file);
  if (reason !== undefined)
    throw new VscopeError("CONFIG_INVALID", `${setting}: ${file}: cannot be written, ${reason}`);
  print(`log              ${file}: can be written`);
}

// The server starts without it and serves everything but OSCORE; without keys nobody misses that.
function checkState(folder: string, keys: number, print: Print): void {
  const reason = whyFolderNotWritable(`${folder}/oscore`);
  if (reason === undefined) return print(`state            ${folder}: can be written`);
  const fact = `${folder}: cannot be written, ${reason}; keys need it for OSCORE: sudo install -d -o $USER -m 0700 ${folder}`;
  if (keys > 0) throw new VscopeError("CONFIG_INVALID", `security.state: ${fact}`);
  print(`state            ${fact}`);
}

async function checkCoap({ coap }: ServerConfig, hasKeys: boolean, print: Print): Promise<void> {
  const { streams, tls } = await streamSettings({ coap }, { hasKeys, psk: () => undefined });
  checkTls(tls);
  for (const address of coap.address) await (await bindUdp(address, 0)).close();
  if (streams.tls === undefined) print(`TLS              opens with the first key: ${portsOfTls({ coap })}`);
  const ports = Object.entries({ udp: coap.port, ...streams }).map(([name, port]) => `${name} ${port}`);
  print(`CoAP             ${coap.address.join(", ")}: ${ports.join(", ")}`);
}
