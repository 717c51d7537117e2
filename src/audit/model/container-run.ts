import type { YamlEntry, YamlNode } from "../parse/yaml.ts";
import type { Source, Span } from "../source.ts";
import { dirName } from "../tree.ts";
import { createProject, type ComposeProject } from "./compose.ts";
import { EMPTY, map, scalar, seq, spanOf } from "./made-nodes.ts";

/**
 * Returns every `docker run` or `podman run` of a script, a guide or a unit as the compose project that says the same, so that every rule about
 * containers reads it. Lines that run once and end are left out.
 */
export function runProjects(file: Source): readonly ComposeProject[] {
  // A source of its own: the file itself has other rules, and other words.
  const source = { ...file };
  return [...source.text.matchAll(RUN)].flatMap((match) => {
    const lineStart = source.text.lastIndexOf("\n", match.index) + 1;
    if (/^\s*(?:[#;]|echo\b|printf\b)/.test(source.text.slice(lineStart, match.index + 1))) return [];
    const start = match.index + match[0].length;
    const words = wordsFrom(source, start).flatMap((word) => expanded(source, word));
    return projectOf(source, { source, start: start - (match[1] ?? "").length, end: start }, words) ?? [];
  });
}

/** Returns a sentence of a rule about containers in the words of a command line: `cap_drop: [ALL]` is `--cap-drop ALL` there. */
function inRunWords(text: string): string {
  return WORDS.reduce((sentence, [pattern, flag]) => sentence.replace(pattern, flag), text);
}

// ---

const RUN = /(?:^|[\s;&|=/(])((?:docker|podman)(?:[ \t]+container)?[ \t]+(?:run|create)[ \t])/gm;

interface ShellWord extends Span {
  readonly text: string;
}

/** Options that stand alone. */
const SWITCHES =
  /^--(?:rm|init|privileged|read-only|detach|interactive|tty|no-healthcheck|publish-all|oom-kill-disable|sig-proxy|quiet|replace|tls-verify)$/;
/** Short options that stand alone, also together: `-dit`. */
const SHORT_SWITCHES = /^-[ditPq]+$/;

/** Compose's name of an option, and what becomes of its value. */
const LISTS: Readonly<Record<string, string>> = {
  "-p": "ports",
  "--publish": "ports",
  "-v": "volumes",
  "--volume": "volumes",
  "-e": "environment",
  "--env": "environment",
  "--env-file": "env_file",
  "--cap-add": "cap_add",
  "--cap-drop": "cap_drop",
  "--security-opt": "security_opt",
  "--tmpfs": "tmpfs",
};
const VALUES: Readonly<Record<string, string>> = {
  "--user": "user",
  "-u": "user",
  "--memory": "mem_limit",
  "-m": "mem_limit",
  "--pids-limit": "pids_limit",
  "--stop-signal": "stop_signal",
  "--stop-timeout": "stop_grace_period",
  "--restart": "restart",
  "--network": "network_mode",
  "--net": "network_mode",
  "--pid": "pid",
  "--ipc": "ipc",
  "--entrypoint": "entrypoint",
};
const FLAGS: Readonly<Record<string, string>> = {
  "--privileged": "privileged",
  "--read-only": "read_only",
  "--init": "init",
};

function projectOf(source: Source, head: Span, words: readonly ShellWord[]): ComposeProject | undefined {
  const service = new Map<string, YamlEntry>();
  const lists = new Map<string, YamlNode[]>();
  const put = (name: string, at: Span, value: YamlNode): void =>
    void service.set(name, { key: { ...spanOf(at), text: name }, value });
  let name: string | undefined;
  let isServing = false;
  let runsOnce = false;
  let i = 0;
  for (; i < words.length; i += 1) {
    const word = words[i]!;
    if (!word.text.startsWith("-")) break;
    const [, long = "", inline] = /^(--[\w-]+)(?:=([^]*))?$/.exec(word.text) ?? [];
    const glued = /^(-[pveum])(.+)$/.exec(word.text);
    if (SHORT_SWITCHES.test(word.text)) {
      if (word.text.includes("d")) isServing = true;
      continue;
    }
    const option = long || (glued?.[1] ?? word.text);
    if (SWITCHES.test(option)) {
      if (option === "--detach") isServing = true;
      if (option === "--rm") runsOnce = true;
      const flag = FLAGS[option];
      if (flag !== undefined) put(flag, word, scalar(word, inline ?? "true"));
      continue;
    }
    if (inline === undefined && glued === null) i += 1;
    const value: ShellWord | undefined =
      inline !== undefined || glued !== null ? { ...word, text: inline ?? glued?.[2] ?? "" } : words[i];
    if (value === undefined) return undefined;
    if (option === "--name") name = value.text;
    const list = LISTS[option];
    const single = VALUES[option];
    if (list !== undefined) {
      if (list === "ports") isServing = true;
      lists.set(list, [
        ...(lists.get(list) ?? []),
        scalar(value, list === "cap_drop" ? value.text.toUpperCase() : value.text),
      ]);
    } else if (single !== undefined && (single !== "network_mode" || value.text === "host"))
      put(single, word, scalar(value, option === "--stop-timeout" ? `${value.text}s` : value.text));
    else if (option === "--health-cmd") put("healthcheck", word, map(word, [["test", scalar(value, value.text)]]));
  }
  const image = words[i];
  if (image === undefined || (runsOnce && !isServing && !isUnit(source))) return undefined;
  put("image", image, scalar(image, image.text));
  for (const [key, items] of lists) put(key, items[0] ?? head, seq(items[0] ?? head, items));
  // `docker stop -t 30` beside it says how long it waits.
  const stop = /(?:docker|podman)[ \t]+stop[ \t]+(?:-t|--time)[ \t=]?(\d+)/.exec(source.text);
  if (stop && !service.has("stop_grace_period")) {
    const at = { source, start: stop.index, end: stop.index + stop[0].length };
    put("stop_grace_period", at, scalar(at, `${stop[1]}s`));
  }
  const command = words.slice(i + 1);
  if (command[0] !== undefined)
    put(
      "command",
      command[0],
      seq(
        command[0],
        command.map((word) => scalar(word, word.text)),
      ),
    );
  // A unit restarts what it runs, and kills it when its own time is over.
  if (isUnit(source) && /^Restart=(?!no\b)/m.test(source.text)) put("restart", head, scalar(head, "always"));
  const title = name ?? image.text.split("/").at(-1)?.split(/[:@]/)[0] ?? "container";
  const whole = spanOf(head);
  const body: YamlNode = { ...EMPTY, ...whole, kind: "map", entries: service };
  const root = map(whole, [["services", map(whole, [[title, body]])]]);
  return createProject(dirName(source.path), [source], root, undefined, undefined, inRunWords);
}

function isUnit({ path }: Source): boolean {
  return path.endsWith(".service");
}

/** The words of one command of a shell, with continued lines, up to the end of the command. */
function wordsFrom(source: Source, from: number): readonly ShellWord[] {
  const words: ShellWord[] = [];
  const { text } = source;
  let at = from;
  while (at < text.length) {
    const space = /^(?:[ \t]|\\\r?\n)+/.exec(text.slice(at, at + 400))?.[0].length ?? 0;
    at += space;
    const char = text[at];
    if (char === undefined || /[\n;&|)#`]/.test(char)) break;
    const start = at;
    let value = "";
    while (at < text.length && !/[\s;&|)`]/.test(text[at]!)) {
      const quote = text[at]!;
      if (quote === "'" || quote === '"') {
        const end = text.indexOf(quote, at + 1);
        if (end === -1) return words;
        value += text.slice(at + 1, end);
        at = end + 1;
      } else if (quote === "\\") {
        if (/^\\\r?\n/.test(text.slice(at, at + 3))) break;
        value += text[at + 1] ?? "";
        at += 2;
      } else {
        value += quote;
        at += 1;
      }
    }
    if (at === start) break;
    words.push({ source, start, end: at, text: value });
  }
  return words;
}

/** A variable among the options stands for the words that the same script gives it; without any it is left out. */
function expanded(source: Source, word: ShellWord): readonly ShellWord[] {
  const name = /^\$\{?(\w+)(?:\[@\])?\}?$/.exec(word.text)?.[1];
  if (name === undefined) return [word];
  const value = new RegExp(
    `^[ \\t]*(?:export[ \\t]+|local[ \\t]+)?${name}=(?:"([^"]*)"|'([^']*)'|\\(([^)]*)\\)|(\\S+))`,
    "m",
  ).exec(source.text);
  // The image may be a variable of the environment.
  if (value === null) return /image|img|tag|repo/i.test(name) ? [word] : [];
  const text = value.slice(1).find((item) => item !== undefined) ?? "";
  return (text.match(/"[^"]*"|'[^']*'|[^\s\\]+/g) ?? []).map((item) => ({
    ...word,
    text: item.replace(/^(["'])([^]*)\1$/, "$2"),
  }));
}

const WORDS: readonly (readonly [RegExp, string])[] = [
  [/`docker compose stop`/g, "`docker stop`"],
  [/`docker compose up`/g, "`docker run`"],
  [/`stop_grace_period: (\d+)s`/g, "`--stop-timeout $1`"],
  [/stop_grace_period/g, "--stop-timeout"],
  [/stop_signal/g, "--stop-signal"],
  [/`cap_drop: \[ALL\]`/g, "`--cap-drop ALL`"],
  [/`security_opt: \["no-new-privileges:true"\]`/g, "`--security-opt no-new-privileges`"],
  [/`user: "([^"]+)"`/g, "`--user $1`"],
  [/`read_only: true`/g, "`--read-only`"],
  [/`tmpfs: \["([^"]+)"\]`/g, "`--tmpfs $1`"],
  [/`restart: ([\w-]+)`/g, "`--restart $1`"],
  [/`pids: (\d+)`/g, "`--pids-limit $1`"],
  [/`deploy: \{resources: \{limits: \{memory: (\w+), pids: (\d+)\}\}\}`/g, "`--memory $1 --pids-limit $2`"],
  [/a healthcheck that asks/g, "`--health-cmd` that asks"],
  [/Compose then/g, "the engine then"],
  [/the compose file/g, "the command line"],
];
