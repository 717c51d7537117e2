import { randomBytes } from "node:crypto";
import { chmod, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { hash } from "bcryptjs";
import { GigasttError, messageOf } from "../../shared/errors.ts";
import { Secret } from "../../shared/secret.ts";
import { makeFolderDurably, writeFileAtomic } from "../../shared/files.ts";
import { give } from "./owner.ts";
import type { User } from "../../render/deployed/reader.ts";

export type SecretKind = "user" | "key";

/** What may be shown of a secret. */
export interface SecretInfo {
  readonly kind: SecretKind;
  readonly name: string;
  readonly createdAt: string;
}

/** The secrets of one deployment: one source file and the four files that the proxies read, all 0600 in a folder of 0700. */
export interface SecretStore {
  list(): readonly SecretInfo[];
  /** Adds or replaces a user. Returns the password: generated when none is given. */
  setUser(name: string, password?: string): Promise<Secret>;
  /** Adds or replaces a key. With `keepOld` the old value stays valid as `NAME-old`. */
  setKey(name: string, options?: { readonly keepOld?: boolean }): Promise<Secret>;
  /** True when there was one. */
  remove(kind: SecretKind, name: string): boolean;
  /** Writes every file. */
  save(): Promise<void>;
}

/** bcrypt cost of generated passwords (120 random bits: the hash is not what protects them) and of chosen ones. nginx pays it on every request. */
export const BCRYPT_COST = { generated: 6, chosen: 10 } as const;

/** Opens the folder; it need not exist yet. */
export async function openSecretStore(
  dir: string,
  options: { readonly now: () => Date; readonly owner?: User | undefined },
): Promise<SecretStore> {
  const state = await load(join(dir, STORE));
  const now = (): string => options.now().toISOString();
  return {
    list: () => [
      ...state.users.map(({ name, createdAt }) => ({ kind: "user" as const, name, createdAt })),
      ...state.keys.map(({ name, createdAt }) => ({ kind: "key" as const, name, createdAt })),
    ],
    setUser: async (name, given) => {
      checkName(name);
      if (given !== undefined) checkPassword(given);
      const password = given ?? generatePassword();
      const cost = given === undefined ? BCRYPT_COST.generated : BCRYPT_COST.chosen;
      const user = { name, hash: await hash(password, cost), createdAt: now() };
      state.users = [...state.users.filter((other) => other.name !== name), user].sort(byName);
      return new Secret(password);
    },
    setKey: async (name, { keepOld = false } = {}) => {
      checkName(name);
      const old = state.keys.find((other) => other.name === name);
      // Hexadecimal: nginx compares map keys without case.
      const key = { name, key: `gst_${randomBytes(32).toString("hex")}`, createdAt: now() };
      const kept = keepOld && old !== undefined ? [{ ...old, name: `${name}-old` }] : [];
      const others = state.keys.filter(
        (other) => other.name !== name && !kept.some((copy) => copy.name === other.name),
      );
      state.keys = [...others, ...kept, key].sort(byName);
      return new Secret(key.key);
    },
    remove: (kind, name) => {
      const before = state.users.length + state.keys.length;
      if (kind === "user") state.users = state.users.filter((other) => other.name !== name);
      else state.keys = state.keys.filter((other) => other.name !== name);
      return state.users.length + state.keys.length < before;
    },
    save: async () => {
      await makeFolderDurably(dir, 0o700);
      await chmod(dir, 0o700);
      const files: Readonly<Record<string, string>> = {
        [STORE]: `${JSON.stringify({ version: 1, ...state }, null, 2)}\n`,
        "users.htpasswd": state.users.map((user) => `${user.name}:${user.hash}\n`).join(""),
        "users.caddy": state.users.map((user) => `${user.name} ${user.hash}\n`).join(""),
        "keys.map": state.keys.map(({ key, name }) => `"Bearer ${key}" ${name};\n`).join(""),
        "keys.caddy": state.keys.map(({ key, name }) => `"Bearer ${key}" ${name}\n`).join(""),
        "users.haproxy": `userlist gigastt\n${state.users.map((user) => `user ${user.name} password ${user.hash}\n`).join("")}`,
        "keys.haproxy": state.keys.map(({ key, name }) => `# ${name}\nBearer ${key}\n`).join(""),
        ".gitignore": "*\n",
      };
      for (const [name, text] of Object.entries(files))
        await writeFileAtomic(join(dir, name), text, { mode: 0o600, makeFolder: true });
      await give([dir, ...Object.keys(files).map((name) => join(dir, name))], options.owner);
    },
  };
}

/** The rule for names of users and keys. */
export const SECRET_NAME_RULE = "a name has 1 to 63 letters, digits, dots, dashes and underscores";

/** True for a name that every proxy's file can hold; nginx maps know four words of their own. */
export function isSecretName(name: string): boolean {
  return (
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name) && !["default", "hostnames", "volatile", "include"].includes(name)
  );
}

