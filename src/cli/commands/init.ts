import { readFile, rm, stat } from "node:fs/promises";
import { userInfo } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { loadConfig, type LoadedConfig } from "../../config/load.ts";
import type { ComposeOverlay } from "../../config/types.ts";
import { renderFiles, targetsOf } from "../../render/render.ts";
import { writeAtomically, writeFiles } from "../../render/write.ts";
import { editYaml } from "../../render/yaml.ts";
import { installationRoot } from "../../shared/entry.ts";
import { GigasttError } from "../../shared/errors.ts";
import { readVersion } from "../../shared/version.ts";
import type { Command, CommandContext } from "../command.ts";
import { changesOf, objections, suggest, type Answers } from "../deploy/init/answers.ts";
import { detectMachine, isPortFree, whereLeads, type Machine } from "../deploy/init/detect.ts";
import { nextSteps } from "../deploy/init/next-steps.ts";
import { ownerFor } from "../deploy/owner.ts";
import { secretsFolder } from "../deploy/paths.ts";
import { openSecretStore } from "../deploy/secret-store.ts";
import { paintFor, table, writeJson } from "../output.ts";
import { UsageError } from "../usage.ts";

export const command: Command = {
  summary: "Set up a deployment, question by question or by flags",
  flags: {
    yes: { type: "boolean", short: "y", describe: "ask nothing: flags and suggestions decide" },
    target: {
      type: "string",
      value: "WHERE",
      choices: ["host", "compose", "kubernetes"],
      describe: "where it will run",
    },
    domain: { type: "string", value: "NAME", describe: "public host name" },
    proxy: { type: "string", value: "KIND", choices: ["none", "caddy", "nginx"], describe: "proxy in front" },
    tls: {
      type: "string",
      value: "MODE",
      choices: ["acme", "internal", "files", "none"],
      describe: "source of the certificate",
    },
    email: { type: "string", value: "ADDRESS", describe: "contact for Let's Encrypt" },
    auth: {
      type: "string",
      value: "KIND",
      choices: ["none", "basic", "keys", "forward", "mtls"],
      describe: "who may use it",
    },
    "forward-url": { type: "string", value: "URL", describe: "authentication service, for --auth forward" },
    name: { type: "string", value: "NAME", describe: "first user or key to make" },
    overlay: {
      type: "string",
      value: "NAME",
      multiple: true,
      choices: ["build", "edge", "redis"],
      describe: "extra compose overlay",
    },
    out: {
      type: "string",
      short: "o",
      value: "DIR",
      describe: "folder of the rendered files; default: deploy/ beside the configuration",
    },
    force: { type: "boolean", describe: "also overwrite rendered files that were edited by hand" },
    json: { type: "boolean", describe: "answer JSON; needs --yes" },
  },
  help: `Looks at the machine, writes gigastt.config.yaml (comments of an existing one are kept), renders the files, makes the first secret and prints the next commands. Running it again updates.

  gigastt init
  gigastt init --yes --target compose --domain stt.example.com --proxy caddy --auth basic --name anna
`,
  run: init,
};

// ---

