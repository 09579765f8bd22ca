// The OOI protocol: one command byte with arguments, no framing, most commands without an answer.
// Short answers come on one pipe, spectra on another. Only bytes here: meaning and policy are in ooi-driver.ts.

import { all } from "../../base/abort.ts";
import { MS, SECOND } from "../../base/clock.ts";
import { isVscopeError } from "../../base/errors.ts";
import { frameBytes, SYNC_BYTE } from "./decode.ts";
import { SLOT_BYTES } from "./eeprom.ts";
import type { Link, Wait } from "./link.ts";
import type { SpectrometerModel } from "./model.ts";

const INITIALISE = 0x01;
const SET_INTEGRATION_TIME = 0x02;
const SET_LAMP = 0x03;
const READ_SLOT = 0x05;
const WRITE_SLOT = 0x06;
const REQUEST_SPECTRUM = 0x09;
const SET_TRIGGER = 0x0a;
const SET_LED = 0x12;
const WRITE_REGISTER = 0x6a;
const READ_REGISTER = 0x6b;
const READ_BOARD_TEMPERATURE = 0x6c;
const READ_IRRADIANCE = 0x6d;
const WRITE_IRRADIANCE = 0x6e;
const SET_FAN = 0x70;
const SET_TEC = 0x71;
const READ_TEC_TEMPERATURE = 0x72;
const SET_TEC_SETPOINT = 0x73;
const STATUS = 0xfe;

const STATUS_BYTES = 16;
/** Bytes that one command reads from or writes to the memory of the irradiance calibration. */
export const IRRADIANCE_BYTES = 60;
// The device needs this long after a register was written (vendor's data sheets).
const REGISTER_PAUSE_US = 100;
// The EEPROM is busy for this long after a write (libseabreeze waits so between blocks of the irradiance calibration).
const MEMORY_PAUSE_US = 200 * MS;

// All short answers (2 to 60 bytes) end in a short packet; less than a packet could overflow.
const ANSWER_BUFFER_BYTES = 64;
const ANSWER_DEADLINE_US = SECOND;
const SLOT_DEADLINE_US = 500 * MS;

// A late answer of a question that is given up comes within this.
const SILENCE_US = 20 * MS;

// A stray sync byte in a packet of its own is left over from an aborted read. More than a few are something else.
const MAX_ORPHANS = 4;

export class Ooi {
  readonly link: Link;
  readonly model: SpectrometerModel;

  constructor(link: Link, model: SpectrometerModel) {
    this.link = link;
    this.model = model;
  }

