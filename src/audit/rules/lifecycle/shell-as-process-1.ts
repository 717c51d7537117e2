import type { Hit, Rule } from "../../types.ts";
import type { Edit } from "../../parts.ts";
import { replace } from "../kit/edits.ts";
import type { Facts } from "../../model/facts.ts";
import { appServices, appUnits, appWorkloads } from "../../model/facts.ts";
import type { Unit } from "../../model/units.ts";
import { baseName, dirName } from "../../tree.ts";
import { commandWords } from "../../model/compose.ts";
import type { DockerfileParse, DockerInstruction } from "../../parse/dockerfile.ts";
import { yamlAt, yamlEntrySpan, yamlStrings } from "../../parse/yaml.ts";
import { appContainer } from "../kit/kubernetes.ts";

export const rule: Rule = {
  id: "GA-LIF-008",
  severity: "error",
  confidence: "certain",
  title: "A shell or npm is process 1: the stop signal does not reach the server",
  why: "The container's stop signal goes to process 1. A shell does not forward it, and npm does so unreliably: the server never drains, the container hangs for the whole grace period and is then killed.",
  evidence: ["Tried with Node: as PID 1 with a handler it drains; under `sh -c` the signal is not forwarded."],
  reads: ["dockerfile", "compose", "kubernetes", "systemd", "shell"],
  fixKind: "unsafe",
  *check(facts) {
    for (const file of facts.dockerfiles) yield* dockerfileHits(facts, file);
    for (const unit of appUnits(facts)) yield* unitHits(unit);
    for (const service of appServices(facts)) {
      for (const key of ["entrypoint", "command"]) {
        const node = yamlAt(service.node, key);
        const bad = node ? badProcess(commandWords(node).words) : undefined;
        if (!node || bad === undefined) continue;
        if (key === "command" && yamlAt(service.node, "entrypoint")) continue;
        yield {
          span: yamlEntrySpan(service.node, key) ?? node,
          message: `${key} of ${service.name} starts ${bad} as the process that gets the stop signal`,
          fix: 'Start the server itself: `command: ["gigastt", "serve"]`, or put `exec` before it in the shell line.',
        };
      }
    }
    for (const workload of appWorkloads(facts)) {
      const container = appContainer(facts, workload);
      const command = yamlAt(container?.node, "command");
      const bad = badProcess(
        [...yamlStrings(command), ...(command ? yamlStrings(yamlAt(container?.node, "args")) : [])].map(
          (item) => item.text,
        ),
      );
      if (command && bad !== undefined) {
        yield {
          span: command,
          message: `command starts ${bad} as the process that gets SIGTERM`,
          fix: 'Start the server itself: `command: ["gigastt", "serve"]`, or put `exec` before it in the shell line.',
        };
      }
    }
  },
};

function* dockerfileHits(facts: Facts, file: DockerfileParse): Generator<Hit> {
  const stage = file.stages.at(-1);
  if (!stage) return;
  const severity = /gigastt|\bnode\b/i.test(file.source.text) ? {} : { severity: "warning" as const };
  const entry = stage.instructions.findLast((item) => item.name === "ENTRYPOINT");
  const command = stage.instructions.findLast((item) => item.name === "CMD");
  const start = entry ?? command;
  const bad = start ? processOf(start) : undefined;
  yield* scriptHits(facts, file, start?.exec ?? []);
  if (start && bad !== undefined) {
    yield {
      span: start,
      message: `${start.name} starts ${bad} as process 1: SIGTERM does not reach the server`,
      fix: `Use the exec form of the server itself: \`${start.name} ["node", "bin/gigastt.js", "serve"]\`.`,
      ...severity,
      edits: execForm(start),
    };
  }
}

/** The script that an image starts, where it is among the audited files and ends in the server without `exec`. */
function* scriptHits(facts: Facts, file: DockerfileParse, words: readonly string[]): Generator<Hit> {
  const script = words.find((word) => !/^(?:\S*\/)?(?:tini|dumb-init|catatonit|sh|bash|ash)$|^-/.test(word));
  if (script === undefined) return;
  const named = facts.scripts.filter(({ path }) => baseName(path) === baseName(script));
  const source = named.find(({ path }) => path.startsWith(dirName(file.source.path))) ?? named[0];
  if (source === undefined || /^\s*trap\b/m.test(source.text)) return;
  const line = /^[ \t]*((?:\S*\/)?(?:node[ \t]+\S*)?gigastt(?:\.js)?[ \t]+(?:serve|up)\b)/m.exec(source.text);
  if (line === null) return;
  const start = line.index + line[0].length - (line[1] ?? "").length;
  const span = { source, start, end: line.index + line[0].length };
  yield {
    span,
    message: `${baseName(source.path)} starts the server without exec: the stop signal ends at the shell`,
    fix: `Write \`exec ${line[1]}\`.`,
    edits: [{ span: { source, start, end: start }, text: "exec " }],
  };
}

/** Without `exec` the shell is what systemd signals, unless it signals the whole group. */
function* unitHits(unit: Unit): Generator<Hit> {
  const mode = unit.get("Service", "KillMode");
  const start = unit.all("Service", "ExecStart").at(-1);
  if (mode === undefined || start === undefined || !/^(?:process|mixed|none)$/.test(mode.value)) return;
  const bad = badProcess(start.value.replace(/^[-@:+!]+/, "").split(/[\s"']+/));
  if (bad === undefined) return;
  yield {
    span: mode,
    message: `KillMode=${mode.value} signals ${bad}, not the server: it ends without a drain, or stays behind`,
    fix: "Start the server itself in ExecStart, or put `exec` before it in the shell line.",
  };
}

function processOf(instruction: DockerInstruction): string | undefined {
  if (instruction.exec) return badProcess(instruction.exec);
  if (instruction.value === "" || instruction.value.startsWith("[")) return undefined;
  return /^exec\s/.test(instruction.value) ? undefined : "a shell (shell form)";
}

function badProcess(words: readonly string[]): string | undefined {
  let rest = words;
  const viaInit = /(?:^|\/)(?:tini|dumb-init|catatonit)$/.test(rest[0] ?? "");
  if (viaInit) {
    const next = rest.findIndex((word, i) => i > 0 && !word.startsWith("-"));
    rest = next === -1 ? [] : rest.slice(next);
  }
  const first = (rest[0] ?? "").split("/").at(-1) ?? "";
  if (/^(?:npm|npx|yarn|pnpm)$/.test(first)) return first;
  if (!/^(?:sh|bash|ash|dash)$/.test(first)) return undefined;
  const flag = rest.findIndex((word) => /^-[a-z]*c$/.test(word));
  if (flag === -1) return undefined; // a script file: it may well end in exec
  const line = rest.slice(flag + 1).join(" ");
  return /(?:^|[;&|]\s*|\n\s*)exec\s/.test(line) ? undefined : `\`${first} -c\` without exec`;
}

/** A shell form without anything a shell is needed for, as exec form. */
function execForm(start: DockerInstruction): readonly Edit[] {
  if (start.exec || /[|&;<>()$`\\"'*?~\n]|^\s*(?:npm|npx|yarn|pnpm|cd)\b/.test(start.value)) return [];
  const words = start.value.split(/\s+/).filter((word) => word !== "");
  return [replace(start, `${start.name} ${JSON.stringify(words).replaceAll('","', '", "')}`)];
}
