import type { LoadedConfig } from "../../config/load.ts";
import type { ResolvedConfig } from "../../config/types.ts";
import type { Secret } from "../../shared/secret.ts";
import type { Command, CommandContext, FlagSpec } from "../command.ts";
import { ownerFor } from "../deploy/owner.ts";
import { outDir, secretsFolder } from "../deploy/paths.ts";
import { secretsProblems } from "../../render/deployed/secrets.ts";
import { liveSteps } from "../deploy/secret-steps.ts";
import { changeServerKey, listServerKeys, removeServerKey } from "../deploy/server-key-actions.ts";
import { hasServerKeys, RIGHTS_FLAGS } from "../deploy/server-keys.ts";
import { looseModes, openSecretStore, type SecretKind, type SecretStore } from "../deploy/secret-store.ts";
import { loadCliConfig } from "../load-config.ts";
import { paintFor, table, writeJson } from "../output.ts";
import { STATE_FLAGS } from "../state.ts";
import { readSecretInput } from "../secret-input.ts";
import { UsageError } from "../usage.ts";

const dir: FlagSpec = {
  type: "string",
  value: "DIR",
  describe: "folder of the secrets; default: where the configured deployment reads them",
};
const json: FlagSpec = { type: "boolean", describe: "answer JSON" };
const positionals = "user|key NAME";
const choices = ["user", "key"];

export const command: Command = {
  summary: "Manage users and API keys",
  topic: "set-up",
  rank: 3,
  help:
    `Users and, with deploy.auth.kind: keys, API keys are checked by the proxy: passwords are kept as bcrypt hashes, keys as they are, in files of mode 0600.\n` +
    `With auth.keys: required the server checks the keys: only hashes are kept, in store.dir, and a change counts within a second, on open connections too.\n` +
    `A new value is shown only once, when it is created.`,
  subcommands: {
    create: {
      summary: "Create a user or a key and show its value once",
      positionals,
      choices,
      flags: {
        dir,
        json,
        ...STATE_FLAGS,
        ...RIGHTS_FLAGS,
        "password-stdin": {
          type: "boolean",
          describe: "read the user's password from standard input instead of generating one",
        },
      },
      run: (context) => change(context, "create"),
    },
    rotate: {
      summary: "Give a user or a key a new value",
      positionals,
      choices,
      flags: {
        dir,
        json,
        ...STATE_FLAGS,
        "password-stdin": {
          type: "boolean",
          describe: "read the user's password from standard input instead of generating one",
        },
        "keep-old": { type: "boolean", describe: "keys: the old value stays valid as NAME-old until it is deleted" },
      },
      run: (context) => change(context, "rotate"),
    },
    delete: {
      summary: "Delete a user or a key",
      positionals,
      choices,
      flags: { dir, json, ...STATE_FLAGS },
      run: remove,
    },
    list: { summary: "List names and ages, never values", flags: { dir, json, ...STATE_FLAGS }, run: list },
  },
};

// ---

async function change(context: CommandContext, action: "create" | "rotate"): Promise<number> {
  const { flags } = context;
  const [kind, name] = subject(context, action);
  if (flags["password-stdin"] === true && kind === "key")
    throw new UsageError(["--password-stdin is for users; a key is always made"], ["secrets", action]);
  if (flags["keep-old"] === true && kind === "user")
    throw new UsageError(["--keep-old is for keys; a user has one password"], ["secrets", action]);
  const loaded = await loadCliConfig(context, { quiet: true });
  if (kind === "key" && hasServerKeys(loaded)) return changeServerKey(loaded, context, action, name);
  const misplaced = Object.keys(RIGHTS_FLAGS).filter((flag) => flags[flag] !== undefined);
  if (misplaced.length > 0)
    throw new UsageError(
      [`--${misplaced[0]} is for keys that the server checks: set auth.keys: required`],
      ["secrets", action],
    );
  const { config, store, folder } = await open(loaded, context);
  const exists = store.list().some((secret) => secret.kind === kind && secret.name === name);
  if (exists !== (action === "rotate")) {
    throw new UsageError(
      [
        exists
          ? `${kind} ${name} already exists. To change its value: gigastt secrets rotate ${kind} ${name}`
          : `${kind} ${name} does not exist. To create it: gigastt secrets create ${kind} ${name}`,
      ],
      ["secrets", action],
    );
  }
  const given = flags["password-stdin"] === true ? await readSecretInput(context, `Password of ${name}: `) : undefined;
  const value: Secret =
    kind === "user"
      ? await store.setUser(name, given)
      : await store.setKey(name, { keepOld: flags["keep-old"] === true });
  await store.save();
  const steps = liveSteps(config, kind, folder);
  if (flags["json"] === true) {
    writeJson(context.stdout, {
      ok: true,
      kind,
      name,
      ...(given === undefined ? { value: value.reveal() } : {}),
      dir: folder,
      next: steps,
    });
    return 0;
  }
  if (given === undefined) {
    context.stdout.write(`${value.reveal()}\n`);
    context.stderr.write(
      `This is the ${kind === "user" ? `password of ${name}` : `key ${name}; send it as: Authorization: Bearer …`}. It is not shown again.\n`,
    );
  }
  context.stderr.write(nextText(steps));
  return 0;
}