/** Files of a folder that other users can read; empty when all is well or there is no folder. */
export async function looseModes(dir: string): Promise<readonly string[]> {
  const loose: string[] = [];
  for (const name of ["", STORE, ...ACCESS_FILES]) {
    const path = join(dir, name);
    const info = await stat(path).catch(() => undefined);
    if (info !== undefined && (info.mode & 0o077) !== 0) loose.push(path);
  }
  return loose;
}

// ---

const STORE = "secrets.json";
const ACCESS_FILES = ["users.htpasswd", "users.caddy", "users.haproxy", "keys.map", "keys.caddy", "keys.haproxy"];

interface State {
  users: readonly { readonly name: string; readonly hash: string; readonly createdAt: string }[];
  keys: readonly { readonly name: string; readonly key: string; readonly createdAt: string }[];
}

async function load(path: string): Promise<State> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return { users: [], keys: [] };
    throw new GigasttError(
      "GST_SECRETS",
      `${path} cannot be read: ${messageOf(error)}. Run the command as the user who owns it.`,
      { cause: error },
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (!isState(value))
    throw new GigasttError(
      "GST_SECRETS",
      `${path} is not a secrets file of this version. Restore it from a backup, or remove it and create the secrets again.`,
    );
  return { users: value.users, keys: value.keys };
}

function isState(value: unknown): value is State {
  if (
    typeof value !== "object" ||
    value === null ||
    !("users" in value) ||
    !("keys" in value) ||
    !("version" in value) ||
    value.version !== 1
  )
    return false;
  const hasTexts = (list: unknown, fields: readonly string[]): boolean =>
    Array.isArray(list) &&
    list.every(
      (item: unknown) =>
        typeof item === "object" &&
        item !== null &&
        fields.every((field) => field in item && typeof (item as Record<string, unknown>)[field] === "string"),
    ); // an object: just checked
  return hasTexts(value.users, ["name", "hash", "createdAt"]) && hasTexts(value.keys, ["name", "key", "createdAt"]);
}

/** Names stand in files of three formats without quotes. */
function checkName(name: string): void {
  if (isSecretName(name)) return;
  throw new GigasttError("GST_SECRETS", `${SECRET_NAME_RULE}, got ${JSON.stringify(name)}. For example: anna`, {
    exitCode: 2,
  });
}

/** bcrypt reads 72 bytes and stops at a zero byte: what lies behind would not count. */
function checkPassword(password: string): void {
  const bytes = Buffer.byteLength(password);
  if (bytes < 12 || bytes > 72 || password.includes("\0")) {
    throw new GigasttError(
      "GST_SECRETS",
      `a password has 12 to 72 bytes, got ${bytes}. Leave it out to generate one.`,
      { exitCode: 2 },
    );
  }
}

/** 24 characters of an alphabet without look-alikes: 120 bits. */
function generatePassword(): string {
  const alphabet = "abcdefghijkmnpqrstuvwxyz23456789";
  return [...randomBytes(24)].map((byte) => alphabet[byte % alphabet.length]).join("");
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}
