import { readdir } from "node:fs/promises";
import { extname, join, resolve } from "node:path";
import { STDIO } from "../args.ts";

/** Names that phones, browsers, recorders, cameras and messengers give to recordings. The content decides what a file is. */
const EXTENSIONS = new Set(
  "3gp aac aif aifc aiff amr au caf flac gsm m4a m4b m4v mka mkv mov mp2 mp3 mp4 mpga oga ogg ogv opus qta ts w64 wav weba webm wma".split(
    " ",
  ),
);

/** Replaces each folder by the recordings directly in it, by name. A folder without recordings stays, and fails in its turn. */
export async function withFolders(inputs: readonly string[], cwd: string): Promise<readonly string[]> {
  return (await Promise.all(inputs.map((input) => (input === STDIO ? [input] : recordingsIn(input, cwd))))).flat();
}

async function recordingsIn(input: string, cwd: string): Promise<readonly string[]> {
  const entries = await readdir(resolve(cwd, input), { withFileTypes: true }).catch(() => []);
  const names = entries
    .filter((entry) => !entry.isDirectory() && !entry.name.startsWith("."))
    .map(({ name }) => name)
    .filter((name) => EXTENSIONS.has(extname(name).slice(1).toLowerCase()))
    .sort();
  return names.length === 0 ? [input] : names.map((name) => join(input, name));
}