async function remove(context: CommandContext): Promise<number> {
  const [kind, name] = subject(context, "delete");
  const loaded = await loadCliConfig(context, { quiet: true });
  if (kind === "key" && hasServerKeys(loaded)) return removeServerKey(loaded, context, name);
  const { config, store, folder } = await open(loaded, context);
  if (!store.remove(kind, name))
    throw new UsageError([`${kind} ${name} does not exist; see: gigastt secrets list`], ["secrets", "delete"]);
  await store.save();
  const steps = liveSteps(config, kind, folder);
  if (context.flags["json"] === true) writeJson(context.stdout, { ok: true, kind, name, next: steps });
  else context.stderr.write(`${name} keeps access until the proxy reloads.\n${nextText(steps)}`);
  return 0;
}

async function list(context: CommandContext): Promise<number> {
  const loaded = await loadCliConfig(context, { quiet: true });
  if (hasServerKeys(loaded)) return listServerKeys(loaded, context);
  const { config, store, folder, deployDir } = await open(loaded, context);
  const secrets = store.list();
  const loose = await looseModes(folder);
  const given = context.flags["dir"] !== undefined;
  const problems = given ? [] : await secretsProblems({ config, deployDir, now: new Date() });
  if (context.flags["json"] === true) {
    writeJson(context.stdout, {
      dir: folder,
      secrets,
      looseModes: loose,
      problems: problems.map(({ place, severity, message, cure }) => ({ file: place, severity, message, cure })),
    });
    return 0;
  }
  const paint = paintFor(context.stdout, context);
  if (secrets.length === 0)
    context.stderr.write(`${folder} contains no secrets. Create one: gigastt secrets create user NAME\n`);
  else
    context.stdout.write(
      `${table([[paint.dim("kind"), paint.dim("name"), paint.dim("since")], ...secrets.map(({ kind, name, createdAt }) => [kind, name, createdAt.slice(0, 10)])])}\n`,
    );
  for (const { message, cure } of problems) context.stderr.write(`${message}.\n  ${cure}\n`);
  for (const path of loose)
    context.stderr.write(
      `${path} is open to other users. Close it: chmod ${path === folder ? "700" : "600"} ${path}\n`,
    );
  return 0;
}

async function open(
  loaded: LoadedConfig,
  context: CommandContext,
): Promise<{ config: ResolvedConfig; store: SecretStore; folder: string; deployDir: string }> {
  const folder = secretsFolder(loaded, context.cwd, context.flags["dir"]);
  const owner = await ownerFor(loaded.config, process.getuid?.());
  const deployDir = outDir(loaded, context.cwd, undefined);
  return {
    config: loaded.config,
    folder,
    deployDir,
    store: await openSecretStore(folder, { now: () => new Date(), owner }),
  };
}

function subject({ positionals: words }: CommandContext, action: string): readonly [SecretKind, string] {
  const [kind, name, ...rest] = words;
  if ((kind !== "user" && kind !== "key") || name === undefined || rest.length > 0) {
    throw new UsageError(
      [`missing argument: gigastt secrets ${action} user NAME, or: gigastt secrets ${action} key NAME`],
      ["secrets", action],
    );
  }
  return [kind, name];
}

function nextText(steps: readonly string[]): string {
  return steps.length === 0 ? "" : `To apply the change:\n${steps.map((step) => `  ${step}\n`).join("")}`;
}
