import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { assemble } from "../../../src/config/load.ts";
import type { ResolvedConfig } from "../../../src/config/types.ts";
import { renderFiles } from "../../../src/render/render.ts";
import { fuzzRuns } from "../../support/fuzz.ts";
import { randomConfig } from "./random-config.ts";

const RUNS = fuzzRuns(300);

interface Service {
  readonly environment: Readonly<Record<string, string>>;
  readonly folders: readonly string[];
}

describe("servers of a compose project", () => {
  it(`start with what is rendered: their configuration is accepted, and what they keep is on a volume (${RUNS.numRuns} random configurations)`, async () => {
    const roles = new Set<string>();
    await fc.assert(
      fc.asyncProperty(randomConfig, async (config) => {
        const files = new Map(
          renderFiles(config, ["compose"], { toolVersion: "0.0.0", configHash: "0".repeat(64) }).map(
            ({ path, text }) => [path, text],
          ),
        );
        const bytes = Buffer.from(files.get("compose/gigastt.config.yaml")!);
        for (const [name, { environment, folders }] of serversOf(files)) {
          const { config: seen } = await assemble(
            { bytes, shown: "gigastt.config.yaml", path: "/gigastt.config.yaml" },
            { env: environment },
          );
          roles.add(seen.jobs.role);
          for (const folder of writtenFolders(seen)) expect(folders, `${name} writes to ${folder}`).toContain(folder);
        }
      }),
      { ...RUNS, endOnFailure: true },
    );
    expect([...roles].toSorted()).toEqual(["all", "api", "worker"]);
  });
});

/** Services that read the configuration of the server, joined over the files as Compose joins them. */
function serversOf(files: ReadonlyMap<string, string>): ReadonlyMap<string, Service> {
  const found = new Map<string, Service>();
  for (const [path, text] of files) {
    if (!/^compose\/compose[.\w]*\.yaml$/.test(path)) continue;
    for (const [name, service] of Object.entries<Record<string, unknown>>(parse(text).services)) {
      const before = found.get(name) ?? { environment: {}, folders: [] };
      const volumes = (service["volumes"] ?? []) as readonly (string | { target: string })[]; // rendered by us
      found.set(name, {
        environment: { ...before.environment, ...(service["environment"] as Readonly<Record<string, string>>) }, // the same
        folders: [
          ...before.folders,
          ...volumes.map((volume) => (typeof volume === "string" ? volume.split(":")[1]! : volume.target)),
        ],
      });
    }
  }
  return new Map([...found].filter(([, { folders }]) => folders.includes("/etc/gigastt/gigastt.config.yaml")));
}

/** Folders that a server with this configuration writes to. */
function writtenFolders({ archive, auth, jobs, store }: ResolvedConfig): readonly string[] {
  return [
    ...(auth.keys === "required" ? [store.dir!] : []),
    ...(jobs.enabled && (jobs.engine === "sqlite" || jobs.blobs === "files") ? [jobs.dir!] : []),
    ...(archive.enabled && archive.engine === "sqlite" ? [archive.dir!] : []),
  ];
}
