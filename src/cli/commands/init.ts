import { readFile, stat } from "node:fs/promises";
import { userInfo } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { assemble, loadConfig, type LoadedConfig } from "../../config/load.ts";
import { ConfigError } from "../../config/problem.ts";
import type { ComposeOverlay, ResolvedConfig } from "../../config/types.ts";
import { renderFiles, targetsOf } from "../../render/render.ts";
import { compareFiles, writeAtomically, writeFiles } from "../../render/write.ts";
import { editYaml } from "../../render/yaml.ts";
import { installationRoot } from "../../shared/entry.ts";
import { GigasttError } from "../../shared/errors.ts";
import { lanAddresses } from "../../shared/host-names.ts";
import { readVersion } from "../../shared/version.ts";
import type { Command, CommandContext } from "../command.ts";
import {
  changesOf,
  isReadableByUnits,
  objections,
  suggest,
  type Answers,
  type Change,
} from "../deploy/init/answers.ts";
import type { Terminal } from "../deploy/init/ask.ts";
import { detectMachine, isPortFree, whereLeads, type Machine } from "../deploy/init/detect.ts";
import { nextSteps } from "../deploy/init/next-steps.ts";
import { plainTerminal, showsUtf8 } from "../deploy/init/plain-terminal.ts";
import { ownerFor } from "../deploy/owner.ts";
import { notFollowed, outDir, secretsFolder } from "../deploy/paths.ts";
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
    lan: {
      type: "boolean",
      describe: "no proxy: serve the home network over HTTPS with a certificate of the server's own",
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
  help: `Looks at the machine, writes gigastt.config.yaml (comments of an existing one are kept), renders the files, makes the first secret and prints the next commands. Running it again suggests what it was told before, and updates; files edited by hand are kept unless you agree or say --force. Left in the middle it writes nothing.

  gigastt init
  gigastt init --yes --lan
  gigastt init --yes --target compose --domain stt.example.com --proxy caddy --auth basic --name anna
`,
  run: init,
};

// ---

