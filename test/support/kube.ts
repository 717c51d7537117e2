import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findTool } from "../contract/proxy/front.ts";
import { spawnLeashed } from "./leash.ts";

/** What `.ci/tools.sh` builds from test/system/apiserver: the real API server and the real kubectl. */
export const KUBE: string | undefined = findTool("gigastt-kube");
/** Definitions of the Gateway API and of KEDA that .ci/tools.sh puts there. */
const CRDS = "/usr/local/share/gigastt-kube";

/** Why the API server is missing; undefined when it is installed. */
export const whyNoKube: string | undefined =
  KUBE === undefined || !existsSync(CRDS) ? "gigastt-kube is not built, see .ci/tools.sh" : undefined;

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Kube {
  readonly kubeconfig: string;
  /** Runs kubectl; never rejects. */
  kubectl(argv: readonly string[], stdin?: string): Promise<Ran>;
  /** The object or list that `kubectl get` prints. */
  get(argv: readonly string[]): Promise<KubeObject>;
  stop(): Promise<void>;
}

// oxlint-disable-next-line typescript/no-explicit-any -- untyped objects of the API
export type KubeObject = any;

/** Kinds of the Prometheus operator, known by name alone: its own schemas come with no module that can be downloaded. */
const OPERATOR_KINDS = ["PodMonitor", "PrometheusRule"]
  .map((kind) => {
    const [group, plural] = ["monitoring.coreos.com", `${kind.toLowerCase()}s`];
    const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
    return JSON.stringify({
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: `${plural}.${group}` },
      spec: {
        group,
        names: { kind, plural },
        scope: "Namespaced",
        versions: [{ name: "v1", served: true, storage: true, schema }],
      },
    });
  })
  .join("\n");

/** etcd, API server and the controllers of Deployments on loopback, with the Gateway API. Nothing schedules: pods stay pending. */
export async function startKube(): Promise<Kube> {
  const dir = mkdtempSync(join(tmpdir(), "gigastt-kube-"));
  const kubeconfig = join(dir, "kubeconfig");
  const leashed = spawnLeashed(KUBE!, [dir], { stdio: ["pipe", "pipe", "pipe"] });
  let log = "";
  for (const stream of [leashed.child.stdout!, leashed.child.stderr!])
    stream.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const stop = async (): Promise<void> => {
    await leashed.stop(10_000);
    rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  };
  const kubectl: Kube["kubectl"] = (argv, stdin) =>
    new Promise((resolve) => {
      const child = execFile(
        KUBE!,
        ["kubectl", ...argv],
        { env: { PATH: process.env["PATH"], HOME: dir, KUBECONFIG: kubeconfig }, maxBuffer: 2 ** 26 },
        (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }),
      );
      child.stdin!.end(stdin);
    });
  const kube: Kube = {
    kubeconfig,
    kubectl,
    get: async (argv) => {
      const { code, stdout, stderr } = await kubectl(["get", "-o", "json", ...argv]);
      if (code !== 0) throw new Error(`kubectl get ${argv.join(" ")}: ${stderr}`);
      return JSON.parse(stdout);
    },
    stop,
  };
  try {
    while (!/^ready$/m.test(log)) {
      if (leashed.child.exitCode !== null) throw new Error(`the API server ended:\n${log}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    for (const [from, stdin] of [[CRDS, undefined] as const, ["-", OPERATOR_KINDS] as const]) {
      const applied = await kubectl(["apply", "--server-side", "-f", from], stdin);
      if (applied.code !== 0) throw new Error(applied.stderr);
    }
    const wait = ["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"];
    let waited = await kubectl(wait);
    // kubectl refuses a CRD so new that it has no list of conditions yet.
    while (waited.stderr.includes("conditions accessor error")) waited = await kubectl(wait);
    if (waited.code !== 0) throw new Error(waited.stderr);
  } catch (error) {
    await stop();
    throw error;
  }
  return kube;
}
