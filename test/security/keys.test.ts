import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, mkdtemp, readdir, readFile, rm, stat, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { isVscopeError } from "../../src/base/errors.ts";
import { logTo, SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { isRevoked, type Key, newKey, parseKeys, printKeys } from "../../src/security/key.ts";
import { addKey, readKeyFile, revokeKey } from "../../src/security/key-file.ts";
import { KeyStore } from "../../src/security/key-store.ts";

const UTC_US = Date.UTC(2026, 5, 21) * 1000;
let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "vscope-keys-"));
  file = join(folder, "vscope.keys");
});
afterEach(() => rm(folder, { recursive: true }));

const make = (name: string, role: Key["role"] = "operate"): Promise<Key> =>
  addKey(file, { name, role, utcUs: UTC_US });

test("a key has a secret that no other has, which every client takes as text", () => {
  const keys = Array.from({ length: 200 }, (_, index) => newKey(`k${index}`, "read", UTC_US));
  for (const { id, secret, salt, created } of keys) {
    assert.match(id, /^[a-z2-7]{7}$/);
    assert.match(secret, /^[a-z2-7]{32}$/);
    assert.match(salt, /^[\da-f]{16}$/);
    assert.equal(created, "2026-06-21T00:00:00.000000Z");
  }
  assert.equal(new Set(keys.map(({ secret }) => secret)).size, keys.length);
  assert.equal(new Set(keys.map(({ salt }) => salt)).size, keys.length);
  const characters = new Set(keys.flatMap(({ secret }) => secret.split("")));
  assert.equal(characters.size, 32, "the whole alphabet is used");
});

test("a file that is not there has no keys; the first key makes it, for its owner only", async () => {
  assert.deepEqual(readKeyFile(file), []);
  const key = await make("laptop");
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.deepEqual(readKeyFile(file), [key]);
  assert.deepEqual(await readdir(folder), ["vscope.keys"], "nothing else is left");
});

test("keys are added in order; a name is taken for good, also after the key is revoked", async () => {
  const laptop = await make("laptop");
  const office = await make("office", "admin");
  assert.deepEqual(readKeyFile(file), [laptop, office]);
  await assert.rejects(make("laptop"), (error) => isVscopeError(error, "STATE_CONFLICT"));
  await revokeKey(file, "laptop", UTC_US + 86_400_000_000);
  await assert.rejects(make("laptop"), /key laptop: was revoked 2026-06-22, take another name/);
  await assert.rejects(revokeKey(file, "laptop", UTC_US), {
    code: "STATE_CONFLICT",
    message: "key laptop: was revoked 2026-06-22",
  });
  await assert.rejects(revokeKey(file, "nobody", UTC_US), {
    code: "RESOURCE_NOT_FOUND",
    message: `key nobody: not in ${file}`,
  });
  const [old, kept] = readKeyFile(file);
  assert.ok(old !== undefined && isRevoked(old));
  assert.deepEqual(kept, office);
  assert.doesNotMatch(await readFile(file, "utf8"), new RegExp(laptop.secret), "the secret is gone");
});

test("names that would be no file name, log word or argument are refused", async () => {
  for (const name of ["", "../x", "a b", "-x", ".x", "ä", "a/b", "a\n", "x".repeat(65)])
    await assert.rejects(make(name), (error) => isVscopeError(error, "VALUE_INVALID"), JSON.stringify(name));
});

test("a file that others can read is refused, whoever asks, and says what mends it", async () => {
  await make("laptop");
  for (const mode of [0o640, 0o604, 0o660, 0o602, 0o610]) {
    await chmod(file, mode);
    const text = `vscope.keys: mode 0${mode.toString(8)} lets others read secrets, it must be 0600: chmod 600 `;
    for (const attempt of [
      async () => readKeyFile(file),
      () => make("other"),
      () => revokeKey(file, "laptop", 0),
    ])
      await assert.rejects(
        attempt,
        (error) => isVscopeError(error, "CONFIG_INVALID") && error.message.includes(text),
      );
  }
  await chmod(file, 0o400);
  assert.equal(readKeyFile(file).length, 1);
});

test("a change that another program has begun is not overtaken", async () => {
  await make("laptop");
  await writeFile(`${file}.part`, "half a", { mode: 0o600 });
  await assert.rejects(
    make("office"),
    /another program changes it; if none does, remove .*vscope\.keys\.part/,
  );
  assert.equal(readKeyFile(file).length, 1);
  assert.equal(await readFile(`${file}.part`, "utf8"), "half a");
  await unlink(`${file}.part`);
  await make("office");
});

