// What chrony and systemd print, and what the server makes of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { SECOND } from "../../../src/base/clock.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import type { Programs } from "../../../src/drivers/clock/port.ts";
import { PROGRAMS } from "../../../src/drivers/clock/programs.ts";
import { readClock, timedatectlOf, trackingOf } from "../../../src/drivers/clock/reading.ts";

const UTC_US = 1_780_000_100 * SECOND;
const TRACKING =
  "C37E8A8C,ntp.example,2,1780000091.250000000,-0.000120000,0.000011,0.000020,-12.3,0.001,0.02,0.011000000,0.001200000,64.2,Normal";
const UNSYNCHRONISED =
  "00000000,,0,0.000000000,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,1.000000000,1.000000000,0.0,Not synchronised";
const SHOWN =
  "Timezone=UTC\nLocalRTC=no\nCanNTP=yes\nNTP=yes\nNTPSynchronized=yes\nTimeUSec=Thu 2026-05-28\n";

test("chrony: the error is the offset, the root dispersion and half the root delay", () => {
  assert.deepEqual(trackingOf(`${TRACKING}\n`, UTC_US), {
    isSynchronised: true,
    source: "chrony",
    reference: "ntp.example",
    errorUs: 120 + 1200 + 5500,
    ageS: 9,
  });
});

test("chrony: no source, or the computer's own clock, is no synchronisation", () => {
  const off = { isSynchronised: false, source: "chrony" } as const;
  assert.deepEqual(trackingOf(UNSYNCHRONISED, UTC_US), off);
  assert.deepEqual(trackingOf(TRACKING.replace("C37E8A8C", "7F7F0101"), UTC_US), off);
});

test("chrony: anything else tells nothing", () => {
  for (const text of ["", "506 Cannot talk to daemon", TRACKING.replace("-0.00012", "x"), `${TRACKING},1`])
    assert.equal(trackingOf(text, UTC_US), undefined, text);
});

test("systemd: yes, no, or nothing", () => {
  assert.deepEqual(timedatectlOf(SHOWN), { isSynchronised: true, source: "timedatectl" });
  assert.deepEqual(timedatectlOf("NTPSynchronized=no\n"), { isSynchronised: false, source: "timedatectl" });
  assert.equal(timedatectlOf("Timezone=UTC\n"), undefined);
});

function double(answers: Readonly<Record<string, string>>): Programs & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    run: async (program, args) => {
      asked.push([program, ...args].join(" "));
      const answer = answers[program];
      if (answer === undefined) throw new Error(`spawn ${program} ENOENT`);
      return answer;
    },
  };
}

test("chrony is asked first, systemd when it does not tell; neither installed is unknown", async () => {
  const clock = new VirtualClock(UTC_US);
  const read = (programs: Programs) => clock.run(readClock(programs, clock, NEVER));
  const both = double({ chronyc: TRACKING, timedatectl: SHOWN });
  assert.equal((await read(both))?.source, "chrony");
  assert.deepEqual(both.asked, ["chronyc -c tracking"]);
  const systemd = double({ timedatectl: SHOWN });
  assert.equal((await read(systemd))?.source, "timedatectl");
  assert.deepEqual(systemd.asked, ["chronyc -c tracking", "timedatectl show"]);
  assert.equal(await read(double({})), undefined);
});

test("a program that hangs is given up after 5 s, and ended", async () => {
  const clock = new VirtualClock(UTC_US);
  const ended: string[] = [];
  const hanging: Programs = {
    run: (program, _args, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          ended.push(program);
          reject(signal.reason);
        });
      }),
  };
  const startUs = clock.nowUs();
  assert.equal(await clock.run(readClock(hanging, clock, NEVER)), undefined);
  assert.deepEqual(ended, ["chronyc", "timedatectl"]);
  assert.equal(clock.nowUs() - startUs, 10 * SECOND);
  assert.equal(clock.pending, 0);
});

test("the real port gives what a program prints, and rejects what is missing, fails or is aborted", async () => {
  const node = process.execPath;
  assert.equal(await PROGRAMS.run(node, ["-p", "process.env.LC_ALL"], NEVER), "C\n");
  await assert.rejects(PROGRAMS.run("no-such-program", [], NEVER), /ENOENT/);
  await assert.rejects(PROGRAMS.run(node, ["-e", "process.exit(3)"], NEVER));
  await assert.rejects(PROGRAMS.run(node, ["-e", "setTimeout(() => {}, 1e6)"], AbortSignal.timeout(50)));
});