async function init(context: CommandContext): Promise<number> {
  const { flags, stdout, stderr } = context;
  if (flags["json"] === true && flags["yes"] !== true)
    throw new UsageError(["--json needs --yes: nobody reads the questions"], ["init"]);
  const terminal = flags["yes"] === true ? undefined : terminalOf(context);
  const machine = await detectMachine(userInfo().uid);
  const configFile = resolve(
    context.cwd,
    typeof flags["config"] === "string" ? flags["config"] : "gigastt.config.yaml",
  );
  const before = await readText(configFile);
  const current = before === undefined ? undefined : await currentConfig(configFile, context);
  const suggested = withFlags(suggest(machine, current), context);
  const ask = terminal === undefined ? undefined : await import("../deploy/init/ask.ts");
  const answers = terminal === undefined ? suggested : await ask?.askAnswers(suggested, machine, terminal);
  if (answers === undefined) return 1;
  const against = objections(answers);
  if (against.length > 0) throw new UsageError(against, ["init"]);

  const text = newConfigText(before, changesOf(answers, machine, current));
  // Validated as a whole before anything is written; a broken file of the user's stays as it is.
  const { config, hash } = await validate(text, configFile, context);
  const out = outDir({ path: configFile }, context.cwd, flags["out"]);
  const files = renderFiles(config, targetsOf(config), { toolVersion: readVersion(), configHash: hash });
  const place = (path: string): string => join(shown(out, context.cwd), path);
  let force = flags["force"] === true;
  if (terminal !== undefined && ask !== undefined) {
    const edited = (await compareFiles(out, files)).filter(({ state }) => state === "edited" || state === "foreign");
    const asked =
      edited.length === 0 || force
        ? await ask.askConsent(terminal, {
            title: "To be written",
            list: [shown(configFile, context.cwd), ...files.map(({ path }) => place(path))].join("\n"),
            message: "Write them?",
            suggest: true,
          })
        : await ask.askConsent(terminal, {
            title: "Not as gigastt wrote them",
            list: edited
              .map(({ file, state }) => `${place(file.path)}${state === "edited" ? ": edited by hand" : ": not ours"}`)
              .join("\n"),
            message: "Overwrite them, and write the rest? No keeps everything as it is.",
            suggest: false,
          });
    if (asked === undefined) return 1;
    force ||= edited.length > 0;
    ask.sayGoodbye(terminal, "Writing …");
  }
  const states = await writeFiles(out, files, { force });
  if (text !== before) await writeAtomically(configFile, text, 0o644);
  await ignoreSecrets(dirname(configFile));
  const { secret, missing } = await firstSecret(context, answers, { config, path: configFile }, machine);
  const steps = nextSteps(config, machine, {
    program: programName(context.cwd),
    configFile: shown(configFile, context.cwd),
    out: shown(out, context.cwd),
    missingSecret: missing,
    name: answers.firstName,
    formerProxy: formerProxy(answers, current),
    addresses: lanAddresses(),
  });
  const alone = notFollowed({ path: configFile }, context.cwd, out);
  const remarks = [...(await remarksOn(answers, machine, config)), ...(alone === undefined ? [] : [alone])];

  if (flags["json"] === true) {
    writeJson(stdout, {
      ok: true,
      configFile,
      out,
      machine,
      files: states.map(({ file, state }) => ({ path: file.path, state })),
      secret: secret ?? null,
      remarks,
      next: steps,
    });
    return 0;
  }
  const paint = paintFor(stdout, context);
  stdout.write(
    `${table([[before === undefined ? "new" : text === before ? "unchanged" : "updated", shown(configFile, context.cwd)], ...states.map(({ file, state }) => [state === "same" ? "unchanged" : state === "new" ? "new" : "updated", place(file.path)])])}\n`,
  );
  if (secret !== undefined)
    stdout.write(
      `\n${secret.kind === "user" ? `Password of ${secret.name}` : `Key ${secret.name}`}, shown only now: ${paint.bold(secret.value)}\n`,
    );
  for (const remark of remarks) stderr.write(`${paint.yellow("!")} ${remark}\n`);
  stdout.write(`\nNext:\n${steps.map((step) => `  ${step.startsWith("#") ? paint.dim(step) : step}\n`).join("")}`);
  return 0;
}

/** Where the questions are asked; refuses where nobody could answer. */
function terminalOf({ stdin, stdout, env }: CommandContext): Terminal {
  if (!isTerminal(stdin) || stdout.isTTY !== true) {
    throw new UsageError(
      ["there is no terminal to ask on; decide by flags: gigastt init --yes --target … --domain …"],
      ["init"],
    );
  }
  return { input: stdin, output: showsUtf8(env) ? stdout : plainTerminal(stdout) };
}

function isTerminal(stream: NodeJS.ReadableStream): stream is NodeJS.ReadStream {
  return "isTTY" in stream && stream.isTTY === true;
}

