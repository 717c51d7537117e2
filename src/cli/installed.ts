import { readFile } from "node:fs/promises";

/** The service that `install-service` made on this machine, as its unit describes it. */
export interface InstalledService {
  readonly unitFile: string;
  /** Whom it runs as. */
  readonly user: string;
  readonly configFile: string;
  /** Folder of the installation it starts. */
  readonly installDir: string;
  readonly stateDir: string;
  /** Its variables that decide where state, models and caches are. */
  readonly env: Readonly<Record<string, string>>;
}

export const UNIT_FILE = "/etc/systemd/system/gigastt.service";

/** Reads the installed unit; undefined when there is none, or another program's. */
export async function findInstalledService(unitFile: string = UNIT_FILE): Promise<InstalledService | undefined> {
  const text = await readFile(unitFile, "utf8").catch(() => undefined);
  return text === undefined ? undefined : parseUnit(text, unitFile);
}

/** Returns what a gigastt unit says. Pure. */
export function parseUnit(text: string, unitFile: string): InstalledService | undefined {
  const values = (key: string): string[] =>
    [...text.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map(([, value = ""]) => value.trim());
  const command = unitWords(values("ExecStart").at(-1) ?? "");
  const script = command.find((word) => word.endsWith("/bin/gigastt.js"));
  const configFile = command[command.indexOf("--config") + 1];
  const user = values("User").at(-1);
  if (script === undefined || configFile === undefined || !command.includes("--config") || user === undefined)
    return undefined;
  const env: Record<string, string> = {};
  for (const word of values("Environment").flatMap(unitWords)) {
    const equals = word.indexOf("=");
    if (equals > 0) env[word.slice(0, equals)] = word.slice(equals + 1);
  }
  const installDir = script.slice(0, -"/bin/gigastt.js".length);
  return { unitFile, user, configFile, installDir, env, stateDir: `${env["XDG_STATE_HOME"] ?? "/var/lib"}/gigastt` };
}

// ---

/** Specifiers and escapes as our renderer writes them: `%S` and `%C` are the system's folders, `%%` and `$$` stand for one. */
function unitWords(line: string): string[] {
  const words: string[] = [];
  for (const [, quoted, plain] of line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)) {
    const word = quoted === undefined ? (plain ?? "") : quoted.replaceAll(/\\(.)/g, "$1");
    words.push(
      word.replaceAll(/%([SCt%])|\$\$/g, (whole, name?: string) =>
        name === undefined ? "$" : (FOLDERS[name] ?? whole),
      ),
    );
  }
  return words;
}

const FOLDERS: Readonly<Record<string, string>> = { S: "/var/lib", C: "/var/cache", t: "/run", "%": "%" };
