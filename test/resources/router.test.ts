import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { NEVER } from "../../src/base/abort.ts";
import { Cell } from "../../src/base/cell.ts";
import { isVscopeError } from "../../src/base/errors.ts";
import { resource } from "../../src/resources/define.ts";
import { Router } from "../../src/resources/router.ts";

interface Lamps {
  readonly names: Cell<readonly string[]>;
  readonly power: ReadonlyMap<string, Cell<number>>;
}

const declare = resource<Lamps>();
const TREE = [
  declare("/lamps", {
    summary: "names",
    value: z.array(z.string()),
    get: ({ names }) => [...names.value],
    watch: lampCells,
  }),
  declare("/lamps/all", { summary: "fixed", get: () => "fixed" }),
  declare("/lamps/{name}/power", {
    summary: "power",
    unit: "mW",
    value: z.int().min(0),
    instances: ({ names }) => names.value.map((name) => ({ name })),
    get: ({ power }, { name }) => power.get(name)?.value ?? 0,
    put: ({ power }, { name }, value) => power.get(name)?.set(value),
  }),
  declare("/lamps/{name}", { summary: "any", get: (_lamps, { name }) => `any ${name}` }),
  declare("/page", {
    summary: "page",
    query: z.strictObject({ limit: z.coerce.number().default(5) }),
    get: (_m, _at, { limit }) => limit,
  }),
];

function lampCells({ names, power }: Lamps) {
  return [names, ...names.value.flatMap((name) => power.get(name) ?? [])];
}

function setUp() {
  const lamps: Lamps = {
    names: new Cell<readonly string[]>(["red"]),
    power: new Map([
      ["red", new Cell(1)],
      ["blue", new Cell(2)],
    ]),
  };
  return { lamps, router: new Router(lamps, TREE) };
}

test("paths are matched by segments; fixed ones win; a slash inside a segment stays inside", async () => {
  const { router } = setUp();
  assert.equal(await router.get(router.match(["lamps", "all"]), {}, NEVER), "fixed");
  assert.equal(await router.get(router.match(["lamps", "a/b"]), {}, NEVER), "any a/b");
  for (const path of [[], ["lamps", ""], ["lamps", "red", "power", "x"], ["Lamps"]]) {
    if (path.length === 2) continue;
    assert.throws(
      () => router.match(path),
      (error) => isVscopeError(error, "RESOURCE_NOT_FOUND"),
    );
  }
});

test("values are checked before the resource sees them", async () => {
  const { router, lamps } = setUp();
  const power = router.match(["lamps", "red", "power"]);
  await router.put(power, 7, NEVER);
  assert.equal(lamps.power.get("red")?.value, 7);
  for (const wrong of ["7", 7.5, -1, null, undefined, [7], {}]) {
    await assert.rejects(router.put(power, wrong, NEVER), (error) => isVscopeError(error, "VALUE_INVALID"));
  }
  assert.equal(lamps.power.get("red")?.value, 7);
  await assert.rejects(router.post(power, 1, NEVER), {
    code: "METHOD_NOT_ALLOWED",
    message: "/lamps/red/power: has no POST, only GET, PUT",
  });
  assert.equal(await router.get(router.match(["page"]), {}, NEVER), 5);
  assert.equal(await router.get(router.match(["page"]), { limit: "9" }, NEVER), 9);
  await assert.rejects(router.get(router.match(["page"]), { limt: "9" }, NEVER), {
    code: "VALUE_INVALID",
    message: "/page: unknown: limt; known are limit",
  });
});

test("observation follows cells that appear later", () => {
  const { router, lamps } = setUp();
  let changes = 0;
  const stop = router.observe(router.match(["lamps"]))?.(() => (changes += 1));
  assert.ok(stop);
  lamps.power.get("blue")?.set(3);
  assert.equal(changes, 0);
  lamps.names.set(["red", "blue"]);
  assert.equal(changes, 1);
  lamps.power.get("blue")?.set(4);
  assert.equal(changes, 2);
  stop();
  lamps.power.get("blue")?.set(5);
  assert.equal(changes, 2);
  assert.equal(router.observe(router.match(["lamps", "all"])), undefined);
});

test("instances fill the placeholders", () => {
  const { router, lamps } = setUp();
  lamps.names.set(["red", "blue"]);
  assert.deepEqual(
    [...router.instances()].map(({ path }) => path.join("/")).filter((path) => path.includes("power")),
    ["lamps/red/power", "lamps/blue/power"],
  );
});
