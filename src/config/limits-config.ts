// The section [limits] of the server's configuration file: what CoAP clients may take at most. docs/coap.md tells what they
// are answered beyond.

import type { z } from "zod";
import { integer, section } from "./fields.ts";

export interface LimitsConfig {
  /** Body of a request. */
  readonly bodyKb: number;
  /** Unfinished uploads. */
  readonly uploadsPerClientMb: number;
  readonly uploadsMb: number;
  /** Answers kept for later blocks. */
  readonly answersPerClientMb: number;
  readonly answersMb: number;
  /** Large answers on their way over connections. */
  readonly sendingMb: number;
  /** An upload or a kept answer of which no block is heard is forgotten. */
  readonly transferIdleS: number;
  /** Replies kept for copies of a request. */
  readonly repliesPerClientKb: number;
  readonly repliesMb: number;
  readonly observersPerClient: number;
  readonly observers: number;
  /** Requests at work. */
  readonly requestsPerClient: number;
  readonly requests: number;
  /** Of one computer; 0 is no limit. */
  readonly requestsPerSecond: number;
  /** Answers that wait for an acknowledgement; as many requests wait for the proof of an address. */
  readonly waitingPerClient: number;
  readonly waiting: number;
  /** Clients remembered. */
  readonly clients: number;
  /** TCP, TLS and WebSocket together. */
  readonly connectionsPerComputer: number;
  readonly connections: number;
  /** A connection that is silent for this long is ended, or asked for a sign of life when it observes. */
  readonly connectionIdleS: number;
  /** One that reads nothing of what waits for it for so long is ended. */
  readonly connectionUnreadS: number;
  /** One whose message comes more slowly, or is read more slowly, is ended. */
  readonly connectionBytesPerS: number;
}

/** The keys of the section. */
export const LIMITS = section({
  body_kb: integer(1, 65_536).default(1024),
  uploads_per_client_mb: integer(1, 4096).default(32),
  uploads_mb: integer(1, 4096).default(64),
  answers_per_client_mb: integer(1, 4096).default(32),
  answers_mb: integer(1, 4096).default(128),
  sending_mb: integer(1, 4096).default(64),
  transfer_idle_s: integer(10, 3600).default(60),
  replies_per_client_kb: integer(1, 65_536).default(256),
  replies_mb: integer(1, 4096).default(32),
  observers_per_client: integer(1, 65_536).default(128),
  observers: integer(1, 65_536).default(1024),
  requests_per_client: integer(1, 65_536).default(64),
  requests: integer(1, 65_536).default(1024),
  requests_per_second: integer(0, 1_000_000).default(3000),
  waiting_per_client: integer(1, 65_536).default(16),
  waiting: integer(1, 65_536).default(1024),
  clients: integer(16, 1_000_000).default(8192),
  connections_per_computer: integer(1, 65_536).default(32),
  connections: integer(1, 65_536).default(128),
  connection_idle_s: integer(10, 86_400).default(300),
  connection_unread_s: integer(10, 86_400).default(300),
  connection_bytes_per_s: integer(1, 1_000_000).default(4096),
});

/** The limits by their names in the program. */
export function limitsConfig(limits: z.output<typeof LIMITS>): LimitsConfig {
  return {
    bodyKb: limits.body_kb,
    uploadsPerClientMb: limits.uploads_per_client_mb,
    uploadsMb: limits.uploads_mb,
    answersPerClientMb: limits.answers_per_client_mb,
    answersMb: limits.answers_mb,
    sendingMb: limits.sending_mb,
    transferIdleS: limits.transfer_idle_s,
    repliesPerClientKb: limits.replies_per_client_kb,
    repliesMb: limits.replies_mb,
    observersPerClient: limits.observers_per_client,
    observers: limits.observers,
    requestsPerClient: limits.requests_per_client,
    requests: limits.requests,
    requestsPerSecond: limits.requests_per_second,
    waitingPerClient: limits.waiting_per_client,
    waiting: limits.waiting,
    clients: limits.clients,
    connectionsPerComputer: limits.connections_per_computer,
    connections: limits.connections,
    connectionIdleS: limits.connection_idle_s,
    connectionUnreadS: limits.connection_unread_s,
    connectionBytesPerS: limits.connection_bytes_per_s,
  };
}
