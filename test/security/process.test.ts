// Keys, policy and audit log as the owner of a box meets them: vscope-server and vscope as processes.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { EXIT_CODES } from "../../src/daemon/exit-codes.ts";
import { vscope } from "../interfaces/cli/spawn-vscope.ts";
import { Program, runProgram } from "../support/program.ts";

describe("security of the programs", { timeout: 240_000 }, () => {
  let folder: string;
  let config: string;
  let keys: string;
  let audit: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "vscope-security-"));
    config = join(folder, "vscope.cfg");
    keys = join(folder, "vscope.keys");
    audit = join(folder, "audit.log");
    await writeFile(
      config,
      `[coap]\naddress = 127.0.0.1\nport = 0\ntls_port = 0\n[datadir]\ndatadir = ${join(folder, "data")}
[hardware]\nusb = emulated\ngpio = emulated
[security]\nloopback = read\nkeys = ${keys}\nstate = ${join(folder, "state")}\naudit_log = ${audit}\n`,
    );
  });
  after(() => rm(folder, { recursive: true }));

  const serve = async (): Promise<{ program: Program; url: string }> => {
    const program = new Program(["-s", config]);
    const { port }: { port: number } = JSON.parse(await program.line("CoAP server listens"));
    await program.line("is ready");
    return { program, url: `coap://127.0.0.1:${port}` };
  };

  test("vscope without a key reads, and is told what it lacks when it wants more", async () => {
    const { program, url } = await serve();
    assert.match(
      program.stdout,
      /"policy":"network","loopback":"read","allow":\[\],"keys":0,"msg":"who may do what"/,
    );
    const read = await vscope(["get", "/shutters/upwelling"], { url });
    assert.deepEqual([read.code, read.out], [0, "closed\n"]);
    const refused = await vscope(["put", "/shutters/upwelling", "open"], { url });
    assert.equal(refused.code, 4);
    assert.match(
      refused.errors,
      /^vscope: .*PUT \/shutters\/upwelling: needs a key with role operate, 127\.0\.0\.1 has read; on the server: vscope key new NAME --role operate, or allow = ADDRESS operate in \[security\]/,
    );
    assert.equal((await vscope(["get", "/shutters/upwelling"], { url })).out, "closed\n");
    assert.equal((await program.stop()).status, 0);
    assert.match(program.stdout, /"audit":true,"peer":"127\.0\.0\.1:\d+",.*"outcome":"4\.01"/);
    assert.match(
      await readFile(audit, "utf8"),
      /"audit":true,.*"path":"\/shutters\/upwelling","outcome":"4\.01"/,
    );
  });

  test("vscope key makes, lists and revokes; a running server takes notice, and nothing shows a secret twice", async () => {
    const { program } = await serve();
    const made = await vscope(["key", "new", "laptop", "-s", config, "--role", "admin"]);
    assert.equal(made.code, 0, made.errors);
    assert.match(made.errors, /^This is the first key: within two seconds .* TLS \(coaps\+tcp\) opens$/m);
    assert.ok(made.out.startsWith(`Key laptop in ${keys}, role admin. `), made.out);
    assert.match(made.out, /\n\nChoose one of these: no two programs may use the same key\.\n\nvscope: /);
    const secret = /coap-client-openssl -u laptop -k ([a-z2-7]{32}) /.exec(made.out)?.[1];
    assert.ok(secret !== undefined, made.out);
    assert.match(
      made.out,
      new RegExp(`^\\{"name":"laptop","id":"[a-z2-7]{7}","serverId":"s","secret":"${secret}","salt":"`, "m"),
    );
    assert.match(made.out, new RegExp(`^master_secret,ascii,"${secret}"$`, "m"));
    assert.match(made.out, new RegExp(`"recipient-id_ascii":"s","secret_ascii":"${secret}"`));
    assert.equal((await stat(keys)).mode & 0o777, 0o600);
    await program.line('"keys":1,"msg":"keys read again"');
    await program.line('"msg":"TLS listens"');
    const json = await vscope(["--json", "key", "new", "office", "-s", config]);
    assert.equal(json.errors, "");
    const office: { name: string; role: string } = JSON.parse(json.out);
    assert.deepEqual([office.name, office.role], ["office", "operate"]);
    await program.line('"keys":2,"msg":"keys read again"');
    assert.equal(
      (await vscope(["key", "revoke", "laptop", "-s", config])).out,
      `key laptop in ${keys}: revoked, within two seconds\n`,
    );
    await program.line('"keys":1,"msg":"keys read again"');
    const list = await vscope(["key", "list", "--file", keys]);
    const [first, ...table] = list.out.split("\n");
    assert.equal(first, `keys in ${keys}`);
    assert.match(
      table.join("\n"),
      /^name +role +id +made +revoked\nlaptop +admin +\w{7} +[\d-]{10} +[\d-]{10}\noffice +operate /,
    );
    assert.ok(!list.out.includes(secret));
    assert.ok(!(await program.stop()).stdout.includes(secret));
  });

  test("a file that root makes belongs to the server's user; where nobody knows who that is, vscope says what to do", async (t) => {
    const file = join(folder, "first.keys");
    const bare = join(folder, "bare.cfg");
    const home = join(folder, "home");
    await writeFile(bare, `[security]\nkeys = ${file}\nstate = ${home}\n`);
    const toDo = `sudo chown vscope ${file}`;
    const said = await vscope(["key", "new", "one", "-s", bare]);
    assert.ok(
      said.errors.startsWith(`${file} was made; the user of the server must own it: ${toDo}\n`),
      said.errors,
    );
    await rm(file);
    const json: { toDo: string } = JSON.parse(
      (await vscope(["--json", "key", "new", "two", "-s", bare])).out,
    );
    assert.equal(json.toDo, toDo);
    await rm(file);
    if (process.getuid?.() !== 0) return t.skip("only root gives files away");
    await mkdir(home);
    await chown(home, 12_345, 12_346);
    assert.doesNotMatch((await vscope(["key", "new", "three", "-s", bare])).errors, /must own it/);
    const { uid, gid, mode } = await stat(file);
    assert.deepEqual([uid, gid, mode & 0o777], [12_345, 12_346, 0o600]);
  });

  test("vscope key says what is wrong", async () => {
    const again = await vscope(["key", "new", "office", "-s", config]);
    assert.deepEqual(
      [again.code, again.errors],
      [1, "vscope: key office: is there already, take another name\n"],
    );
    const bad = await vscope(["key", "new", "a/b", "-s", config]);
    assert.match(bad.errors, /^vscope: key a\/b: a name is 1 to 64 letters/);
    const role = await vscope(["key", "new", "x", "-s", config, "--role", "owner"]);
    assert.equal(role.code, 2, role.errors);
    assert.match(role.errors, /argument 'owner' is invalid. Allowed choices are read, operate, admin/);
    const nobody = await vscope(["key", "revoke", "nobody", "-s", config]);
    assert.match(nobody.errors, /^vscope: key nobody: not in .*vscope\.keys\n/);
    const twice = await vscope(["key", "revoke", "laptop", "-s", config]);
    assert.match(twice.errors, /^vscope: key laptop: was revoked \d{4}-\d\d-\d\d\n/);
    const nowhere = await vscope(["key", "list", "-s", join(folder, "absent.cfg")]);
    assert.match(nowhere.errors, /absent\.cfg: cannot be read: ENOENT/);
    const missing = await vscope(["get", "/sysinfo", "--key", join(folder, "absent.key")]);
    assert.match(missing.errors, /^vscope: .*absent\.key: cannot be read: ENOENT/);
    const open = join(folder, "open.key");
    await writeFile(open, "{}", { mode: 0o644 });
    assert.match(
      (await vscope(["get", "/sysinfo", "--key", open])).errors,
      /others may read this key: chmod 600/,
    );
    await chmod(open, 0o600);
    assert.match(
      (await vscope(["get", "/sysinfo", "--key", open])).errors,
      /not a key, name, id, serverId, secret, salt missing or wrong; expected the line of JSON/,
    );
  });

  test("keys that others can read do not hold, until that is mended; the check fails", async () => {
    await chmod(keys, 0o644);
    const text = /vscope\.keys: mode 0644 lets others read secrets, it must be 0600: chmod 600 /;
    const { status, stderr } = await runProgram("-s", config, "--check");
    assert.equal(status, EXIT_CODES.configuration.code, stderr);
    assert.match(stderr, text);
    const { program } = await serve();
    assert.match(program.stdout, text);
    assert.match(program.stdout, /"keys":0,"msg":"who may do what"/);
    await chmod(keys, 0o600);
    await program.line('"keys":1,"msg":"keys read again"');
    await program.stop();
    const { stdout } = await runProgram("-s", config, "--check");
    assert.match(stdout, /keys +.*vscope\.keys: 1\n/);
  });

  test("SIGHUP begins a new audit log after the old one was renamed", async () => {
    const { program, url } = await serve();
    await rename(audit, `${audit}.1`);
    program.child.kill("SIGHUP");
    await program.line("log reopened");
    await vscope(["put", "/shutters/upwelling", "open"], { url });
    await program.stop();
    assert.ok(existsSync(`${audit}.1`));
    assert.equal((await readFile(audit, "utf8")).trimEnd().split("\n").length, 1);
  });
});
