// The other tools that read such files, and what each of them says about folders. Each is taken from PATH or from GIXY, KUBE_LINTER, KUBE_SCORE,
// CHECKOV, TRIVY (audit-tools-trivy.go); one that is missing is left out.
import { execFile, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Returns the tools that are installed; the folders that they are asked about lie below `work`. */
export function otherTools(work) {
  return [
    tool("gixy", "GIXY", ["--version"], ["nginx"], gixy),
    tool("kube-linter", "KUBE_LINTER", ["version"], ["kubernetes"], kubeLinter),
    tool("kube-score", "KUBE_SCORE", ["version"], ["kubernetes"], kubeScore),
    tool("checkov", "CHECKOV", ["--version"], ["kubernetes", "docker"], checkov),
    tool("trivy", "TRIVY", ["--version"], ["kubernetes", "docker"], trivy),
  ].filter((item) => item !== undefined);

  function tool(name, variable, version, reads, all) {
    const program = process.env[variable] ?? name;
    const answer = spawnSync(program, version, { encoding: "utf8" });
    if (answer.error || answer.status !== 0) return undefined;
    const said = (answer.stdout || answer.stderr).trim().split("\n")[0];
    console.error(`${name}: ${said}`);
    // The same tool on a folder of foreign files; checkov takes seconds to start and reads all of them at once.
    let once;
    const onForeign = async (folder) => {
      const at = join("foreign", folder);
      if (name === "checkov") {
        once ??= await checkovFailed(program, join(work, "foreign"));
        return once.filter((check) => check.file_path.split("/")[1] === folder).map((check) => check.check_id);
      }
      if (name === "trivy") {
        once ??= await trivyFailed(program, join(work, "foreign"));
        return once.filter((check) => check.Folder === folder).map((check) => check.ID);
      }
      if (name !== "gixy") return (await all(program, [[at]]))[0]?.[1] ?? [];
      const files = readdirSync(join(work, at), { recursive: true, withFileTypes: true }).filter((entry) =>
        entry.isFile(),
      );
      const found = [];
      for (const entry of files) {
        const path = join(entry.parentPath, entry.name);
        // Fragments are no nginx.conf: gixy takes a server block by itself.
        if (
          !/\b(?:server|location|http)\b[^;]*\{/.test(readFileSync(path, "utf8")) ||
          !/\.(?:conf|inc)$|sites-|nginx/.test(path)
        )
          continue;
        const text = await output(program, ["-f", "json", path], work);
        if (text.trim().startsWith("[")) found.push(...JSON.parse(text).map((issue) => issue.plugin));
      }
      return found;
    };
    return { name, program, reads, all, version: said, foreign: onForeign };
  }

  /** The answer of a tool that exits with 1 when it finds something. */
  async function output(program, args, cwd) {
    try {
      return (await run(program, args, { cwd, maxBuffer: 64 * 2 ** 20 })).stdout;
    } catch (error) {
      return error.stdout ?? "";
    }
  }

  async function gixy(program, list) {
    const out = [];
    for (const [folder] of list) {
      const text = await output(program, ["-f", "json", join(work, folder, "nginx.conf")], work);
      out.push([folder, text.trim() === "" ? [] : JSON.parse(text).map((issue) => issue.plugin)]);
    }
    return out;
  }

  async function kubeLinter(program, list) {
    const out = [];
    for (const [folder] of list) {
      const reports =
        JSON.parse((await output(program, ["lint", join(work, folder), "--format", "json"], work)) || "{}").Reports ??
        [];
      out.push([folder, reports.map((report) => report.Check)]);
    }
    return out;
  }

  async function kubeScore(program, list) {
    const out = [];
    for (const [folder] of list) {
      const text = await output(
        "sh",
        ["-c", `"${program}" score -o json $(find "${join(work, folder)}" -name "*.y*ml" -o -name "*.json")`],
        work,
      );
      const checks = (text.trim().startsWith("[") ? JSON.parse(text) : []).flatMap((object) => object.checks ?? []);
      out.push([
        folder,
        checks.filter((item) => !item.skipped && item.grade > 0 && item.grade < 10).map((item) => item.check.id),
      ]);
    }
    return out;
  }

  async function checkov(program, list) {
    const failed = await checkovFailed(program, work);
    return list.map(([folder]) => [
      folder,
      failed.filter((check) => check.file_path.split("/")[1] === folder).map((check) => check.check_id),
    ]);
  }

  async function checkovFailed(program, folder) {
    const text = await output(
      program,
      ["-d", folder, "--framework", "kubernetes", "dockerfile", "--quiet", "--compact", "-o", "json"],
      work,
    );
    const parsed = JSON.parse(text || "[]");
    return (Array.isArray(parsed) ? parsed : [parsed]).flatMap((part) => part.results?.failed_checks ?? []);
  }

  async function trivy(program, list) {
    const failed = await trivyFailed(program, work);
    return list.map(([folder]) => [folder, failed.filter((check) => check.Folder === folder).map((check) => check.ID)]);
  }

  async function trivyFailed(program, folder) {
    return JSON.parse((await output(program, [folder], work)) || "[]");
  }
}

/** Writes files below a folder. */
export function write(folder, files) {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}