  /** The pipes on which stale bytes may wait. */
  get inputs(): readonly number[] {
    const { answer, spectrum } = this.model.endpoints;
    return [answer, spectrum, ...(this.#first === undefined ? [] : [this.#first.endpoint])];
  }

  /** Resets trigger mode and, as far as known, a pending request. */
  initialise(signal: AbortSignal): Promise<void> {
    return this.send([INITIALISE], signal);
  }

  setIntegrationTimeUs(us: number, signal: AbortSignal): Promise<void> {
    return this.send(this.#integrationTimeCommand(us), signal);
  }

  setTrigger(number: number, signal: AbortSignal): Promise<void> {
    return this.send([SET_TRIGGER, number & 0xff, number >> 8], signal);
  }

  requestSpectrum(signal: AbortSignal): Promise<void> {
    return this.send([REQUEST_SPECTRUM], signal);
  }

  /**
   * Reads the bytes of one spectrum. The caller posts this before it asks, so that no packet waits for a buffer.
   * `us` may be infinite.
   * Throws DEVICE_PROTOCOL when there are too few or too many, also for a frame that nobody wants: what is left in the
   * device would come with the next request, and every later frame one request too late.
   */
  async readSpectrum(us: number, signal: AbortSignal): Promise<Uint8Array> {
    const bytes = await this.#readPieces({ us, what: "spectrum" }, signal);
    const expected = frameBytes(this.model.frame);
    if (bytes.length === expected) return bytes;
    throw this.link.protocolError(`spectrum of ${bytes.length} bytes instead of ${expected}`);
  }

  /** The 15 bytes of an EEPROM slot. */
  async readSlot(slot: number, signal: AbortSignal): Promise<Uint8Array> {
    const fits = ([command, echo]: Uint8Array): boolean => command === READ_SLOT && echo === slot;
    const question = { us: SLOT_DEADLINE_US, what: `EEPROM slot ${slot}`, bytes: 2 + SLOT_BYTES, fits };
    return (await this.#ask([READ_SLOT, slot], question, signal)).slice(2);
  }

  /** Writes a slot and waits until the memory is ready again. There is no answer: read it back. */
  async writeSlot(slot: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    await this.send([WRITE_SLOT, slot, ...bytes], signal);
    await this.link.clock.delay(MEMORY_PAUSE_US, signal);
  }

  /** A register of the FPGA. The echo byte differs by firmware: ignored. */
  async readRegister(register: number, signal: AbortSignal): Promise<number> {
    const question = { us: SLOT_DEADLINE_US, what: `register ${register}`, bytes: 3 };
    return view(await this.#ask([READ_REGISTER, register], question, signal)).getUint16(1, true);
  }

  async writeRegister(register: number, value: number, signal: AbortSignal): Promise<void> {
    await this.send([WRITE_REGISTER, register, value & 0xff, value >> 8], signal);
    await this.link.clock.delay(REGISTER_PAUSE_US, signal);
  }

  /** The 16 bytes of the status of FPGA families; their meaning is in ooi-controls.ts. */
  readStatus(signal: AbortSignal): Promise<Uint8Array> {
    return this.#ask([STATUS], { us: ANSWER_DEADLINE_US, what: "status", bytes: STATUS_BYTES }, signal);
  }

  /** Integration time in force as the status tells it, in microseconds. */
  async readStatusIntegrationTimeUs(signal: AbortSignal): Promise<number> {
    return view(await this.readStatus(signal)).getUint32(2, true);
  }

  /** The first `bytes` bytes of the memory with the irradiance calibration. */
  async readIrradiance(bytes: number, signal: AbortSignal): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (let address = 0; address < bytes; address += IRRADIANCE_BYTES)
      parts.push(await this.readIrradianceBlock(address, signal));
    return Buffer.concat(parts).subarray(0, bytes);
  }

  /** The block of 60 bytes that begins at `address`. */
  readIrradianceBlock(address: number, signal: AbortSignal): Promise<Uint8Array> {
    const question = { us: SLOT_DEADLINE_US, what: "irradiance calibration", bytes: IRRADIANCE_BYTES };
    return this.#ask([READ_IRRADIANCE, address & 0xff, address >> 8], question, signal);
  }

  /** Writes a block of 60 bytes and waits until the memory is ready again. There is no answer: read it back. */
  async writeIrradianceBlock(address: number, block: Uint8Array, signal: AbortSignal): Promise<void> {
    await this.send([WRITE_IRRADIANCE, address & 0xff, address >> 8, ...block], signal);
    await this.link.clock.delay(MEMORY_PAUSE_US, signal);
  }

  /** Detector temperature in degrees Celsius, from tenths. */
  async readTecTemperatureC(signal: AbortSignal): Promise<number> {
    const question = { us: ANSWER_DEADLINE_US, what: "detector temperature", bytes: 2 };
    return view(await this.#ask([READ_TEC_TEMPERATURE], question, signal)).getInt16(0, true) / 10;
  }

  /** Board temperature in degrees Celsius: a status byte, then 0.003906 degrees a count (Flame manual). */
  async readBoardTemperatureC(signal: AbortSignal): Promise<number> {
    const question = { us: ANSWER_DEADLINE_US, what: "board temperature", bytes: 3 };
    const celsius =
      view(await this.#ask([READ_BOARD_TEMPERATURE], question, signal)).getInt16(1, true) * 0.003906;
    return Math.round(celsius * 1000) / 1000;
  }

  /** The Lamp Enable line, which also gates the strobes. */
  setLampEnabled(enabled: boolean, signal: AbortSignal): Promise<void> {
    return this.send([SET_LAMP, enabled ? 1 : 0, 0], signal);
  }

  setLed(on: boolean, signal: AbortSignal): Promise<void> {
    return this.send([SET_LED, on ? 1 : 0], signal);
  }

  setTecEnabled(enabled: boolean, signal: AbortSignal): Promise<void> {
    return this.send([SET_TEC, enabled ? 1 : 0, 0], signal);
  }

  setFanEnabled(enabled: boolean, signal: AbortSignal): Promise<void> {
    return this.send([SET_FAN, enabled ? 1 : 0, 0], signal);
  }

  setTecSetpointC(celsius: number, signal: AbortSignal): Promise<void> {
    const tenths = Math.round(celsius * 10) & 0xffff;
    return this.send([SET_TEC_SETPOINT, tenths & 0xff, tenths >> 8], signal);
  }

  send(bytes: readonly number[], signal: AbortSignal): Promise<void> {
    return this.link.write(this.model.endpoints.out, Uint8Array.from(bytes), signal);
  }

  #integrationTimeCommand(us: number): readonly number[] {
    const { base, wireBytes } = this.model.integrationTimeUs;
    const value = Math.floor(us / base);
    const bytes = Array.from({ length: wireBytes }, (_, index) => Math.floor(value / 256 ** index) % 256);
    return [SET_INTEGRATION_TIME, ...bytes];
  }

  // At full speed everything comes on the one spectrum pipe.
  get #first(): { readonly endpoint: number; readonly bytes: number } | undefined {
    return this.link.transport.speed === "high" ? this.model.endpoints.spectrumFirst : undefined;
  }

  async #readPieces(wait: Wait, signal: AbortSignal): Promise<Uint8Array> {
    const total = frameBytes(this.model.frame);
    const first = this.#first;
    if (first === undefined) return this.#readSpectrumPipe(total, wait, signal);
    const parts = await all(
      [
        (inner) => this.link.read(first.endpoint, first.bytes, wait, inner),
        (inner) => this.#readSpectrumPipe(total - first.bytes, wait, inner),
      ],
      signal,
    );
    return Buffer.concat(parts);
  }

  async #readSpectrumPipe(bytes: number, wait: Wait, signal: AbortSignal): Promise<Uint8Array> {
    return this.link.within(wait, signal, async (inner) => {
      for (let orphans = 0; orphans < MAX_ORPHANS; orphans++) {
        const length = this.link.bufferBytes(bytes);
        const answer = await this.link.transport.read(this.model.endpoints.spectrum, length, inner);
        if (!(this.model.frame.hasSyncByte && answer.length === 1 && answer[0] === SYNC_BYTE)) return answer;
        this.link.log.warn({}, `${this.link.subject}: dropped a stray sync byte`);
      }
      throw this.link.protocolError(`${MAX_ORPHANS} stray sync bytes instead of a spectrum`);
    });
  }

  // A disturbed question would cost a calibration for as long as the device stays open; asking again costs nothing.
  async #ask(command: readonly number[], question: Question, signal: AbortSignal): Promise<Uint8Array> {
    try {
      return await this.#askOnce(command, question, signal);
    } catch (error) {
      if (signal.aborted || !isVscopeError(error, "DEVICE_PROTOCOL", "DEVICE_TIMEOUT")) throw error;
      this.link.log.warn({ reason: error.message }, `${this.link.subject}: asks again`);
      await this.link.clearHalts(this.model.endpoints);
      await this.link.drain([this.model.endpoints.answer], SILENCE_US, signal);
      return await this.#askOnce(command, question, signal);
    }
  }

  // There is no sequence number: an answer that does not fit is a late one to an earlier question, and is dropped.
  async #askOnce(command: readonly number[], question: Question, signal: AbortSignal): Promise<Uint8Array> {
    const { us, what, bytes, fits = () => true } = question;
    await this.send(command, signal);
    let unfit: number | undefined;
    try {
      return await this.link.within({ us, what }, signal, async (inner) => {
        for (;;) {
          const answer = await this.link.transport.read(
            this.model.endpoints.answer,
            ANSWER_BUFFER_BYTES,
            inner,
          );
          if (answer.length === bytes && fits(answer)) return answer;
          unfit = answer.length;
        }
      });
    } catch (error) {
      if (unfit === undefined || !isVscopeError(error, "DEVICE_TIMEOUT")) throw error;
      throw this.link.protocolError(`wrong answer of ${unfit} bytes instead of the ${bytes} of the ${what}`);
    }
  }
}

interface Question extends Wait {
  /** Length of the answer. */
  readonly bytes: number;
  readonly fits?: (answer: Uint8Array) => boolean;
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
