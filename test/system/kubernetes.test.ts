import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { loadConfig } from "../../src/config/load.ts";
import type { ResolvedConfig } from "../../src/config/types.ts";
import { renderFiles } from "../../src/render/render.ts";
import { docCommands } from "../support/doc-commands.ts";
import { fuzzCases } from "../support/fuzz.ts";
import { KUBE, startKube, whyNoKube, type Kube, type KubeObject } from "../support/kube.ts";
import { forCluster, randomConfig } from "../unit/render/random-config.ts";

const goldens = new URL("../golden/render/", import.meta.url);
const SITUATIONS = readdirSync(goldens).filter((name) => name.startsWith("k8s-"));
/** Random configurations beside the golden ones. */
const RANDOM = fuzzCases(20, { quick: 3, sample: 3 });

describe(`a real API server${whyNoKube === undefined ? "" : ` (skipped: ${whyNoKube})`}`, () => {
  const test = it.skipIf(whyNoKube !== undefined);
  const scratch = mkdtempSync(join(tmpdir(), "gigastt-manifests-"));
  let kube: Kube;
  beforeAll(async () => {
    if (whyNoKube === undefined) kube = await startKube();
  }, 120_000);
  afterAll(async () => {
    await kube?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  /** Writes the manifests for a namespace of their own. */
  function write(
    config: ResolvedConfig,
    namespace: string,
  ): { readonly dir: string; readonly objects: readonly KubeObject[] } {
    const deploy = { ...config.deploy, kubernetes: { ...config.deploy.kubernetes, namespace } };
    const files = renderFiles({ ...config, deploy }, ["kubernetes"], {
      toolVersion: "0.0.0",
      configHash: "0".repeat(64),
    });
    for (const { path, text } of files) {
      mkdirSync(dirname(join(scratch, namespace, path)), { recursive: true });
      writeFileSync(join(scratch, namespace, path), text);
    }
    return {
      dir: join(scratch, namespace, "kubernetes"),
      objects: files
        .filter(({ path }) => !path.endsWith("kustomization.yaml"))
        .map(({ text }) => parse(text) as KubeObject),
    };
  }

  /** Applies everything and checks what the server made of it. */
  async function accept(config: ResolvedConfig, namespace: string): Promise<void> {
    const { dir, objects } = write(config, namespace);
    const apply = (): ReturnType<Kube["kubectl"]> =>
      kube.kubectl(["apply", "--server-side", "--validate=strict", "-k", dir]);
    const { code, stdout, stderr } = await apply();
    // A warning would be pod security or something deprecated.
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.trim().split("\n")).toHaveLength(objects.length);
    const stored = (await kube.get(["-k", dir])).items;
    for (const object of objects) {
      const same = ({ kind, metadata }: KubeObject): boolean =>
        kind === object.kind && metadata.name === object.metadata.name;
      // Nothing that we wrote was dropped or changed.
      expect(stored.find(same)).toMatchObject(object);
    }
    const deployments = objects.filter(({ kind }) => kind === "Deployment");
    await podsExist(
      namespace,
      deployments.reduce((count, { spec }) => count + (spec.replicas ?? 1), 0),
    );
    const before = await generations(namespace);
    // Again: nothing is different, so nothing rolls.
    expect((await apply()).code).toBe(0);
    expect(await generations(namespace)).toEqual(before);
  }

  /** Waits until the controllers have made the pods: admission, with the restricted standard enforced, let them in. */
  async function podsExist(namespace: string, count: number): Promise<void> {
    for (;;) {
      const [pods, sets] = [
        await kube.get(["pods", "-n", namespace]),
        await kube.get(["replicasets", "-n", namespace]),
      ];
      const refused = sets.items.flatMap((set: KubeObject) => set.status.conditions ?? []);
      expect(refused).toEqual([]);
      if (pods.items.length === count) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async function generations(namespace: string): Promise<unknown> {
    const { items } = await kube.get(["deployments,replicasets,pods,services,networkpolicies", "-n", namespace]);
    return items.map(({ kind, metadata }: KubeObject) => [kind, metadata.name, metadata.generation]);
  }

  test.each(SITUATIONS)("accepts, keeps and runs %s", { timeout: 60_000 }, async (name) => {
    const text = readFileSync(new URL(name, goldens), "utf8");
    const file = join(scratch, `${name}.yaml`);
    writeFileSync(file, text.slice(0, text.indexOf("\n----------\n") + 1));
    const { config } = await loadConfig({ file, env: {}, cwd: scratch, machine: { cores: 16 } });
    await accept(config, name.replace(/\.golden$/, ""));
  });

  test(`accepts, keeps and runs ${RANDOM} random configurations`, { timeout: 30_000 + RANDOM * 20_000 }, async () => {
    const configs = fc.sample(randomConfig, { numRuns: RANDOM, seed: 20_261_121 });
    for (const [i, config] of configs.entries()) await accept(forCluster(config), `random-${i}`);
  });

  /** A folder with `./gigastt` and our kubectl on the path. */
  function folderFor(name: string): { readonly cwd: string; readonly env: NodeJS.ProcessEnv } {
    const cwd = join(scratch, name);
    mkdirSync(join(cwd, "bin"), { recursive: true });
    symlinkSync(KUBE!, join(cwd, "bin", "kubectl"));
    symlinkSync(fileURLToPath(new URL("../../gigastt", import.meta.url)), join(cwd, "gigastt"));
    return { cwd, env: { ...process.env, PATH: `${cwd}/bin:${process.env["PATH"]}`, KUBECONFIG: kube.kubeconfig } };
  }

  /** Runs the commands one after the other; none may fail. Resolves with what the last one said. */
  async function runAll(commands: readonly string[], place: ReturnType<typeof folderFor>): Promise<string> {
    let output = "";
    for (const command of commands) {
      // No machine runs the pods: what a kubelet would report is written by hand.
      if (command.includes("rollout status")) await reportReady("gigastt");
      const { status, stdout, stderr } = spawnSync("sh", ["-c", command], { ...place, encoding: "utf8" });
      expect({ command, status, stderr: status === 0 ? "" : stderr }).toEqual({ command, status: 0, stderr: "" });
      if (command.includes("rollout status")) expect(stdout).toContain("successfully rolled out");
      output = stdout;
    }
    return output;
  }

  test("the commands of docs/deploy/kubernetes.md do what the page says", { timeout: 120_000 }, async () => {
    const commands = docCommands("docs/deploy/kubernetes.md").map(({ text }) => text);
    // The last one needs a gateway and a name: the contract suite of the proxies runs it.
    expect(commands.pop()).toBe("./gigastt verify https://stt.example.com --user anna");
    await runAll(commands, folderFor("page"));
    const secret = await kube.get(["secret/gigastt-access", "-n", "gigastt"]);
    expect(Buffer.from(secret.data["users.caddy"], "base64").toString()).toMatch(/^anna \$2/);
  });

  test("the commands that init prints for a cluster work as printed", { timeout: 120_000 }, async () => {
    await kube.kubectl(["delete", "secret/gigastt-access", "-n", "gigastt", "--ignore-not-found"]);
    const place = folderFor("init");
    const printed = await runAll(
      ["./gigastt init --yes --target kubernetes --domain stt.example.com --auth keys"],
      place,
    );
    const lines = printed.slice(printed.indexOf("Next:")).split("\n").slice(1);
    const commands = lines.map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
    expect(commands.pop()).toMatch(/ verify https:\/\/stt\.example\.com /);
    await runAll(commands, place);
    const secret = await kube.get(["secret/gigastt-access", "-n", "gigastt"]);
    expect(Buffer.from(secret.data["keys.caddy"], "base64").toString()).toMatch(/^"Bearer gst_/);
  });

  /** Waits for the newest pods and says in the place of a kubelet that all are ready. */
  async function reportReady(namespace: string): Promise<void> {
    for (;;) {
      const { metadata, spec, status } = await kube.get(["deployment/gigastt", "-n", namespace]);
      if (status.observedGeneration === metadata.generation && status.updatedReplicas === spec.replicas) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const { items } = await kube.get(["pods", "-n", namespace]);
    const conditions = ["Ready", "ContainersReady"].map((type) => ({ type, status: "True" }));
    for (const { metadata } of items) {
      const patch = JSON.stringify({ status: { phase: "Running", conditions } });
      const argv = ["patch", "pod", metadata.name, "-n", namespace, "--subresource=status", "-p", patch];
      // A pod that the rollout has replaced since needs no word.
      expect((await kube.kubectl(argv)).stderr).toMatch(/^(?:|Error from server \(NotFound\).*\n)$/);
    }
  }

  test("rolls new pods out when the configuration changes", { timeout: 60_000 }, async () => {
    const [config] = fc.sample(randomConfig, { numRuns: 1, seed: 1 });
    const at = (size: number): string =>
      write(
        {
          ...forCluster(config!),
          pool: { ...config!.pool, size },
          deploy: {
            ...forCluster(config!).deploy,
            kubernetes: { ...config!.deploy.kubernetes, replicas: 1, maxReplicas: 0, model: "baked" },
          },
        },
        "rollout",
      ).dir;
    for (const size of [2, 3]) expect((await kube.kubectl(["apply", "--server-side", "-k", at(size)])).code).toBe(0);
    // One more at a time: the old pod stays until the new one is ready, and here none ever is.
    for (;;) {
      const { items } = await kube.get(["replicasets", "-n", "rollout"]);
      if (items.length === 2 && items.every(({ status }: KubeObject) => status.replicas === 1)) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  });

  test(
    "is one that refuses: a misspelt field, a duration of six digits, a pod with more rights",
    { timeout: 60_000 },
    async () => {
      const [config] = fc.sample(randomConfig, { numRuns: 1, seed: 2 });
      const { objects } = write(
        {
          ...forCluster(config!),
          deploy: {
            ...forCluster(config!).deploy,
            kubernetes: { ...config!.deploy.kubernetes, route: "gateway", replicas: 1, maxReplicas: 0 },
          },
        },
        "refused",
      );
      const attempt = (object: KubeObject): ReturnType<Kube["kubectl"]> =>
        kube.kubectl(["apply", "--server-side", "--validate=strict", "-f", "-"], JSON.stringify(object));
      const find = (kind: string): KubeObject =>
        structuredClone(
          objects.findLast((object) => object.kind === kind && object.metadata.name !== "gigastt-redirect"),
        );
      for (const kind of ["Namespace", "ServiceAccount", "ConfigMap"]) expect((await attempt(find(kind))).code).toBe(0);

      const misspelt = find("Deployment");
      misspelt.spec.template.spec.containers[0].livenesProbe = {};
      expect((await attempt(misspelt)).stderr).toContain("livenesProbe");

      const route = find("HTTPRoute");
      route.spec.rules[1].timeouts.request = "100000s";
      expect((await attempt(route)).stderr).toContain("spec.rules[1].timeouts.request");

      const rooted = find("Deployment");
      rooted.spec.template.spec.containers[0].securityContext.allowPrivilegeEscalation = true;
      const { stderr } = await attempt(rooted);
      expect(stderr).toContain('would violate PodSecurity "restricted:latest": allowPrivilegeEscalation != false');
      for (;;) {
        const { items } = await kube.get(["replicasets", "-n", "refused"]);
        const messages = items
          .flatMap(({ status }: KubeObject) => status.conditions ?? [])
          .map((c: KubeObject) => c.message);
        if (messages.some((text: string) => text.includes('violates PodSecurity "restricted:latest"'))) break;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect((await kube.get(["pods", "-n", "refused"])).items).toEqual([]);
    },
  );
});