async function init(context: CommandContext): Promise<number> {
  const { flags, stdout, stderr } = context;
  if (flags["json"] === true && flags["yes"] !== true)
    throw new UsageError(["--json needs --yes: nobody reads the questions"], ["init"]);
  const machine = await detectMachine(userInfo().uid);
  const suggested = withFlags(suggest(machine), context);
  let answers = suggested;
  if (flags["yes"] !== true) {
    if (!("isTTY" in context.stdin) || context.stdin.isTTY !== true) {
      throw new UsageError(
        ["there is no terminal to ask on; decide by flags: gigastt init --yes --target … --domain …"],
        ["init"],
      );
    }
    const { askAnswers } = await import("../deploy/init/ask.ts");
    const asked = await askAnswers(suggested, machine);
    if (asked === undefined) return 1;
    answers = asked;
  }
  const against = objections(answers);
  if (against.length > 0) throw new UsageError(against, ["init"]);

  const configFile = resolve(
    context.cwd,
    typeof flags["config"] === "string" ? flags["config"] : "gigastt.config.yaml",
  );
  const before = await readText(configFile);
  const text = newConfigText(before, answers, machine);
  // Validated as a whole before anything is written; a broken file of the user's stays as it is.
  const { config, hash } = await validate(text, configFile, context);
  const out =
    typeof flags["out"] === "string" ? resolve(context.cwd, flags["out"]) : join(dirname(configFile), "deploy");
  const files = renderFiles(config, targetsOf(config), { toolVersion: readVersion(), configHash: hash });
  const states = await writeFiles(out, files, { force: flags["force"] === true });
  if (text !== before) await writeAtomically(configFile, text, 0o644);
  await ignoreSecrets(dirname(configFile));
  const secret = await firstSecret(context, answers, { config, path: configFile }, machine);
  const steps = nextSteps(config, machine, {
    program: programName(context.cwd),
    configFile: shown(configFile, context.cwd),
    out: shown(out, context.cwd),
  });
  const remarks = await remarksOn(
    answers,
    machine,
    config.deploy.httpPort,
    config.deploy.httpsPort,
    config.server.port,
  );

  if (flags["json"] === true) {
    writeJson(stdout, {
      ok: true,
      configFile,
      out,
      machine,
      files: states.map(({ file, state }) => ({ path: file.path, state })),
      secret,
      remarks,
      next: steps,
    });
    return 0;
  }
  const paint = paintFor(stdout, context);
  stdout.write(
    `${table([[before === undefined ? "new" : text === before ? "unchanged" : "updated", shown(configFile, context.cwd)], ...states.map(({ file, state }) => [state === "same" ? "unchanged" : state === "new" ? "new" : "updated", join(shown(out, context.cwd), file.path)])])}\n`,
  );
  if (secret !== undefined)
    stdout.write(
      `\n${secret.kind === "user" ? `Password of ${secret.name}` : `Key ${secret.name}`}, shown only now: ${paint.bold(secret.value)}\n`,
    );
  for (const remark of remarks) stderr.write(`${paint.yellow("!")} ${remark}\n`);
  stdout.write(`\nNext:\n${steps.map((step) => `  ${step.startsWith("#") ? paint.dim(step) : step}\n`).join("")}`);
  return 0;
}

function withFlags(base: Answers, { flags }: CommandContext): Answers {
  const text = (name: string): string | undefined => (typeof flags[name] === "string" ? flags[name] : undefined);
  const chosen = {
    domain: text("domain") ?? base.domain,
    email: text("email"),
    forwardUrl: text("forward-url"),
    firstName: text("name"),
  };
  // The choices of the flags are these types' words: the parser has refused others.
  const target = (text("target") ?? base.target) as Answers["target"];
  const proxy = (text("proxy") ??
    (target === "kubernetes" ? "none" : target === "compose" ? "caddy" : base.proxy)) as Answers["proxy"];
  const tls = (text("tls") ??
    (chosen.domain === undefined
      ? "none"
      : proxy === "none" && target !== "kubernetes"
        ? "none"
        : "acme")) as Answers["tls"];
  const auth = (text("auth") ?? base.auth) as Answers["auth"];
  const overlays = (Array.isArray(flags["overlay"]) ? flags["overlay"] : base.overlays) as readonly ComposeOverlay[];
  return { ...chosen, target, proxy, tls, auth, overlays };
}

function newConfigText(before: string | undefined, answers: Answers, machine: Machine): string {
  const changes = changesOf(answers, machine).map(([key, value]) => [key.split("."), value] as const);
  if (before !== undefined && before.trim() !== "") {
    try {
      return editYaml(before, changes);
    } catch {
      throw new GigasttError(
        "GST_CONFIG",
        "gigastt.config.yaml cannot be read as YAML. See `gigastt config check`, mend it, and run init again.",
        { exitCode: 2 },
      );
    }
  }
  return `# yaml-language-server: $schema=./gigastt.schema.json
# Written by gigastt init. Every key and its meaning: gigastt config explain, or gigastt config print --commented.
# After a change: gigastt config check, then gigastt render.
${editYaml("", changes)}`;
}

async function validate(text: string, configFile: string, context: CommandContext): Promise<LoadedConfig> {
  const draft = join(dirname(configFile), `.gigastt.config.draft.yaml`);
  await writeAtomically(draft, text, 0o600);
  try {
    return await loadConfig({ file: draft, env: {}, cwd: context.cwd });
  } finally {
    await rm(draft, { force: true });
  }
}

