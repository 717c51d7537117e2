import { type CasesOfRule, casesOf, KUBE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-LIF-001", [
  {
    name: "grace below pause and drain",
    ...KUBE,
    from: "terminationGracePeriodSeconds: 30",
    to: "terminationGracePeriodSeconds: 20",
    at: "20",
  },
  {
    name: "default grace, longer drain",
    ...KUBE,
    from: "      terminationGracePeriodSeconds: 30\n",
    to: "",
    assume: { "shutdown.drain": "30s" },
  },
  {
    name: "the container's own drain",
    ...KUBE,
    from: "        - name: gigastt\n",
    to: '        - name: gigastt\n          env: [{name: GIGASTT_SHUTDOWN_DRAIN_SECS, value: "20"}]\n',
    at: "30",
  },
  {
    name: "a drain in a ConfigMap",
    ...KUBE,
    from: "        - name: gigastt\n",
    to: "        - name: gigastt\n          envFrom: [{configMapRef: {name: gigastt-env}}]\n",
    add: {
      "env.yaml":
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: gigastt-env}\ndata: {GIGASTT_SHUTDOWN_DRAIN_SECS: 20s}\n",
    },
    at: "30",
  },
  {
    name: "the drain of a ConfigMap",
    ...KUBE,
    from: "",
    to: "",
    add: {
      "config.yaml":
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: gigastt, namespace: stt}\ndata:\n  gigastt.config.yaml: |\n    server: {host: 0.0.0.0, allowBindAny: true}\n    shutdown:\n      drain: 10m\n",
    },
  },
]);
