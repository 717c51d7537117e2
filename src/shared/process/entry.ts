/**
 * Returns the compiled file of one of the program entries, for workers and child processes.
 * Always under dist/, also when the caller itself runs from src/ in a test: Node 20 runs no TypeScript.
 *
 * @param name path below src/ without extension, e.g. `engine/inference-main`
 */
export function entryFile(name: string): URL {
  return distFile(`${name}.js`);
}

/** Returns a file that the build writes, by its path below dist/. */
export function distFile(path: string): URL {
  return new URL(`../../../dist/${path}`, import.meta.url);
}

/** Returns the root folder of the installation: where `templates/`, `models/` and `package.json` are. */
export function installationRoot(): URL {
  return new URL("../../../", import.meta.url);
}
