// A file that takes a transcript's lines without making a transfer wait: they are queued and written behind. A disk that
// is too slow or full costs lines, never the measurement; the file says how many.

import { createWriteStream } from "node:fs";
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { LineSink } from "./transcript.ts";

// Some 700 spectra of 4000 pixels.
const QUEUE_BYTES = 16 << 20;
// A transcript that somebody forgot to turn off must not fill the disk.
const FILE_BYTES = 1 << 30;

export interface TranscriptFile {
  readonly sink: LineSink;
  /** Writes what is queued and closes the file. Never rejects. */
  close(): Promise<void>;
}

export interface TranscriptFileOptions {
  readonly path: string;
  readonly log: Log;
  /** Lines beyond this many queued bytes are lost. */
  readonly queueBytes?: number;
  /** The transcript ends after this many bytes. */
  readonly fileBytes?: number;
}

/** Opens a file to append to. A file that cannot be written is logged once; the sink then drops its lines. */
export function openTranscriptFile({
  path,
  log,
  queueBytes = QUEUE_BYTES,
  fileBytes = FILE_BYTES,
}: TranscriptFileOptions): TranscriptFile {
  const stream = createWriteStream(path, { flags: "a" });
  let lost = 0;
  let written = 0;
  let isOver = false;
  stream.on("error", (error) => {
    isOver = true;
    log.error({ file: path, reason: messageOf(error) }, "USB transcript: the file cannot be written");
  });
  const put = (line: string): void => {
    written += line.length + 1;
    stream.write(`${line}\n`);
  };
  const noteLost = (): void => {
    if (lost > 0) put(`# ${lost} lines are lost: the disk is too slow`);
    lost = 0;
  };
  const sink: LineSink = (line) => {
    if (isOver) return;
    if (stream.writableLength > queueBytes) {
      lost += 1;
      return;
    }
    noteLost();
    put(line);
    if (written < fileBytes) return;
    put(`# the end: ${fileBytes} bytes are the limit`);
    isOver = true;
    log.warn({ file: path, fileBytes }, "USB transcript: the file has reached its limit, recording ends");
  };
  const close = (): Promise<void> => {
    if (!isOver) noteLost();
    isOver = true;
    return new Promise((resolve) => {
      if (stream.closed) return resolve();
      stream.once("close", resolve);
      stream.end();
    });
  };
  return { sink, close };
}
