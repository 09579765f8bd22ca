// The host's side of a transcript: sends its writes to a device and compares what comes with its reads. So a device, ours
// or any, can be asked exactly what another program asks. `..` in a write is 00, in a read any byte.

import assert from "node:assert/strict";
import { NEVER, withDeadline } from "../../src/base/abort.ts";
import { type Clock, SECOND } from "../../src/base/clock.ts";
import { VscopeError } from "../../src/base/errors.ts";
import type { UsbTransport } from "../../src/drivers/usb/port.ts";
import { bytesText, type Macros, parseTranscript, type TranscriptLine } from "./transcript-text.ts";

export interface Conversation {
  readonly transport: UsbTransport;
  readonly clock: Clock;
  readonly transcript: string;
  readonly macros?: Macros;
}

const ANSWER_US = SECOND;
// A host asks for whole packets: less than a packet would overflow (protocol reference, 4.3).
const SMALLEST_PACKET_BYTES = 64;

/** Plays a transcript against a device and returns what was read, line by line. Throws where an answer does not fit. */
export async function playHost({
  transport,
  clock,
  transcript,
  macros = {},
}: Conversation): Promise<Uint8Array[]> {
  const answers: Uint8Array[] = [];
  for (const line of parseTranscript(transcript, { macros })) {
    assert.ok(line.kind === "write" || line.kind === "read", `${line.text} is no transfer`);
    if (line.time?.isRelative === true) await clock.delay(line.time.us, NEVER);
    if (line.kind === "write") {
      await transport.write(
        line.endpoint,
        Uint8Array.from(line.bytes, (byte) => byte ?? 0),
        NEVER,
      );
    } else {
      answers.push(await answer(line, transport, clock));
    }
  }
  return answers;
}

async function answer(line: TranscriptLine, transport: UsbTransport, clock: Clock): Promise<Uint8Array> {
  const { bytes: pattern, endpoint } = line;
  const room = Math.ceil(pattern.length / SMALLEST_PACKET_BYTES) * SMALLEST_PACKET_BYTES;
  const late = (): Error =>
    new VscopeError("DEVICE_TIMEOUT", `transcript line ${line.number}:  ${line.text}\n no answer came`);
  const bytes = await withDeadline({ clock, us: ANSWER_US, late }, NEVER, (inner) =>
    transport.read(endpoint, room, inner),
  );
  const fits =
    bytes.length === pattern.length && pattern.every((byte, at) => byte === undefined || byte === bytes[at]);
  const expected = `transcript line ${line.number}:  ${line.text}\n           =  ${bytesText(pattern)}`;
  assert.ok(fits, `${expected}\n     but got:  ${bytesText(bytes)}`);
  return bytes;
}
