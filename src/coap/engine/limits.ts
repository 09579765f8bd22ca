// What a server spends at most on its clients, and what it counts. Every table that a datagram can fill is bounded here.

const KIB = 1024;
const MIB = 1024 * KIB;

export interface CoapLimits {
  /** Largest body of a request, in bytes; above it 4.13 with Size1. */
  readonly bodyBytes: number;
  /** Bytes of unfinished uploads (Block1), of one peer and of all. */
  readonly uploadBytesPerPeer: number;
  readonly uploadBytes: number;
  /** Bytes of answers kept for block-wise reading (Block2), of one peer and of all; the oldest go first. */
  readonly pinnedBytesPerPeer: number;
  readonly pinnedBytes: number;
  /** Bytes of large answers that are read for connections or wait to be sent there, in all; above it 5.03. */
  readonly sendingBytes: number;
  /** An upload of which no block comes, and a kept answer of which none is read, is forgotten after this time. */
  readonly transferIdleS: number;
  /** Bytes of replies kept for duplicates of unsafe requests, of one peer and of all; the oldest go first. */
  readonly replyBytesPerPeer: number;
  readonly replyBytes: number;
  /** Observations of one peer and of all; above it a GET is answered without Observe. */
  readonly observersPerPeer: number;
  readonly observers: number;
  /** Requests whose handler runs, of one peer and of all; above it 5.03. */
  readonly requestsPerPeer: number;
  readonly requests: number;
  /** Requests per second of one computer; above it 4.29, once a second. 0 is no limit. */
  readonly requestsPerSecond: number;
  /** Answers that wait for an acknowledgement, their own or that of another one, of one peer and of all; above it 4.29. */
  readonly responsesPerPeer: number;
  readonly responses: number;
  /** Remote endpoints remembered; above it the least recent idle one is forgotten. */
  readonly peers: number;
  /** Connections (TCP, TLS, WebSocket) in all and of one address; above it the idlest one goes, or the new one is refused. */
  readonly connections: number;
  readonly connectionsPerAddress: number;
  /** A connection without observations that is silent for this long is ended; with them, it is asked for a sign of life. */
  readonly connectionIdleS: number;
  /** A connection that reads nothing of what waits for it for this long is ended. */
  readonly connectionUnreadS: number;
  /** One whose message comes more slowly than this, after 20 s, or is read more slowly, after `connectionUnreadS`, is ended. */
  readonly connectionBytesPerS: number;
}

export const DEFAULT_LIMITS: CoapLimits = {
  bodyBytes: 16 * MIB,
  uploadBytesPerPeer: 32 * MIB,
  uploadBytes: 64 * MIB,
  pinnedBytesPerPeer: 32 * MIB,
  pinnedBytes: 128 * MIB,
  sendingBytes: 64 * MIB,
  transferIdleS: 60,
  replyBytesPerPeer: 256 * KIB,
  replyBytes: 32 * MIB,
  observersPerPeer: 128,
  observers: 1024,
  requestsPerPeer: 64,
  requests: 1024,
  // Well below what a Raspberry Pi answers (5,000 to 10,000), and above what one download block by block needs.
  requestsPerSecond: 3000,
  responsesPerPeer: 16,
  responses: 1024,
  peers: 8192,
  connections: 128,
  connectionsPerAddress: 32,
  connectionIdleS: 300,
  connectionUnreadS: 300,
  connectionBytesPerS: 4096,
};

/** Counters since the start, and present sizes. */
export interface CoapStats {
  received: number;
  sent: number;
  /** Datagrams rejected by silence: they break the message format, or are not confirmable and have a bad critical option. */
  malformed: number;
  requests: number;
  duplicates: number;
  notifications: number;
  retransmissions: number;
  /** Confirmable messages that were never acknowledged. */
  abandoned: number;
  /** Answers that waited for their turn when the client was given up. */
  dropped: number;
  /** Requests above the rate or beyond the answers that may wait. */
  limited: number;
  /** Addresses that were asked to prove themselves, and datagrams that were not sent to one that had not. */
  challenges: number;
  withheld: number;
  /** Handlers that threw. */
  failures: number;
  /** Requests whose protection (OSCORE) verified, those asked for again after a start among them, and that did not. */
  verified: number;
  unverified: number;
  /** Connections that were not let in, and that ended by a mistake or a loss. */
  connectionsRefused: number;
  connectionsAborted: number;
  /** Present connections. */
  connections: number;
  peers: number;
  observers: number;
  pinnedBytes: number;
  sendingBytes: number;
}

export function newStats(): CoapStats {
  return {
    received: 0,
    sent: 0,
    malformed: 0,
    requests: 0,
    duplicates: 0,
    notifications: 0,
    retransmissions: 0,
    abandoned: 0,
    dropped: 0,
    limited: 0,
    challenges: 0,
    withheld: 0,
    failures: 0,
    verified: 0,
    unverified: 0,
    connectionsRefused: 0,
    connectionsAborted: 0,
    connections: 0,
    peers: 0,
    observers: 0,
    pinnedBytes: 0,
    sendingBytes: 0,
  };
}
