import { dirname, join, relative } from "node:path";
import { assemble, type LoadedConfig } from "../../config/load.ts";
import type { ResolvedConfig } from "../../config/types.ts";
import { renderFiles, targetsOf } from "../../render/render.ts";
import { compareFiles, writeFiles } from "../../render/write.ts";
import { writeFileAtomic } from "../../shared/files.ts";
import { lanAddresses } from "../../shared/machine/host-names.ts";
import { readVersion } from "../../shared/version.ts";
import type { Command, CommandContext } from "../command.ts";
import { changesOf, isDeployed, objections, suggest, type Answers } from "../deploy/init/answers.ts";
import type { Terminal } from "../deploy/init/ask.ts";
import { configPath, currentConfig, newConfigText } from "../deploy/init/config-text.ts";
import { detectMachine } from "../deploy/init/detect.ts";
import { removeFormerFiles } from "../deploy/init/former-files.ts";
import { firstSecret } from "../deploy/init/first-secret.ts";
import { withFlags } from "../deploy/init/flag-answers.ts";
import { ignoreSecrets } from "../deploy/init/ignore-file.ts";
import { nextSteps } from "../deploy/init/next-steps.ts";
import { plainTerminal, showsUtf8 } from "../deploy/init/plain-terminal.ts";
import { readText } from "../deploy/init/read-text.ts";
import { remarksOn } from "../deploy/init/remarks.ts";
import { notFollowed, outDir } from "../deploy/paths.ts";
import { paintFor, table, writeJson } from "../output.ts";
import { programName } from "../program-name.ts";
import { UsageError } from "../usage.ts";