/** The configuration an earlier run wrote; one that cannot be used suggests nothing and is reported when the new text is checked. */
async function currentConfig(file: string, { cwd }: CommandContext): Promise<ResolvedConfig | undefined> {
  try {
    return (await loadConfig({ file, env: {}, cwd })).config;
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

/** A proxy on this machine that the new answers have no use for. */
function formerProxy(answers: Answers, current: ResolvedConfig | undefined): "caddy" | "nginx" | undefined {
  const former = current?.deploy.target === "host" ? current.deploy.proxy.kind : "none";
  return former === "none" || (answers.target === "host" && answers.proxy === former) ? undefined : former;
}

function withFlags(base: Answers, { flags }: CommandContext): Answers {
  const text = (name: string): string | undefined => (typeof flags[name] === "string" ? flags[name] : undefined);
  // The choices of the flags are these types' words: the parser has refused others.
  const target = (text("target") ?? base.target) as Answers["target"];
  const moved = target !== base.target;
  const lan = flags["lan"] === true || (base.lan && !moved && text("proxy") === undefined);
  const proxy = (text("proxy") ??
    (lan || target === "kubernetes"
      ? "none"
      : moved && target === "compose"
        ? "caddy"
        : base.proxy)) as Answers["proxy"];
  const proxied = proxy !== "none" || target === "kubernetes";
  // What was said of a proxy before says nothing once there is none.
  const domain = text("domain") ?? (proxied ? base.domain : undefined);
  const served = domain !== undefined && proxied;
  const keepsTls = base.domain !== undefined && base.tls !== "none";
  const tls = (text("tls") ?? (served ? (keepsTls ? base.tls : "acme") : "none")) as Answers["tls"];
  const auth = (text("auth") ?? (proxied ? base.auth : "none")) as Answers["auth"];
  const overlays = (
    Array.isArray(flags["overlay"]) ? flags["overlay"] : target === "compose" ? base.overlays : []
  ) as readonly ComposeOverlay[];
  return {
    target,
    lan,
    domain,
    proxy,
    tls,
    email: text("email") ?? (tls === "acme" ? base.email : undefined),
    auth,
    forwardUrl: text("forward-url") ?? (auth === "forward" ? base.forwardUrl : undefined),
    firstName: text("name"),
    overlays,
  };
}

function newConfigText(before: string | undefined, keys: readonly Change[]): string {
  const changes = keys.map(([key, value]) => [key.split("."), value] as const);
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

function validate(text: string, configFile: string, context: CommandContext): Promise<LoadedConfig> {
  const bytes = Buffer.from(text);
  return assemble({ path: configFile, shown: shown(configFile, context.cwd), bytes }, { env: {} });
}

/** Makes the first user or key where that is possible now; else what is left to be made, as words of `gigastt secrets create`. */
async function firstSecret(
  context: CommandContext,
  answers: Answers,
  loaded: Pick<LoadedConfig, "config" | "path">,
  machine: Machine,
): Promise<{
  readonly secret?: { readonly kind: "user" | "key"; readonly name: string; readonly value: string };
  readonly missing?: string;
}> {
  const { firstName: name } = answers;
  if (name === undefined) return {};
  const kind = answers.auth === "basic" ? "user" : "key";
  // On a host the files belong to the proxy's user: only root can give them away, and only when the user exists.
  const proxyIsThere = answers.proxy !== "none" && machine[answers.proxy] !== undefined;
  const later = answers.target === "kubernetes" || (answers.target === "host" && (!machine.root || !proxyIsThere));
  if (later) return { missing: `${kind} ${name}` };
  const folder = secretsFolder(loaded, context.cwd, undefined);
  const store = await openSecretStore(folder, {
    now: () => new Date(),
    owner: await ownerFor(loaded.config, userInfo().uid),
  });
  // Running init again keeps what there is.
  if (store.list().some((secret) => secret.kind === kind && secret.name === name)) return {};
  const value = kind === "user" ? await store.setUser(name) : await store.setKey(name);
  await store.save();
  return { secret: { kind, name, value: value.reveal() } };
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
  { deploy, server }: ResolvedConfig,
): Promise<readonly string[]> {
  const { httpPort, httpsPort } = deploy;
  const { port: serverPort } = server;
  const remarks: string[] = [];
  if (answers.target === "compose" && machine.docker === undefined)
    remarks.push("no Docker engine answers here: install it, or copy the folder to the machine that has one");
  if (answers.target === "kubernetes" && machine.kubectl === undefined) remarks.push("kubectl is not installed here");
  if (answers.target === "host" && answers.proxy !== "none" && machine[answers.proxy] === undefined)
    remarks.push(`${answers.proxy} is not installed here`);
  if (answers.target === "host" && machine.systemd && !isReadableByUnits(machine.node))
    remarks.push(
      `this Node (${machine.node}) lies where a service cannot read it: install one for the whole machine, or set deploy.systemd.nodePath`,
    );
  if ((answers.auth === "basic" || answers.auth === "keys") && answers.firstName === undefined)
    remarks.push(
      `nobody is let in before there is a ${answers.auth === "basic" ? "user" : "key"}: gigastt secrets create ${answers.auth === "basic" ? "user NAME" : "key NAME"}`,
    );
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
