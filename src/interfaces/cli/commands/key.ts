// vscope key: the keys of the server on this computer. Works on its file, so it needs no server, but the right to write.

import { existsSync } from "node:fs";
import { type Command, Option } from "commander";
import { printClientKey } from "../../../client/client-key.ts";
import { DEFAULT_SERVER_CONFIG, readServerConfig, type ServerConfig } from "../../../config/server-config.ts";
import { isRevoked, isValid, KEY_ROLES, type Key, type KeyEntry, SERVER_ID } from "../../../security/key.ts";
import { addKey, readKeyFile, revokeKey } from "../../../security/key-file.ts";
import { ownerOf } from "../../../security/private-file.ts";
import { command, type CommandTexts } from "../help.ts";
import type { Session } from "../session.ts";
import { renderTable } from "../table.ts";

const DEFAULT_CONFIG = "/etc/vscope.cfg";

interface FileFlags {
  readonly serverConfig?: string;
  readonly file?: string;
}

export function keyCommand(session: Session): Command {
  const group = command({
    name: "key",
    summary: "make, list and revoke the keys of the server on this computer",
    details: "a running server sees the change within two seconds",
    examples: [
      "sudo vscope key new field-laptop --role operate",
      "sudo vscope key list",
      "sudo vscope key list -s /srv/mast/vscope.cfg",
      "sudo vscope key revoke field-laptop",
    ],
  });
  for (const make of [newCommand, listCommand, revokeCommand]) group.addCommand(make(session));
  return group;
}

function newCommand(session: Session): Command {
  const role = new Option("--role <role>", "what its holder may do").choices(KEY_ROLES).default("operate");
  return keyFileCommand({
    name: "new",
    summary: "make a key and print, once, what its holder needs",
    details:
      "role read may see values and files, operate also move and record, admin also set the clock, mount and configure",
    examples: ["sudo vscope key new field-laptop", "sudo vscope key new owner --role admin"],
  })
    .argument("<name>", "whose it is; the audit log has this name")
    .addOption(role)
    .action(async (name: string, flags: FileFlags & { readonly role: Key["role"] }) => {
      const file = await keyFile(flags);
      const isNewFile = !existsSync(file);
      const isFirst = !readKeyFile(file).some(isValid);
      const server = await serverUser(flags);
      const fileOwner = process.getuid?.() === 0 ? server : undefined;
      const key = await addKey(file, { name, role: flags.role, utcUs: session.clock.utcUs(), fileOwner });
      const isForeign = isNewFile && (server === undefined || (await ownerOf(file))?.uid !== server.uid);
      const toDo = isForeign ? `sudo chown ${server?.uid ?? "vscope"} ${file}` : undefined;
      if (toDo !== undefined) session.say(`${file} was made; the user of the server must own it: ${toDo}`);
      if (isFirst)
        session.say(
          "This is the first key: within two seconds OSCORE works and the port of TLS (coaps+tcp) opens",
        );
      // All that --key FILE needs, and more that it ignores.
      session.print({ ...key, serverId: SERVER_ID, toDo }, () => handout(key, file));
    });
}

function listCommand(session: Session): Command {
  return keyFileCommand({
    name: "list",
    summary: "list names and roles, no secrets",
    examples: ["sudo vscope key list", "sudo vscope key list -s /srv/mast/vscope.cfg"],
  }).action(async (flags: FileFlags) => {
    const file = await keyFile(flags);
    const entries = readKeyFile(file).map(withoutSecret);
    session.print(entries, () =>
      entries.length === 0 ? `no keys in ${file}` : `keys in ${file}\n${listText(entries)}`,
    );
  });
}

function revokeCommand(session: Session): Command {
  return keyFileCommand({
    name: "revoke",
    summary: "let a key hold no longer",
    details: "a running server refuses it within two seconds; its name is not given again",
    examples: ["sudo vscope key revoke field-laptop"],
  })
    .argument("<name>", "as it is listed")
    .action(async (name: string, flags: FileFlags) => {
      const file = await keyFile(flags);
      await revokeKey(file, name, session.clock.utcUs());
      session.print({ name, revoked: true }, () => `key ${name} in ${file}: revoked, within two seconds`);
    });
}

function keyFileCommand(texts: CommandTexts): Command {
  return command(texts)
    .option("-s, --server-config <file>", `server configuration, names the file (default: ${DEFAULT_CONFIG})`)
    .option("--file <file>", "file of the keys, whatever the configuration says");
}

async function keyFile({ serverConfig, file }: FileFlags): Promise<string> {
  return file ?? (await security(serverConfig)).keys;
}

/** Whose the server's folder of state is, hence the server; undefined where that cannot be known. */
async function serverUser({ serverConfig, file }: FileFlags): ReturnType<typeof ownerOf> {
  if (file !== undefined && serverConfig === undefined) return undefined;
  return await ownerOf((await security(serverConfig)).state);
}

// Without -s a missing /etc/vscope.cfg means "all defaults", as for the server.
async function security(named: string | undefined): Promise<ServerConfig["security"]> {
  if (named === undefined && !existsSync(DEFAULT_CONFIG)) return DEFAULT_SERVER_CONFIG.security;
  return (await readServerConfig(named ?? DEFAULT_CONFIG)).config.security;
}

function withoutSecret(entry: KeyEntry) {
  const { name, role, id, created } = entry;
  return { name, role, id, created, ...(isRevoked(entry) ? { revoked: entry.revoked } : {}) };
}

function listText(entries: readonly ReturnType<typeof withoutSecret>[]): string {
  const headings = ["name", "role", "id", "made", "revoked"];
  const rows = entries.map(({ name, role, id, created, revoked }) => [
    name,
    role,
    id,
    day(created),
    day(revoked),
  ]);
  return renderTable(
    headings.map((heading) => ({ heading })),
    rows,
  );
}

function day(iso: string | undefined): string {
  return iso === undefined ? "" : iso.slice(0, 10);
}

/** What the holder of a key needs, for every kind of client. */
function handout(key: Key, file: string): string {
  const { name, id, secret, salt, role } = key;
  const settings = {
    "sender-id_ascii": id,
    "recipient-id_ascii": SERVER_ID,
    secret_ascii: secret,
    salt_hex: salt,
  };
  const credentials = { "coap://SERVER/*": { oscore: { basedir: `${name}/` } } };
  return `Key ${name} in ${file}, role ${role}. This is shown once; whoever has it is ${name}.

Choose one of these: no two programs may use the same key.

vscope: save as ${name}.key with mode 0600, that is (umask 077; cat > ${name}.key) and paste, then vscope --key ${name}.key or VSCOPE_KEY=${name}.key
${printClientKey({ ...key, serverId: SERVER_ID })}

libcoap, TLS, with the program that Debian has: coap-client-openssl -u ${name} -k ${secret} coaps+tcp://SERVER/sysinfo

libcoap, OSCORE (4.3.2 or newer): save as ${name}.oscore, then coap-client-openssl -E ${name}.oscore,${name}.seq coap://SERVER/sysinfo
master_secret,ascii,"${secret}"
master_salt,hex,"${salt}"
sender_id,ascii,"${id}"
recipient_id,ascii,"${SERVER_ID}"

aiocoap, OSCORE: save as ${name}/settings.json
${JSON.stringify(settings)}
and in the file that aiocoap-client --credentials names
${JSON.stringify(credentials)}
`;
}
