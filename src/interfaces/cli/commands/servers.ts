// vscope servers: the servers of the local network that answer a multicast.

import type { Command } from "commander";
import { discover, type FoundServer } from "../../../coap/client/discover.ts";
import { endpointName } from "../../../coap/network/udp.ts";
import { SECOND } from "../../../base/clock.ts";
import { SYSTEM_NETWORK, type UdpNetwork } from "../../../coap/network/network.ts";
import { usageError } from "../exit-codes.ts";
import { command } from "../help.ts";
import type { Session } from "../session.ts";
import { renderTable } from "../table.ts";
import { numberOption } from "../value.ts";

/** A link that every vscope server has; servers of other kinds stay silent. */
const QUERY = ["rt=vscope.sysinfo"];

// Servers answer within 5 s, at random (RFC 7252 section 8.2).
const DEFAULT_WAIT_S = 6;

interface Options {
  readonly wait: number;
  readonly port: number;
  readonly interface?: string;
  readonly all?: true;
}

export function serversCommand(session: Session): Command {
  return command({
    name: "servers",
    summary: "find servers on the local network",
    details:
      "by multicast on every interface; a server with several addresses is listed with each that it answered from",
    examples: ["vscope servers", "vscope servers --all --json"],
  })
    .option(
      "--wait <s>",
      "seconds to wait for answers",
      numberOption("--wait", { min: 0.1, max: 60 }),
      DEFAULT_WAIT_S,
    )
    .option("--port <port>", "the servers' port", numberOption("--port", { min: 1, max: 65_535 }), 5683)
    .option("--interface <name>", "ask on this network interface only, such as eth0")
    .option("--all", "CoAP servers of any kind")
    .action(async ({ wait, port, interface: only, all }: Options) => {
      const { clock, signal } = session;
      const query = all === true ? [] : QUERY;
      const found = await discover(
        { clock, waitUs: wait * SECOND, port, query, network: networkOf(only) },
        signal,
      );
      if (found.length === 0) session.say(`no server has answered on port ${port} within ${wait} s`);
      session.print(found.map(jsonOf), () => tableOf(found));
    });
}

function networkOf(interfaceName: string | undefined): UdpNetwork {
  if (interfaceName === undefined) return SYSTEM_NETWORK;
  const addresses = SYSTEM_NETWORK.addresses().filter((each) => each.interfaceName === interfaceName);
  if (addresses.length > 0) return { ...SYSTEM_NETWORK, addresses: () => addresses };
  throw usageError(`--interface: this computer has no addresses on ${interfaceName}`);
}

function urlOf({ host, port }: FoundServer): string {
  // RFC 6874 section 2: the % of a zone is written %25.
  return `coap://${endpointName(host, port).replace("%", "%25")}`;
}

function jsonOf(server: FoundServer) {
  const { host, port } = server;
  return { url: urlOf(server), host, port };
}

function tableOf(found: readonly FoundServer[]): string {
  if (found.length === 0) return "";
  return renderTable(
    [{ heading: "server" }],
    found.map((server) => [urlOf(server)]),
  );
}
