// A program that may open few files: its store of keys looks at a changed file while there is no descriptor left. For
// keys.test.ts, as a process of its own has its own limit.

import { closeSync, openSync } from "node:fs";
import { SECOND } from "../../src/base/clock.ts";
import { logTo } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { addKey } from "../../src/security/key-file.ts";
import { KeyStore } from "../../src/security/key-store.ts";

const [, , file = ""] = process.argv;

function takeAll(): readonly number[] {
  const taken: number[] = [];
  for (;;) {
    try {
      taken.push(openSync("/dev/null", "r"));
    } catch {
      return taken;
    }
  }
}

const clock = new VirtualClock();
let errors = 0;
await addKey(file, { name: "laptop", role: "operate", utcUs: 0 });
const store = new KeyStore(file, {
  clock,
  log: logTo({ write: (line) => void (errors += line.includes("keys cannot be read") ? 1 : 0) }),
});
const names = (): string => store.keys.value.map(({ name }) => name).join(" ") || "none";
const before = names();
await addKey(file, { name: "office", role: "read", utcUs: 0 });
const taken = takeAll();
await clock.advance(10 * SECOND);
const without = `${names()}, ${errors} error`;
for (const descriptor of taken) closeSync(descriptor);
await clock.advance(2 * SECOND);
process.stdout.write(`before ${before}; without ${without}; after ${names()}\n`);
store.close();
