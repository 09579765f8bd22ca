// The list of all links costs nobody much, though anybody may ask for it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Discovery } from "../../../src/interfaces/coap/discovery.ts";
import { resource } from "../../../src/resources/define.ts";
import { Router } from "../../../src/resources/router.ts";

interface Model {
  names: readonly string[];
}

test("the links are made again when the resources that exist have changed, and only then", () => {
  const lamp = resource<Model>()("/lamps/{name}", {
    summary: "a lamp",
    get: () => 1,
    instances: ({ names }) => names.map((name) => ({ name })),
  });
  const model: Model = { names: ["a"] };
  let made = 0;
  const discovery = new Discovery(new Router(model, [lamp]), (links) => {
    made += 1;
    return Buffer.from(links).toString();
  });
  assert.match(discovery.matching([]), /<\/lamps\/a>/);
  assert.match(discovery.matching([]), /<\/lamps\/a>/);
  assert.equal(made, 1);
  model.names = ["b"];
  assert.match(discovery.matching([]), /<\/lamps\/b>/);
  assert.doesNotMatch(discovery.matching(["href=/lamps*"]), /lamps\/a/);
});
