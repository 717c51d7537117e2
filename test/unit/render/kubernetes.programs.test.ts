import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import type { Manifest } from "../../../src/render/kubernetes/object.ts";
import { renderFiles } from "../../../src/render/render.ts";
import { KUBE } from "../../support/kube.ts";
import { objectsOf, problemsOf, VARIANTS } from "./_manifests.ts";

describe("Kubernetes manifests", () => {
  // The kubectl built for these tests has a known version; otherwise use the installed one.
  const kubectl = KUBE === undefined ? ["kubectl"] : [KUBE, "kubectl"];
  const found = spawnSync(kubectl[0]!, [...kubectl.slice(1), "version", "--client"], { encoding: "utf8" }).status === 0;
  const why = found ? "" : " (skipped: kubectl is not installed)";
  it.skipIf(!found)(`are accepted by kubectl kustomize, every object with its label and namespace${why}`, () => {
    const dir = mkdtempSync(join(tmpdir(), "gigastt-kustomize-"));
    try {
      for (const [, config] of VARIANTS) {
        rmSync(join(dir, "kubernetes"), { recursive: true, force: true });
        for (const file of renderFiles(config, ["kubernetes"], {
          toolVersion: "0.0.0",
          configHash: "0".repeat(64),
        })) {
          mkdirSync(dirname(join(dir, file.path)), { recursive: true });
          writeFileSync(join(dir, file.path), file.text);
        }
        const result = spawnSync(kubectl[0]!, [...kubectl.slice(1), "kustomize", join(dir, "kubernetes")], {
          encoding: "utf8",
        });
        expect(result.stderr).toBe("");
        const built = parseAllDocuments(result.stdout).map((document) => document.toJS() as Manifest); // kustomize's output
        expect(built).toHaveLength(objectsOf(config).length);
        for (const manifest of built) {
          expect(problemsOf(manifest)).toEqual([]);
          expect((manifest["metadata"] as { labels: Record<string, string> }).labels["app.kubernetes.io/part-of"]).toBe(
            "gigastt",
          ); // checked by the schema
        }
      }
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
