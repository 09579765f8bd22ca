// gpsd with one receiver, byte for byte as its socket speaks, on the clock of the test: it can lose its sky, fall silent,
// cut the connection, or not be there.

import type { Clock } from "../../base/clock.ts";
import { SECOND } from "../../base/clock.ts";
import { VscopeError } from "../../base/errors.ts";
import type { GpsdAddress, GpsdListener, GpsdNetwork, GpsdStream } from "../../drivers/gpsd/port.ts";

const LATENCY_US = 500;
// A line comes in two pieces now and then, as TCP likes it.
const PIECE_BYTES = 100;

export interface EmulatedFix {
  readonly lat: number;
  readonly lon: number;
  readonly alt?: number;
}

export class EmulatedGpsd implements GpsdNetwork {
  readonly #clock: Clock;
  readonly #connections = new Set<Connection>();
  /** Whether somebody listens. */
  isUp = true;
  /** Nothing is sent, and the connection stays. */
  isSilent = false;
  /** What the receiver knows; undefined without a view of the sky. */
  fix: EmulatedFix | undefined;
  /** Connections made so far. */
  connects = 0;
  /** What clients have sent. */
  readonly asked: string[] = [];

  constructor(clock: Clock, fix?: EmulatedFix) {
    this.#clock = clock;
    this.fix = fix;
  }

  async connect(address: GpsdAddress, listener: GpsdListener, signal: AbortSignal): Promise<GpsdStream> {
    await this.#clock.delay(LATENCY_US, signal);
    if (!this.isUp) {
      const fact = `network ${address.host}:${address.port}: connect ECONNREFUSED`;
      throw new VscopeError("DEVICE_NOT_CONNECTED", fact);
    }
    this.connects += 1;
    const connection = new Connection(this.#clock, listener, {
      lines: () => (this.isSilent ? [] : [tpv(this.fix)]),
      asked: (text) => this.asked.push(text),
      gone: () => this.#connections.delete(connection),
    });
    this.#connections.add(connection);
    return connection;
  }

  /** It ends, or is restarted. */
  cut(): void {
    for (const connection of this.#connections) connection.cut();
  }

  /** Bytes of the caller's to every client. */
  say(text: string): void {
    for (const connection of this.#connections) connection.send(text);
  }
}

interface Gpsd {
  lines(): readonly string[];
  asked(text: string): void;
  gone(): void;
}

class Connection implements GpsdStream {
  readonly #clock: Clock;
  readonly #listener: GpsdListener;
  readonly #gpsd: Gpsd;
  #isOpen = true;
  #cancel = (): void => {};

  constructor(clock: Clock, listener: GpsdListener, gpsd: Gpsd) {
    this.#clock = clock;
    this.#listener = listener;
    this.#gpsd = gpsd;
    this.send('{"class":"VERSION","release":"3.25","rev":"3.25","proto_major":3,"proto_minor":15}\r\n');
  }

  async write(bytes: Uint8Array): Promise<void> {
    const text = Buffer.from(bytes).toString();
    this.#gpsd.asked(text);
    if (!/^\?WATCH=\{.*"enable":true.*\};\n$/.test(text)) return;
    this.send(
      '{"class":"DEVICES","devices":[{"class":"DEVICE","path":"/dev/ttyAMA0","driver":"u-blox"}]}\r\n',
    );
    this.send('{"class":"WATCH","enable":true,"json":true,"nmea":false,"raw":0,"scaled":false}\r\n');
    this.#report();
  }

  destroy(): void {
    this.#isOpen = false;
    this.#cancel();
    this.#gpsd.gone();
  }

  cut(): void {
    this.destroy();
    this.#listener.ended(new VscopeError("DEVICE_NOT_CONNECTED", "gpsd: closed by the device"));
  }

  send(text: string): void {
    for (let at = 0; at < text.length; at += PIECE_BYTES) {
      const piece = Buffer.from(text.slice(at, at + PIECE_BYTES));
      this.#clock.after(LATENCY_US, () => (this.#isOpen ? this.#listener.received(piece) : undefined));
    }
  }

  #report(): void {
    this.#cancel = this.#clock.after(SECOND, () => {
      for (const line of this.#gpsd.lines()) this.send(line);
      this.#report();
    });
  }
}

function tpv(fix: EmulatedFix | undefined): string {
  const time = '"time":"2026-06-21T12:00:00.000Z","ept":0.005';
  const head = '{"class":"TPV","device":"/dev/ttyAMA0"';
  if (fix === undefined) return `${head},"mode":1,${time}}\r\n`;
  const { lat, lon, alt } = fix;
  const height = alt === undefined ? "" : `,"altHAE":${alt + 50},"altMSL":${alt},"alt":${alt}`;
  return `${head},"mode":${alt === undefined ? 2 : 3},${time},"lat":${lat},"lon":${lon}${height},"speed":0.02}\r\n`;
}
