// record, dark, auto and abort as processes: progress, results, failures, and Ctrl-C that reaches the server.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { SETTING_OPTIONS } from "../../../src/interfaces/cli/recording-options.ts";
import { batch } from "../../../src/resources/acquisition.ts";
import { FakeServer } from "../../client/fake-server.ts";
import { vscope } from "./spawn-vscope.ts";

let server: FakeServer;
let url: string;

before(async () => {
  server = await FakeServer.start();
  url = server.url;
});

after(() => server.close());

const OPTIONS = [
  [["record"], "POST /acquisition/record {}"],
  [
    ["record", "-r", "p", "-n", "2", "--auto"],
    'POST /acquisition/record {"run":"p","sequences":2,"autointegrate":0}',
  ],
  [["record", "--auto", "3", "--delay", "0.5"], 'POST /acquisition/record {"autointegrate":3,"delayS":0.5}'],
  [["record", "--target", "70"], 'POST /acquisition/record {"targetPercent":70}'],
  [["dark"], "POST /acquisition/dark {}"],
  [["dark", "-r", "p"], 'POST /acquisition/dark {"run":"p"}'],
  [["auto"], "POST /acquisition/autointegrate {}"],
  [["auto", "--target", "80"], 'POST /acquisition/autointegrate {"targetPercent":80}'],
  [
    ["record", "--interleaved", "--dark", "age", "--dark-max-age", "300", "--retries", "2"],
    'POST /acquisition/record {"order":"interleaved","dark":"age","darkMaxAgeS":300,"retries":2}',
  ],
  [
    ["record", "--stop-on-failure", "--warm-up"],
    'POST /acquisition/record {"onFailure":"stop","warmUp":true}',
  ],
  [["record", "--channels", "upwelling, swir"], 'POST /acquisition/record {"channels":["upwelling","swir"]}'],
  [
    "record --run p --sequences 2 --autointegrate 3 --delay-s 1 --target-percent 70 --order interleaved".split(
      " ",
    ),
    'POST /acquisition/record {"run":"p","sequences":2,"autointegrate":3,"delayS":1,"targetPercent":70,"order":"interleaved"}',
  ],
  [
    "record --number 2 --dark age --dark-max-age-s 300 --on-failure stop --retries 1 --warm-up".split(" "),
    'POST /acquisition/record {"sequences":2,"dark":"age","darkMaxAgeS":300,"onFailure":"stop","retries":1,"warmUp":true}',
  ],
  [["abort"], "POST /acquisition/abort"],
  [["pause"], "POST /acquisition/pause"],
  [["resume"], "POST /acquisition/resume"],
] as const;

for (const [args, change] of OPTIONS) {
  test(`vscope ${args.join(" ")} sends ${change}`, async () => {
    const { code } = await vscope(args, { url });
    assert.equal(code, 0);
    assert.equal(server.changes.at(-1), change);
  });
}

test("every setting of the resource has an option of its name", () => {
  const flags = Object.values(SETTING_OPTIONS).map((make) => make().attributeName());
  assert.deepEqual(flags.sort(), Object.keys(batch.shape).sort());
});

test("progress goes to stderr, the result to stdout", async () => {
  const { code, out, errors } = await vscope(["record", "-r", "plot10", "-n", "3"], { url });
  assert.match(errors, /^record: \d\/3\n/);
  assert.match(errors, /record: 3\/3\n$/);
  assert.match(out, /^record: done, 3 of 3 steps in \d+ s\nrun +plot10\nbatch +3\nfiles +4\n$/);
  assert.equal(code, 0);
});

test("--json prints the final status and nothing else", async () => {
  const { code, out, errors } = await vscope(["record", "-r", "plot10", "-n", "3", "--json"], { url });
  const { state, progress, result } = JSON.parse(out);
  assert.deepEqual(
    { state, progress, result },
    {
      state: "done",
      progress: { done: 3, of: 3 },
      result: { run: "plot10", batch: 3, files: 4 },
    },
  );
  assert.equal(errors, "");
  assert.equal(code, 0);
});

test("a failed operation is 1, with the server's text; --json still prints the status", async () => {
  const failed = await vscope(["record", "-r", "fails"], { url });
  assert.match(failed.out, /^record: failed, 1 of 1 steps/);
  assert.match(failed.errors, /\nvscope: FLMS01859: unplugged\n$/);
  assert.equal(failed.code, 1);
  const json = await vscope(["record", "-r", "fails", "--json"], { url });
  assert.equal(JSON.parse(json.out).error.code, "DEVICE_NOT_CONNECTED");
  assert.equal(json.code, 1);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`${signal} cancels the operation on the server and says so`, async () => {
    let hasKilled = false;
    const { code, out, errors } = await vscope(["record", "-r", "slow", "-n", "9"], {
      url,
      watch: (text, child) => {
        if (!hasKilled && text.includes("record: 1/9")) hasKilled = child.kill(signal);
      },
    });
    const [, id] = /operation (\d+) cancelled on the server, 1 of 9 steps done/.exec(errors) ?? [];
    assert.ok(id !== undefined, errors);
    assert.equal(server.changes.at(-1), `DELETE /acquisition/operations/${id}`);
    assert.match(errors, /\nvscope: interrupted\n$/);
    assert.equal(out, "");
    assert.equal(code, 130);
  });
}

test("an operation that somebody else cancels is 1", async () => {
  let hasCancelled = false;
  const { code, errors } = await vscope(["record", "-r", "slow", "-n", "9"], {
    url,
    watch: (text) => {
      if (hasCancelled || !text.includes("record: 1/9")) return;
      hasCancelled = true;
      const [path] = [...server.values.keys()]
        .filter((key) => key.startsWith("acquisition/operations/"))
        .slice(-1);
      const cell = server.values.get(path ?? "");
      cell?.set({
        ...Object(cell.value),
        state: "cancelled",
        error: { code: "OPERATION_CANCELLED", message: "aborted" },
      });
    },
  });
  assert.match(errors, /vscope: aborted\n$/);
  assert.equal(code, 1);
});
