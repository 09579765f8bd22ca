// Finds servers that nobody has named: one non-confirmable GET of /.well-known/core to the groups "All CoAP Nodes" on every
// interface, and the answers that come within a time (RFC 7252 section 8, RFC 6690).

import { randomBytes } from "node:crypto";
import { withDeadline } from "../../base/abort.ts";
import { type Clock, SECOND } from "../../base/clock.ts";
import { isVscopeError, VscopeError } from "../../base/errors.ts";
import { CoapClient } from "./client.ts";
import { requestOptions } from "./client-message.ts";
import { type CoapMessage, decodeMessage, emptyMessage, encodeMessage, NO_BYTES } from "../message/codec.ts";
import { ACK, CON, codeNumber, methodCode, NON } from "../message/codes.ts";
import { readBlock } from "../message/block.ts";
import { GROUP_IPV4, GROUP_LINK, GROUP_SITE } from "../network/groups.ts";
import { DEFAULT_LEISURE_US } from "../udp/leisure.ts";
import { type CoapLink, decodeLinks } from "../message/link-format.ts";
import { isLinkLocal, type NetworkAddress, SYSTEM_NETWORK, type UdpNetwork } from "../network/network.ts";
import { findOption, OPTION } from "../message/options.ts";
import { type DatagramSocket, plainAddress } from "../network/udp.ts";

export interface DiscoverOptions {
  readonly clock: Clock;
  /** How long answers are collected; servers take up to 5 s to answer. */
  readonly waitUs?: number;
  /** The servers' port; 5683 when absent. */
  readonly port?: number;
  /** Filters, such as `rt=vscope.sysinfo`: servers without a matching resource stay silent. */
  readonly query?: readonly string[];
  /** Instead of this computer's. */
  readonly network?: UdpNetwork;
  /** Opens the client that reads what does not fit into one answer. */
  readonly connect?: (host: string, port: number) => Promise<CoapClient>;
}

export interface FoundServer {
  /** Numeric, with a zone when it is link-local IPv6. */
  readonly host: string;
  readonly port: number;
  readonly links: readonly CoapLink[];
}

/** The time after the longest leisure for the datagrams themselves. */
const LATENCY_US = 1_000_000;

/** Anybody on the network can answer, in any name: so many are listened to. */
const MOST_SERVERS = 256;

/** What does not fit into one answer is read in this time, and up to this size. */
const REST_WITHIN_S = 10;
const LARGEST_LIST_BYTES = 128 * 1024;

const CONTENT = codeNumber("2.05");

/**
 * Resolves with who has answered within `waitUs`, in that order; 10 s later when some have more to tell than fits into one
 * answer. Of those that do not finish, what they have told first counts. Throws the signal's reason.
 */
export async function discover(
  options: DiscoverOptions,
  signal: AbortSignal,
): Promise<readonly FoundServer[]> {
  const { clock, network = SYSTEM_NETWORK, waitUs = DEFAULT_LEISURE_US + LATENCY_US } = options;
  const answers = new Map<string, Answer>();
  const token = randomBytes(8);
  const opened = await Promise.all(network.addresses().map((address) => open(network, address)));
  const asking = opened.flatMap((each) => each ?? []);
  try {
    for (const { socket, groups } of asking) {
      listen(socket, token, answers);
      for (const group of groups) socket.send(question(options, token), options.port ?? 5683, group);
    }
    await clock.delay(waitUs, signal);
  } finally {
    await Promise.all(asking.map(({ socket }) => socket.close()));
  }
  return await Promise.all([...answers.values()].map((answer) => complete(answer, options, signal)));
}

interface Answer {
  readonly host: string;
  readonly port: number;
  readonly message: CoapMessage;
}

// A socket of an address sends multicast through the interface of that address. Of IPv6 only the link-local address
// names its interface, and every interface has one.
async function open(network: UdpNetwork, { address, isIPv6, interfaceName }: NetworkAddress) {
  if (isIPv6 && !isLinkLocal(address)) return undefined;
  const groups = isIPv6 ? [`${GROUP_LINK}%${interfaceName}`, `${GROUP_SITE}%${interfaceName}`] : [GROUP_IPV4];
  try {
    return { socket: await network.bind(address, 0), groups };
  } catch (error) {
    // The address has gone, or cannot be used yet.
    if (isVscopeError(error)) return undefined;
    throw error;
  }
}

function listen(socket: DatagramSocket, token: Buffer, answers: Map<string, Answer>): void {
  socket.attach({
    message: (bytes, address, port) => {
      const message = decodeMessage(bytes);
      if (message === undefined || !message.token.equals(token) || message.code !== CONTENT) return;
      if (message.type === CON) socket.send(emptyMessage(ACK, message.messageId), port, address);
      const host = plainAddress(address);
      const name = `${host} ${port}`;
      if (!answers.has(name) && answers.size < MOST_SERVERS) answers.set(name, { host, port, message });
    },
    // An interface that is down: the others may find something.
    failed: () => {},
  });
}

function question({ query = [] }: DiscoverOptions, token: Buffer): Buffer {
  const [messageId] = randomBytes(2);
  const options = requestOptions({ method: "GET", path: [".well-known", "core"], query });
  return encodeMessage({
    type: NON,
    code: methodCode("GET"),
    messageId: messageId ?? 0,
    token,
    options,
    payload: NO_BYTES,
  });
}

// The rest of a long list is fetched from the server alone (RFC 7959 section 2.8).
async function complete(
  { host, port, message }: Answer,
  {
    clock,
    query = [],
    connect = (to, at) => CoapClient.open({ host: to, port: at, clock }),
  }: DiscoverOptions,
  signal: AbortSignal,
): Promise<FoundServer> {
  const block = findOption(message.options, OPTION.BLOCK2);
  const hasMore = block !== undefined && block.length <= 3 && readBlock(block).more;
  if (!hasMore) return { host, port, links: linksOf(message.payload) };
  const late = (): VscopeError =>
    new VscopeError(
      "DEVICE_TIMEOUT",
      `${host}: the list of resources is not whole, limit ${REST_WITHIN_S} s`,
    );
  const rest = await withDeadline({ clock, us: REST_WITHIN_S * SECOND, late }, signal, (limited) =>
    wholeList(() => connect(host, port), query, limited),
  ).catch((error: unknown) => {
    // One server that cannot tell the rest must not hide the others, nor what it has told.
    if (signal.aborted || !isVscopeError(error)) throw error;
    return undefined;
  });
  return { host, port, links: linksOf(rest ?? message.payload) };
}

async function wholeList(
  connect: () => Promise<CoapClient>,
  query: readonly string[],
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const client = await connect();
  try {
    const path = [".well-known", "core"];
    const request = { method: "GET", path, query, maxBytes: LARGEST_LIST_BYTES } as const;
    const { code, payload } = await client.request(request, signal);
    return code === "2.05" ? payload : undefined;
  } finally {
    await client.close();
  }
}

function linksOf(payload: Uint8Array): readonly CoapLink[] {
  return decodeLinks(Buffer.from(payload).toString());
}
