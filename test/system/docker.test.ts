import { cpSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe } from "vitest";
import { addonSuite } from "./docker/addon-suite.ts";
import { makeNodeImages, makeServiceImages, missingForServices } from "./docker/base-images.ts";
import { composeSuite } from "./docker/compose-suite.ts";
import { dayTwoSuite } from "./docker/day-two-suite.ts";
import { missingForDocker, startDocker, type Docker } from "./docker/daemon.ts";
import { imageSuite } from "./docker/image-suite.ts";
import { must } from "./docker/run.ts";
import { scaleSuite } from "./docker/scale-suite.ts";
import { storeSuite } from "./docker/store-suite.ts";
import { volumeSuite } from "./docker/volume-suite.ts";

// One file: the daemon, the base images and the built image are shared by every suite.
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const missing = missingForDocker() || missingForServices();

/** What the suites share once everything is up. */
export interface Stage {
  readonly docker: Docker;
  /** A copy of the sources, as a fresh clone after its first `npm ci`. */
  readonly checkout: string;
}

describe.skipIf(missing !== "")(`Docker${missing === "" ? "" : ` (skipped: ${missing})`}`, () => {
  let stage: Stage | undefined;
  beforeAll(async () => {
    const docker = await startDocker();
    stage = { docker, checkout: await copyCheckout(join(docker.dir, "gigastt")) };
    await makeNodeImages(docker, ROOT);
    await makeServiceImages(docker);
  }, 300_000);
  afterAll(() => stage?.docker.stop(), 180_000);
  const up = (): Stage => stage!; // beforeAll ended

  imageSuite(up);
  addonSuite(up);
  composeSuite(up);
  volumeSuite(up);
  storeSuite(up);
  dayTwoSuite(up);
  scaleSuite(up);
});

/** Tracked and new files, and what was built. Packages come one by one as links: what installs here again removes those and nothing of ours. */
async function copyCheckout(to: string): Promise<string> {
  const files = await must("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: ROOT });
  for (const file of files.split("\0").filter((name) => name !== "" && !name.startsWith("test/"))) {
    mkdirSync(dirname(join(to, file)), { recursive: true });
    cpSync(join(ROOT, file), join(to, file), { force: true, preserveTimestamps: true });
  }
  cpSync(join(ROOT, "dist"), join(to, "dist"), { recursive: true, preserveTimestamps: true });
  mkdirSync(join(to, "node_modules"));
  for (const name of readdirSync(join(ROOT, "node_modules")))
    symlinkSync(join(ROOT, "node_modules", name), join(to, "node_modules", name));
  return to;
}