test("of many that make keys at once none loses another's", async () => {
  const names = Array.from({ length: 20 }, (_, index) => `k${index}`);
  const outcomes = await Promise.allSettled(names.map((name) => make(name)));
  const made = names.filter((_, index) => outcomes[index]?.status === "fulfilled");
  assert.ok(made.length > 0);
  assert.deepEqual(
    readKeyFile(file)
      .map(({ name }) => name)
      .toSorted(),
    made.toSorted(),
  );
});

test("a line that is no key is named by its number, without what it says", () => {
  const good = newKey("good", "read", UTC_US);
  const wrong = [
    "nonsense secretsecretsecret",
    JSON.stringify({ ...good, name: "other", id: "other", role: "owner" }),
    JSON.stringify({ ...good, name: "other", id: "other", secret: "short-secret" }),
    JSON.stringify({ ...good, name: "other", id: "longerthan7" }),
    JSON.stringify({ ...good, name: "other", id: "other", extra: 1 }),
    JSON.stringify(good),
    JSON.stringify({ ...good, name: "other" }),
    "[]",
    "null",
  ];
  for (const line of wrong) {
    const text = `# keys\n${printKeys([good])}\n${line}\n`;
    assert.throws(
      () => parseKeys(text, "f.keys"),
      (error) => {
        assert.ok(isVscopeError(error, "CONFIG_INVALID"), line);
        assert.match(error.message, /^f\.keys:4: (not a key|the name or id)/, line);
        assert.doesNotMatch(error.message, /secretsecret|short-secret/);
        assert.ok(!error.message.includes(good.secret));
        return true;
      },
    );
  }
});

test("a running store sees new and revoked keys within two seconds, and keeps those that are the same", async () => {
  const clock = new VirtualClock();
  const laptop = await make("laptop");
  const store = new KeyStore(file, { clock, log: SILENT });
  const before = store.named("laptop");
  assert.deepEqual(before, laptop);
  const office = await make("office", "admin");
  await clock.advance(2_000_000);
  assert.deepEqual(store.named("office"), office);
  await revokeKey(file, "laptop", UTC_US);
  await clock.advance(2_000_000);
  assert.equal(store.named("laptop"), undefined);
  assert.deepEqual(store.keys.value, [office]);
  store.close();
  assert.equal(clock.pending, 0);
});

test("a file that becomes unusable lets nobody in until it is mended", async () => {
  const lines: string[] = [];
  const clock = new VirtualClock();
  await make("laptop");
  const store = new KeyStore(file, { clock, log: logTo({ write: (line) => void lines.push(line) }) });
  for (const spoil of [() => chmod(file, 0o644), () => writeFile(file, "nonsense\n"), () => unlink(file)]) {
    const text = await readFile(file, "utf8");
    await spoil();
    await clock.advance(10_000_000);
    assert.deepEqual(store.keys.value, []);
    await rm(file, { force: true });
    await writeFile(file, text, { mode: 0o600 });
    await clock.advance(10_000_000);
    assert.equal(store.keys.value.length, 1);
  }
  const errors = lines.filter((line) => line.includes("keys cannot be read"));
  assert.equal(errors.length, 2, "one line each time, not one for each look");
  assert.match(errors[0] ?? "", /lets others read secrets/);
  store.close();
});

test("a file that could not be read for want of descriptors is read when there are some again", () => {
  const script = fileURLToPath(new URL("few-descriptors.js", import.meta.url));
  const { stdout, stderr } = spawnSync(
    "sh",
    ["-c", 'ulimit -n 128 && exec "$0" "$@"', process.execPath, script, file],
    { encoding: "utf8", timeout: 30_000 },
  );
  assert.deepEqual([stdout, stderr], ["before laptop; without none, 1 error; after laptop office\n", ""]);
});

test("a folder in place of the file is called one", async () => {
  assert.throws(() => readKeyFile(tmpdir()), { code: "CONFIG_INVALID", message: /: is a folder/ });
});

test("a store begins without keys when others can read the file, says so, and takes them once that is mended", async () => {
  const lines: string[] = [];
  const clock = new VirtualClock();
  await make("laptop");
  await chmod(file, 0o644);
  const store = new KeyStore(file, { clock, log: logTo({ write: (line) => void lines.push(line) }) });
  assert.deepEqual(store.keys.value, []);
  assert.match(lines.join(""), /mode 0644 lets others.*keys cannot be read, none holds/);
  await chmod(file, 0o600);
  await clock.advance(2_000_000);
  assert.equal(store.keys.value.length, 1);
  store.close();
});

test("keys are read again at once when somebody asks", async () => {
  await make("laptop");
  const store = new KeyStore(file, { clock: new VirtualClock(), log: SILENT });
  await make("office");
  assert.equal(store.keys.value.length, 1);
  store.readAgain();
  assert.equal(store.keys.value.length, 2);
  store.close();
});