async function firstSecret(
  context: CommandContext,
  answers: Answers,
  loaded: Pick<LoadedConfig, "config" | "path">,
  machine: Machine,
): Promise<{ kind: "user" | "key"; name: string; value: string } | undefined> {
  if (answers.firstName === undefined) return undefined;
  if (answers.target === "host" && !machine.root) {
    context.stderr.write(
      `Run as root to make the secret: sudo gigastt secrets create ${answers.auth === "basic" ? "user" : "key"} ${answers.firstName}\n`,
    );
    return undefined;
  }
  const folder = secretsFolder(loaded, context.cwd, undefined);
  const store = await openSecretStore(folder, {
    now: () => new Date(),
    owner: await ownerFor(loaded.config, userInfo().uid),
  });
  const kind = answers.auth === "basic" ? "user" : "key";
  // Running init again keeps what there is.
  if (store.list().some((secret) => secret.kind === kind && secret.name === answers.firstName)) return undefined;
  const value = kind === "user" ? await store.setUser(answers.firstName) : await store.setKey(answers.firstName);
  await store.save();
  return { kind, name: answers.firstName, value: value.reveal() };
}

/** Lines git needs, added once. Only where there is a repository or an ignore file. */
async function ignoreSecrets(folder: string): Promise<void> {
  const path = join(folder, ".gitignore");
  const before = await readText(path);
  const inGit = (await stat(join(folder, ".git")).catch(() => undefined)) !== undefined;
  if (before === undefined && !inGit) return;
  const lines = ["deploy/compose/secrets/", "deploy/compose/tls/"].filter(
    (line) => !(before ?? "").split("\n").includes(line),
  );
  if (lines.length === 0) return;
  const gap = before === undefined || before === "" || before.endsWith("\n") ? "" : "\n";
  await writeAtomically(path, `${before ?? ""}${gap}${lines.join("\n")}\n`, 0o644);
}

async function remarksOn(
  answers: Answers,
  machine: Machine,
  httpPort: number,
  httpsPort: number,
  serverPort: number,
): Promise<readonly string[]> {
  const remarks: string[] = [];
  if (answers.target === "compose" && machine.docker === undefined)
    remarks.push("no Docker engine answers here: install it, or copy the folder to the machine that has one");
  if (answers.target === "kubernetes" && machine.kubectl === undefined) remarks.push("kubectl is not installed here");
  if (answers.target === "host" && answers.proxy !== "none" && machine[answers.proxy] === undefined)
    remarks.push(`${answers.proxy} is not installed here: apt-get install ${answers.proxy}`);
  if (answers.target !== "kubernetes" && answers.proxy !== "none") {
    const installed = answers.target === "host" && machine[answers.proxy] !== undefined;
    for (const port of answers.tls === "none" ? [httpPort] : [httpPort, httpsPort]) {
      // An installed proxy holds its own ports already.
      if (!installed && !(await isPortFree(port)))
        remarks.push(
          `port ${port} is taken on this machine: stop the other program, or set deploy.${port === httpPort ? "httpPort" : "httpsPort"}`,
        );
    }
  }
  if (answers.target === "host" && !(await isPortFree(serverPort)))
    remarks.push(`port ${serverPort} is taken: a server may already run here; else set server.port`);
  if (answers.domain !== undefined && answers.tls === "acme" && answers.target !== "kubernetes") {
    const { to, addresses } = await whereLeads(answers.domain);
    if (to === "unknown")
      remarks.push(
        `${answers.domain} is not known to the name server yet: Let's Encrypt needs an A or AAAA record that leads here`,
      );
    if (to === "elsewhere")
      remarks.push(
        `${answers.domain} leads to ${addresses.join(", ")}, which is no address of this machine: right behind a router, wrong otherwise`,
      );
  }
  if (machine.memoryMiB < 2048) remarks.push(`${machine.memoryMiB} MiB of memory: use the int8 model and pool.size 2`);
  return remarks;
}

function programName(cwd: string): string {
  const root = fileURLToPath(installationRoot());
  const launcher = join(root, "gigastt");
  const short = relative(cwd, launcher);
  return short === "gigastt" ? "./gigastt" : launcher;
}

function shown(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short === "" || short.startsWith("..") ? path : short;
}

async function readText(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  });
}
