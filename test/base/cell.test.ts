import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { Cell, until } from "../../src/base/cell.ts";

test("listeners are told of changes only, and counted by version", () => {
  const cell = new Cell({ phase: "idle" });
  const seen: string[] = [];
  const stop = cell.subscribe(({ phase }) => seen.push(phase));
  cell.set({ phase: "idle" });
  cell.set({ phase: "light" });
  stop();
  cell.set({ phase: "dark" });
  assert.deepEqual(seen, ["light"]);
  assert.equal(cell.version, 2);
  assert.deepEqual(cell.value, { phase: "dark" });
});

test("a listener that unsubscribes another one while being told does not skip anybody", () => {
  const cell = new Cell(0);
  const seen: string[] = [];
  const stops: (() => void)[] = [];
  stops.push(cell.subscribe(() => stops[1]?.()));
  stops.push(cell.subscribe(() => seen.push("second")));
  cell.subscribe(() => seen.push("third"));
  cell.set(1);
  assert.ok(seen.includes("third"));
  cell.set(2);
  assert.equal(seen.filter((one) => one === "second").length <= 1, true);
});

test("until takes the present value, waits for a later one, and ends with the signal", async () => {
  const cell = new Cell(1);
  assert.equal(await until(cell, (value) => value === 1, NEVER), 1);
  const later = until(cell, (value) => value > 2, NEVER);
  cell.set(2);
  cell.set(3);
  assert.equal(await later, 3);
  const controller = new AbortController();
  const never = until(cell, (value) => value > 100, controller.signal);
  controller.abort(new Error("stop waiting"));
  await assert.rejects(never, /stop waiting/);
});

test("plain data are compared by content, objects with a class by identity", () => {
  class Device {
    readonly #serial: string;
    constructor(serial: string) {
      this.#serial = serial;
    }
    get serial(): string {
      return this.#serial;
    }
  }
  const [first, second] = [new Device("1"), new Device("2")];
  const devices = new Cell<readonly Device[]>([first]);
  devices.set([second]);
  assert.equal(devices.value[0], second);
  const data = new Cell<unknown>({ list: [1, { deep: "x" }], none: undefined });
  data.set({ list: [1, { deep: "x" }], none: undefined });
  assert.equal(data.version, 0);
  for (const other of [
    { list: [1, { deep: "y" }], none: undefined },
    { list: [1, { deep: "x" }] },
    { list: 1 },
    null,
    [],
  ]) {
    const { version } = data;
    data.set(other);
    assert.equal(data.version, version + 1, JSON.stringify(other));
  }
});
