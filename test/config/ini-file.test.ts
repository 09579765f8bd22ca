import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type IniSection, readIni } from "../../src/config/ini-file.ts";

// The tree is made of objects without a prototype.
function plain(section: IniSection): unknown {
  return JSON.parse(JSON.stringify(section));
}

test("nested and dotted headings make the same tree", () => {
  const nested = readIni("[a]\nx = 1\n  [[b]]\n  y = 2, 3\n    [[[c.d]]]\n    z = true\n[e]\n");
  const dotted = readIni("[a]\nx = 1\n[a.b]\ny = 2, 3\n[a.b.c\\.d]\nz = true\n[e]\n");
  const expected = { a: { x: "1", b: { y: ["2", "3"], "c.d": { z: "true" } } }, e: {} };
  assert.deepEqual(plain(nested.root), expected);
  assert.deepEqual(plain(dotted.root), expected);
  assert.deepEqual(nested.mistakes, []);
  assert.deepEqual(dotted.mistakes, []);
});

test("a nested heading inside a dotted one, and back to the outer level", () => {
  const { root, mistakes } = readIni("[a.b]\n[[c]]\nk = 1\n[[d]]\nk = 2\n[f]\nk = 3");
  assert.deepEqual(plain(root), { a: { b: { c: { k: "1" }, d: { k: "2" } } }, f: { k: "3" } });
  assert.deepEqual(mistakes, []);
});

test("keys know their lines; what is not written has its parent's", () => {
  const { lineOf } = readIni("top = 1\r\n\r\n[a] # comment\r\n  [[b]]\r\n  # comment\r\n  k = v\r\n");
  assert.equal(lineOf(["top"]), 1);
  assert.equal(lineOf(["a"]), 3);
  assert.equal(lineOf(["a", "b", "k"]), 6);
  assert.equal(lineOf(["a", "b", "other"]), 4);
  assert.equal(lineOf(["z"]), 0);
});

test("texts that ini would take for something else stay texts", () => {
  const { root } = readIni('a = null\nb = true\nc = "x;y"\nd = [e]\nf = a\\nb\ng = "#fff"');
  assert.deepEqual(plain(root), { a: "null", b: "true", c: "x;y", d: "[e]", f: "a\\nb", g: "#fff" });
});

test("a byte order mark and a last line without an end are read", () => {
  assert.deepEqual(plain(readIni("\uFEFF[a]\nk = v").root), { a: { k: "v" } });
});

const MISTAKES: readonly (readonly [string, string, number, RegExp])[] = [
  ["brackets that do not match", "[a]\n[[b]\n", 2, /brackets do not match/],
  ["nesting that skips a level", "[a]\n[[[b]]]\n", 2, /nested 3 deep inside a section 1 deep/],
  ["nesting outside any section", "[[b]]\n", 1, /nested 2 deep inside a section 0 deep/],
  ["an empty name", "[]\n", 1, /cannot be a name/],
  ["a name that JavaScript reserves", "[__proto__]\n", 1, /cannot be a name/],
  ["a key that JavaScript reserves", "__proto__ = 1\n", 1, /cannot be a key/],
  ["a name with a bracket", "[a]\n[[b]c]]\n", 2, /cannot be a name/],
  ["a line of neither kind", "[a]\nport 5683\n", 2, /'port 5683' is neither \[section\] nor key = value/],
  ["a key with a blank", "a b = 1\n", 1, /'a b' cannot be a key/],
  ["an array of ini's own", "a[] = 1\n", 1, /cannot be a key/],
  ["a key given twice", "[a]\nk = 1\n\nk = 2\n", 4, /a\.k is given twice, here and in line 2/],
  ["a section given twice", "[a]\n[b]\n[a]\n", 3, /a is given twice, here and in line 1/],
  ["a nested section given twice", "[a]\n[[b]]\n[[b]]\n", 3, /a\.b is given twice, here and in line 2/],
  ["a section inside a key", "[a]\nb = 1\n[a.b.c]\n", 3, /a\.b\.c is inside a\.b, which is a key/],
  [
    "a key where a section stands",
    "[a.b.c]\n[a]\nb = 1\n",
    3,
    /a\.b is a key, but there is a section of that name/,
  ],
  ["an open quote", "[a]\nk = 'v\n", 2, /quote that is not closed/],
];

for (const [name, text, line, expected] of MISTAKES) {
  test(`mistake: ${name}`, () => {
    const { mistakes } = readIni(text);
    assert.equal(mistakes.length, 1, JSON.stringify(mistakes));
    assert.equal(mistakes[0]?.line, line);
    assert.match(mistakes[0]?.text ?? "", expected);
  });
}

test("keys below a faulty heading are not taken for the section before", () => {
  assert.deepEqual(plain(readIni("[a]\n[[b]\nk = 1\n[c]\nk = 2").root), { a: {}, c: { k: "2" } });
});

test("any tree written with nested headings is read back", () => {
  const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_.]{0,8}$/).filter((text) => !text.endsWith("."));
  const key = fc.stringMatching(/^k[a-z0-9_]{0,8}$/);
  const value = fc.string().filter((text) => !/["\r\n]/.test(text));
  type Tree = { keys: Record<string, string>; sections: Record<string, Tree> };
  const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
    tree: fc.record({
      keys: fc.dictionary(key, value, { maxKeys: 3 }),
      sections: fc.dictionary(
        name.map((text) => `S${text}`),
        fc.oneof({ maxDepth: 3 }, fc.constant({ keys: {}, sections: {} }), tie("tree")),
        { maxKeys: 3 },
      ),
    }),
  }));
  const write = ({ keys, sections }: Tree, depth: number): string =>
    Object.entries(keys)
      .map(([k, v]) => `${"  ".repeat(depth)}${k} = "${v}" # c\n`)
      .join("") +
    Object.entries(sections)
      // A dot at depth 1 would be nesting.
      .map(
        ([n, s]) =>
          `${"[".repeat(depth + 1)}${depth === 0 ? n.replaceAll(".", "\\.") : n}${"]".repeat(depth + 1)}\n${write(s, depth + 1)}`,
      )
      .join("");
  const content = ({ keys, sections }: Tree): unknown => ({
    ...keys,
    ...Object.fromEntries(Object.entries(sections).map(([n, s]) => [n, content(s)])),
  });
  fc.assert(
    fc.property(tree, (given) => {
      const { root, mistakes } = readIni(write(given, 0));
      assert.deepEqual(mistakes, []);
      assert.deepEqual(plain(root), JSON.parse(JSON.stringify(content(given))));
    }),
  );
});
