// /stats: what the CoAP server has counted since its start, for whoever watches over it.

import { z } from "zod";
import type { CoapStats } from "../coap/engine/limits.ts";
import { declare } from "./model.ts";

const member = (unit: string, description: string) => z.int().meta({ unit, description }).optional();

const FIELDS = {
  received: member("messages", "come in: datagrams, whatever is in them, and messages on connections"),
  sent: member("messages", "gone out: datagrams, repeated ones too, and messages on connections"),
  malformed: member(
    "datagrams",
    "that are no CoAP message, and non-confirmable requests with a critical option that is unknown or wrong; they get no answer",
  ),
  requests: member(
    "requests",
    "answered or at work, refused ones too; without copies and those of `limited`",
  ),
  duplicates: member("datagrams", "copies of requests, which are not carried out again"),
  notifications: member("messages", "to observers, without the first answer"),
  retransmissions: member("datagrams", "sent again, because no acknowledgement came"),
  abandoned: member(
    "messages",
    "answers and notifications that were never acknowledged, so that the client was given up",
  ),
  dropped: member(
    "messages",
    "answers that waited for a client that was given up, and requests that waited for the proof of an address in vain",
  ),
  limited: member(
    "requests",
    "refused with 4.29 or dropped: above `requests_per_second`, too many answers wait",
  ),
  challenges: member("pings", "that asked an address to prove itself"),
  withheld: member("datagrams", "not sent, because the address had not proven itself"),
  failures: member(
    "requests",
    "that met a fault of the server, which the log tells, or were broken off by its stop",
  ),
  verified: member("requests", "protected by OSCORE whose key and number are right"),
  unverified: member("requests", "protected by OSCORE whose key or number is wrong; the log tells which"),
  connectionsRefused: member("connections", "not let in: there were too many, in all or of one computer"),
  connectionsAborted: member("connections", "ended by a mistake of the client or a loss"),
  connections: member("connections", "present: TCP, TLS and WebSocket, those in their handshakes too"),
  peers: member("clients", "present: addresses and ports that are remembered, over UDP"),
  observers: member("observations", "present"),
  pinnedBytes: member("bytes", "present: answers kept for those who read them in blocks"),
  sendingBytes: member(
    "bytes",
    "of bodies that are read for an answer or wait for a connection to take them",
  ),
} satisfies Record<keyof CoapStats, z.ZodType>;

export const STATS = [
  declare("/stats", {
    summary:
      "Counters of the CoAP server since its start, and what it holds now (`present`); empty without a CoAP server",
    value: z.object(FIELDS),
    example: { received: 1200, sent: 1198, requests: 1196, observers: 2, pinnedBytes: 0 },
    get: ({ coapStats }) => ({ ...coapStats() }),
  }),
];
