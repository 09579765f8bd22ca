// Tells systemd how the service fares (sd_notify(3)): datagrams to the UNIX socket in NOTIFY_SOCKET.
// Node.js has no datagram sockets of that family, so libc's are called. Without NOTIFY_SOCKET nothing happens.

import type { Clock } from "../base/clock.ts";
import { type Libc, openLibc } from "../base/libc.ts";
import type { Log } from "../base/log.ts";

export interface ServiceNotifier {
  /** The server answers requests. */
  ready(): void;
  /** The server is ending. */
  stopping(): void;
  /** One line for `systemctl status`. */
  status(text: string): void;
  close(): void;
}

export interface NotifierOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
}

type Send = (text: string) => void;

/** From `ready` on it sends the watchdog's sign of life at half the time that systemd allows, until it is closed. */
export async function openNotifier({ env, clock, log }: NotifierOptions): Promise<ServiceNotifier> {
  const address = env["NOTIFY_SOCKET"];
  if (address === undefined || address === "") return { ready() {}, stopping() {}, status() {}, close() {} };
  const socket = openSocket(await openLibc(), address, log);
  const periodUs = watchdogPeriodUs(env);
  let cancel = (): void => {};
  const beat = (): void => {
    socket.send("WATCHDOG=1");
    if (periodUs !== undefined) cancel = clock.after(periodUs, beat);
  };
  return {
    ready() {
      socket.send("READY=1");
      if (periodUs !== undefined) beat();
    },
    stopping: () => socket.send("STOPPING=1"),
    // A line end would begin another assignment.
    status: (text) => socket.send(`STATUS=${text.replaceAll("\n", " ")}`),
    close() {
      cancel();
      socket.close();
    },
  };
}

/** Half of WATCHDOG_USEC; undefined when systemd watches nothing or another process (WATCHDOG_PID). */
export function watchdogPeriodUs(env: NotifierOptions["env"]): number | undefined {
  const us = Number(env["WATCHDOG_USEC"] ?? "");
  const pid = env["WATCHDOG_PID"];
  const isOurs = pid === undefined || pid === "" || Number(pid) === process.pid;
  return isOurs && Number.isSafeInteger(us) && us > 1 ? Math.floor(us / 2) : undefined;
}

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 0o2000002;
const MSG_DONTWAIT_NOSIGNAL = 0x4040;

function openSocket(
  libc: Libc,
  address: string,
  log: Log,
): { readonly send: Send; readonly close: () => void } {
  const socket = libc.declare("int socket(int domain, int type, int protocol)");
  const sendto = libc.declare(
    "intptr_t sendto(int socket, const void *bytes, size_t length, int flags, const void *to, uint32_t toLength)",
  );
  const close = libc.declare("int close(int descriptor)");
  const to = socketAddress(address);
  const descriptor = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  return {
    send(text) {
      const bytes = Buffer.from(text);
      const sent = sendto(descriptor, bytes, bytes.length, MSG_DONTWAIT_NOSIGNAL, to, to.length);
      if (sent !== bytes.length)
        log.warn({ address, text, reason: libc.errorName() }, "systemd was not notified");
    },
    close: () => void close(descriptor),
  };
}

/** struct sockaddr_un: the family in the machine's order (little-endian), the path; `@` stands for an abstract name. */
export function socketAddress(address: string): Buffer {
  const path = address.startsWith("@") ? `\0${address.slice(1)}` : `${address}\0`;
  const family = Buffer.alloc(2);
  family.writeUInt16LE(AF_UNIX);
  return Buffer.concat([family, Buffer.from(path)]);
}