export const command: Command = {
  summary: "Set up a deployment, interactively or by flags",
  topic: "set-up",
  rank: 1,
  flags: {
    yes: { type: "boolean", short: "y", describe: "ask nothing; use the flags and the suggested answers" },
    target: {
      type: "string",
      value: "WHERE",
      choices: ["host", "compose", "kubernetes"],
      describe: "where the service will run",
    },
    lan: {
      type: "boolean",
      describe: "no proxy: serve the home network over HTTPS with a self-signed certificate",
    },
    domain: { type: "string", value: "NAME", describe: "public host name" },
    proxy: {
      type: "string",
      value: "KIND",
      choices: ["none", "caddy", "nginx", "haproxy", "traefik"],
      describe: "proxy in front",
    },
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
      describe: "authentication at the proxy",
    },
    "forward-url": { type: "string", value: "URL", describe: "authentication service, for --auth forward" },
    name: { type: "string", value: "NAME", describe: "first user or key to make" },
    overlay: {
      type: "string",
      value: "NAME",
      multiple: true,
      choices: ["build", "edge", "redis", "scale"],
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
  help: `Inspects the machine, writes the configuration (existing comments are kept), renders the files, creates the first secret and prints the next commands. The configuration is the file given by --config, else gigastt.config.yaml; in a source checkout it is gigastt.local.yaml, which is found by default and ignored by git. Run it again to change a deployment: it suggests the previous answers. Files edited by hand are kept unless you agree or pass --force; files of a former target are removed. If you quit midway, nothing is written.

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
    throw new UsageError(["--json needs --yes: prompts need a terminal"], ["init"]);
  const terminal = flags["yes"] === true ? undefined : terminalOf(context);
  const machine = await detectMachine(process.getuid?.() ?? -1);
  const configFile = await configPath(typeof flags["config"] === "string" ? flags["config"] : undefined, context);
  const before = await readText(configFile);
  const current = before === undefined ? undefined : await currentConfig(configFile, context);
  const suggested = withFlags(suggest(machine, current), context, current === undefined || !isDeployed(current));
  const ask = terminal === undefined ? undefined : await import("../deploy/init/ask.ts");
  const answers = terminal === undefined ? suggested : await ask?.askAnswers(suggested, machine, terminal);
  if (answers === undefined) return 1;
  const against = objections(answers);
  if (against.length > 0) throw new UsageError(against, ["init"]);

  const text = newConfigText(before, changesOf(answers, machine, current));
  // Validated as a whole before anything is written; a broken file of the user's stays as it is.
  const { config, hash } = await validate(text, configFile, context);
  const out = outDir({ path: configFile }, context.cwd, flags["out"]);
  const source = { toolVersion: readVersion(), configHash: hash };
  const files = renderFiles(config, targetsOf(config), source);
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
            title: "Not written by gigastt, or changed since",
            list: edited
              .map(
                ({ file, state }) =>
                  `${place(file.path)}${state === "edited" ? ": edited by hand" : ": not written by gigastt"}`,
              )
              .join("\n"),
            message: "Overwrite them and write the rest? If you answer no, nothing is written.",
            suggest: false,
          });
    if (asked === undefined) return 1;
    force ||= edited.length > 0;
    ask.sayGoodbye(terminal, "Writing …");
  }
  const states = await writeFiles(out, files, { force });
  const wasDeployed = current !== undefined && isDeployed(current);
  const removed = wasDeployed ? await removeFormerFiles(out, current, files, source) : [];
  if (text !== before) await writeFileAtomic(configFile, text, { mode: 0o644, makeFolder: true });
  await ignoreSecrets(dirname(configFile));
  const { secret, missing } = await firstSecret(context, answers, { config, path: configFile }, machine);
  const steps = nextSteps(config, machine, {
    program: programName(context.cwd, context.env["PATH"]),
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
      removed,
      secret: secret ?? null,
      remarks,
      next: steps,
    });
    return 0;
  }
  const paint = paintFor(stdout, context);
  stdout.write(
    `${table([[before === undefined ? "new" : text === before ? "unchanged" : "updated", shown(configFile, context.cwd)], ...states.map(({ file, state }) => [state === "same" ? "unchanged" : state === "new" ? "new" : "updated", place(file.path)]), ...removed.map((path) => ["removed", place(path)])])}\n`,
  );
  if (secret !== undefined)
    stdout.write(
      `\n${secret.kind === "user" ? `Password of ${secret.name}` : `Key ${secret.name}`} (shown only once): ${paint.bold(secret.value)}\n`,
    );
  for (const remark of remarks) stderr.write(`${paint.yellow("!")} ${remark}\n`);
  stdout.write(`\nNext:\n${steps.map((step) => `  ${step.startsWith("#") ? paint.dim(step) : step}\n`).join("")}`);
  return 0;
}

/** Where the questions are asked; refuses without a terminal. */
function terminalOf({ stdin, stdout, env }: CommandContext): Terminal {
  if (!isTerminal(stdin) || stdout.isTTY !== true) {
    throw new UsageError(
      [
        "init asks questions and needs a terminal; without one, use --yes with flags: gigastt init --yes --target … --domain …",
      ],
      ["init"],
    );
  }
  return { input: stdin, output: showsUtf8(env) ? stdout : plainTerminal(stdout) };
}

function isTerminal(stream: NodeJS.ReadableStream): stream is NodeJS.ReadStream {
  return "isTTY" in stream && stream.isTTY === true;
}

/** A proxy on this machine that the new answers have no use for. */
function formerProxy(
  answers: Answers,
  current: ResolvedConfig | undefined,
): Exclude<ResolvedConfig["deploy"]["proxy"]["kind"], "none"> | undefined {
  const former = current?.deploy.target === "host" ? current.deploy.proxy.kind : "none";
  return former === "none" || (answers.target === "host" && answers.proxy === former) ? undefined : former;
}

function validate(text: string, configFile: string, context: CommandContext): Promise<LoadedConfig> {
  const bytes = Buffer.from(text);
  return assemble({ path: configFile, shown: shown(configFile, context.cwd), bytes }, { env: {} });
}

function shown(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short === "" || short.startsWith("..") ? path : short;
}
