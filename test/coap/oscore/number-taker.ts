// A program that takes sequence numbers from the file that is named, and prints them, until it is killed.

import { writeSync } from "node:fs";
import { SenderSequence } from "../../../src/coap/oscore/sender-sequence.ts";
import { SequenceFile } from "../../../src/coap/oscore/sequence-file.ts";

const sequence = await SenderSequence.open(new SequenceFile(process.argv[2] ?? "", { utcUs: () => 0 }));
for (;;) {
  const numbers: number[] = [];
  while (numbers.length < 500) numbers.push(await sequence.taken("key"));
  writeSync(1, `${numbers.join("\n")}\n`);
}
