import type { Rule } from "../../types.ts";
import type { ComposeService } from "../../model/compose.ts";
import { appServices } from "../../model/facts.ts";
import { yamlAt, yamlEntrySpan, yamlText } from "../../parse/yaml.ts";
import type { Source } from "../../source.ts";
import { joinPath } from "../../tree.ts";

export const rule: Rule = {
  id: "GA-EXP-012",
  severity: "warning",
  confidence: "certain",
  title: "A secret file can be read by too many users, or not by the one that needs it",
  why: "World-readable hashes and keys are readable by every process on the machine. The other way round Compose mounts file secrets with the mode they have on the host (uid, gid and mode are ignored): 0600 of root is unreadable for a container user.",
  evidence: ["compose-spec 05-services.md, secrets long syntax: uid, gid, mode are not implemented for file sources."],
  reads: ["htpasswd", "dotenv", "compose", "shell"],
  fixKind: "manual",
  *check(facts) {
    for (const file of facts.files) {
      const { source, kind } = file;
      if (
        (kind !== "htpasswd" && kind !== "dotenv" && kind !== "key") ||
        source.mode === undefined ||
        isSample(source) ||
        (kind === "dotenv" && !holdsSecret(source))
      )
        continue;
      // A password file is shared with the proxy's group; keys and environments are not shared.
      const open = kind === "htpasswd" ? source.mode & 0o007 : source.mode & 0o077;
      if (open === 0) continue;
      yield {
        span: { source, start: 0, end: Math.min(source.text.length, (source.lineStarts[1] ?? 2) - 1) },
        message: `${source.path} has mode ${mode(source.mode)}: ${source.mode & 0o007 ? "every user of the machine" : "its group"} can read it`,
        fix: kind === "htpasswd" ? "chmod 640 and give it to the proxy's group." : "chmod 600.",
      };
    }
    for (const source of facts.scripts) {
      for (const match of source.text.matchAll(
        /^[^\n#]*\bchmod\s+(?:-R\s+)?(0?[0-7]?[0-7][0-7][0-7]|[ugoa]*\+[rwx]+)\s+(\S*(?:htpasswd|\.env|\.key|secret|privkey)\S*)/gm,
      )) {
        const bits = Number.parseInt(match[1] ?? "", 8);
        const loose = Number.isNaN(bits) ? /^(?:a|o)?\+[rwx]*r/.test(match[1] ?? "") : (bits & 0o007) !== 0;
        if (!loose) continue;
        const start = match.index + match[0].search(/\bchmod\b/);
        yield {
          span: { source, start, end: match.index + match[0].length },
          message: `chmod ${match[1]} lets every user of the machine read ${match[2]}`,
          fix: "Use 640 with the proxy's group, or 600.",
        };
      }
    }
    // Locked for root in a script, mounted into a container that runs as another user.
    for (const service of facts.services) {
      const user = numericUser(service);
      if (user === undefined) continue;
      for (const { name, path } of fileSecrets(service)) {
        for (const source of facts.scripts) {
          const line = new RegExp(
            `^[^\\n#]*\\bchmod\\s+0?[46]00\\b[^\\n]*\\b${path.replace(/^\.\//, "").replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}\\b[^\\n]*`,
            "m",
          ).exec(source.text);
          if (!line || /\bchown\b/.test(source.text)) continue;
          yield {
            span: { source, start: line.index + line[0].search(/\S/), end: line.index + line[0].length },
            message: `secret ${name} is readable by its owner only, but ${service.name} runs as user ${user} and Compose ignores uid, gid and mode of file secrets`,
            fix: `chown the file to ${user} as well.`,
            confidence: "needs-context",
            related: [{ span: service.nameSpan, message: "mounted here" }],
          };
        }
      }
    }
    for (const service of appServices(facts)) {
      const user = yamlText(yamlAt(service.node, "user"))?.split(":")[0];
      if (user === undefined || !/^\d+$/.test(user) || user === "0") continue;
      const used = new Set(
        (yamlAt(service.node, "secrets")?.items ?? []).map(
          (item) => yamlText(item) ?? yamlText(yamlAt(item, "source")),
        ),
      );
      for (const name of used) {
        const secret = name === undefined ? undefined : yamlAt(service.project.root, "secrets", name);
        const path = service.project.text(yamlAt(secret, "file"));
        const source = path === undefined ? undefined : facts.tree.get(joinPath(service.project.folder, path));
        if (!source || source.mode === undefined || source.uid === Number(user) || (source.mode & 0o004) !== 0)
          continue;
        yield {
          span: yamlEntrySpan(secret, "file") ?? service.nameSpan,
          message: `secret ${name} (mode ${mode(source.mode)}, owner ${source.uid ?? "?"}) is unreadable for user ${user} of ${service.name}`,
          fix: `Give the file to uid ${user} (chown ${user} with mode 400): Compose ignores uid, gid and mode of file secrets.`,
          related: [{ span: { source, start: 0, end: 0 }, message: "the secret's file" }],
        };
      }
    }
  },
};

function mode(bits: number): string {
  return `0${(bits & 0o777).toString(8).padStart(3, "0")}`;
}

/** A .env of project names and ports holds no secret. */
function holdsSecret(source: Source): boolean {
  return source.text
    .split("\n")
    .some(
      (line) =>
        /PASS|SECRET|TOKEN|HASH|KEY|AUTH|CRED/i.test(line.split("=")[0] ?? "") ||
        /\$(?:2[aby]|argon2\w+|[156]|apr1)\$/.test(line),
    );
}

function isSample(source: Source): boolean {
  return /\.(?:example|sample|template|dist)$/.test(source.path);
}

function numericUser(service: ComposeService): string | undefined {
  const user = yamlText(yamlAt(service.node, "user"))?.split(":")[0];
  return user !== undefined && /^[1-9]\d*$/.test(user) ? user : undefined;
}

function fileSecrets(service: ComposeService): readonly { readonly name: string; readonly path: string }[] {
  return (yamlAt(service.node, "secrets")?.items ?? []).flatMap((item) => {
    const name = yamlText(item) ?? yamlText(yamlAt(item, "source"));
    const path =
      name === undefined ? undefined : service.project.text(yamlAt(service.project.root, "secrets", name, "file"));
    return name === undefined || path === undefined ? [] : [{ name, path }];
  });
}
