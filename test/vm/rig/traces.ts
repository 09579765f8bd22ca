// The kernel as witness: what happened on the GPIO lines (tracepoint gpio_value), on USB (usbmon) and on the network
// (tracepoints netif_receive_skb, net_dev_xmit), in one clock.
// Nothing of the server is asked, so a mistake in its own time keeping cannot hide.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Machine } from "./machine.ts";

/** A line of the GPIO chip is set. Kernel clock, microseconds. */
export interface LineSet {
  readonly atUs: number;
  /** Number in the kernel's own counting: base of the chip + line. */
  readonly line: number;
  readonly level: number;
}

/** A bulk transfer ends. */
export interface Transfer {
  readonly atUs: number;
  /** When it was submitted. */
  readonly submittedUs: number;
  /** `product` of the device's descriptor. */
  readonly product: string;
  /** Endpoint address, with 0x80 for IN. */
  readonly endpoint: number;
  /** 0, or a negative error number of Linux. */
  readonly status: number;
  readonly bytes: number;
  /** First bytes that an OUT transfer carried, as hexadecimal digits. */
  readonly data: string;
}

/** A packet comes in or leaves. Kernel clock, microseconds. */
export interface Packet {
  readonly atUs: number;
  readonly direction: "in" | "out";
}

/** A moment that the test has marked. */
export interface Mark {
  readonly atUs: number;
  readonly text: string;
}

export interface Witness {
  readonly lines: readonly LineSet[];
  readonly transfers: readonly Transfer[];
  readonly packets: readonly Packet[];
  readonly marks: readonly Mark[];
}

const TRACING = "/sys/kernel/debug/tracing";
const EVENTS = ["gpio/gpio_value", "net/netif_receive_skb", "net/net_dev_xmit"] as const;
const USBMON = "/sys/kernel/debug/usb/usbmon/0u";
const SECOND_US = 1_000_000;

export async function startTraces({ guest }: Machine): Promise<void> {
  await guest.run(`modprobe usbmon
    echo mono >${TRACING}/trace_clock; echo >${TRACING}/trace; ${switchEvents(1)}
    cat ${USBMON} >/run/usb.trace & echo $! >/run/usbmon.pid`);
}

/** Writes a mark into the trace, to find a moment again. */
export async function mark({ guest }: Machine, text: string): Promise<void> {
  await guest.run(`echo '${text}' >${TRACING}/trace_marker`);
}

/** Ends the traces; their texts stay in the folder of logs as kernel.trace and usb.trace. */
export async function endTraces({ guest, share }: Machine): Promise<Witness> {
  await guest.run(`kill $(cat /run/usbmon.pid); cp /run/usb.trace /run/rig/usb.trace
    cat ${TRACING}/trace >/run/rig/kernel.trace; ${switchEvents(0)}
    for device in /sys/bus/usb/devices/*/product; do
      echo "$(cat $(dirname $device)/busnum) $(cat $(dirname $device)/devnum) $(cat $device)"
    done >/run/rig/usb.devices`);
  const read = (name: string): string => readFileSync(join(share, name), "utf8");
  const trace = read("kernel.trace");
  return {
    lines: lineSets(trace),
    transfers: transfers(read("usb.trace"), products(read("usb.devices"))),
    packets: packets(trace),
    marks: marks(trace),
  };
}

function switchEvents(on: 0 | 1): string {
  return EVENTS.map((event) => `echo ${on} >${TRACING}/events/${event}/enable`).join("; ");
}

/** `node-218 [001] ..... 13.610093: gpio_value: 17 set 1` (Documentation/trace/ftrace.rst). */
export function lineSets(trace: string): LineSet[] {
  return [...trace.matchAll(/ (\d+)\.(\d{6}): gpio_value: (\d+) set (\d)/g)].map(
    ([, seconds, us, line, level]) => ({
      atUs: Number(seconds) * SECOND_US + Number(us),
      line: Number(line),
      level: Number(level),
    }),
  );
}

/** `netif_receive_skb: dev=eth0 skbaddr=000000005ff9 len=43`; of the loopback nothing. */
function packets(trace: string): Packet[] {
  return [...trace.matchAll(/ (\d+)\.(\d{6}): (netif_receive_skb|net_dev_xmit): dev=(?!lo )/g)].map(
    ([, seconds, us, event]) => ({
      atUs: Number(seconds) * SECOND_US + Number(us),
      direction: event === "net_dev_xmit" ? "out" : "in",
    }),
  );
}

/** `tracing_mark_write: abort`. */
function marks(trace: string): Mark[] {
  return [...trace.matchAll(/ (\d+)\.(\d{6}): tracing_mark_write: (.*)$/gm)].map(
    ([, seconds, us, text = ""]) => ({ atUs: Number(seconds) * SECOND_US + Number(us), text }),
  );
}

function products(text: string): Map<string, string> {
  const rows = [...text.matchAll(/^(\d+) (\d+) (.*)$/gm)];
  return new Map(rows.map(([, bus, device, product]) => [`${bus}:${Number(device)}`, product ?? ""]));
}

/**
 * `ffff9a1c 13612144 S Bo:1:002:1 -115 1 = 09` and its end `ffff9a1c 13612999 C Bo:1:002:1 0 1 >`
 * (Documentation/usb/usbmon.rst). The time stamps wrap after 4096 s, which no guest lives for.
 */
export function transfers(trace: string, productOf: ReadonlyMap<string, string>): Transfer[] {
  const submitted = new Map<string, { readonly atUs: number; readonly data: string }>();
  const ended: Transfer[] = [];
  const pattern =
    /^(\w+) (\d+) ([SCE]) B([io]):(\d+):(\d+):(\d+) (-?\d+)(?::\d+)* (\d+)(?: = ([0-9a-f ]*))?/gm;
  for (const [
    ,
    tag = "",
    us,
    event,
    direction,
    bus,
    device,
    number,
    status,
    bytes,
    data = "",
  ] of trace.matchAll(pattern)) {
    if (event === "S") {
      submitted.set(tag, { atUs: Number(us), data: data.replaceAll(" ", "") });
      continue;
    }
    const start = submitted.get(tag);
    ended.push({
      atUs: Number(us),
      submittedUs: start?.atUs ?? Number(us),
      product: productOf.get(`${bus}:${Number(device)}`) ?? "",
      endpoint: Number(number) + (direction === "i" ? 0x80 : 0),
      status: Number(status),
      bytes: Number(bytes),
      data: start?.data ?? "",
    });
  }
  return ended;
}
