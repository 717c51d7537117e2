import { type CasesOfRule, casesOf, COMPOSE, DOCKER, KUBE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-SBX-001", [
  { name: "root", ...COMPOSE, from: 'user: "10001:10001"', to: "user: root", at: "user" },
  { name: "capabilities", ...COMPOSE, from: "    cap_drop: [ALL]\n", to: "" },
  {
    name: "privileges",
    ...COMPOSE,
    from: '    security_opt: ["no-new-privileges:true"]\n',
    to: "",
  },
  {
    name: "privileged",
    ...COMPOSE,
    from: "    init: true\n",
    to: "    init: true\n    privileged: true\n",
    at: "privileged",
  },
  {
    name: "Docker socket",
    ...COMPOSE,
    from: "    init: true\n",
    to: "    init: true\n    volumes: [/var/run/docker.sock:/var/run/docker.sock]\n",
    at: "docker.sock",
  },
  {
    name: "escalation in Kubernetes",
    ...KUBE,
    from: "            allowPrivilegeEscalation: false\n",
    to: "",
  },
  {
    name: "seccomp in Kubernetes",
    ...KUBE,
    from: ", seccompProfile: {type: RuntimeDefault}",
    to: "",
  },
  { name: "image without user", ...DOCKER, from: "USER 10001:10001\n", to: "", at: "FROM" },
  {
    name: "namespace without a level",
    ...KUBE,
    from: "",
    to: "",
    add: { "namespace.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: gigastt}\n" },
    at: "name: gigastt",
  },
  {
    name: "the host's file system",
    ...COMPOSE,
    from: "    init: true\n",
    to: "    init: true\n    volumes: [{type: bind, source: /, target: /host, read_only: true}]\n",
    at: "/host",
  },
  {
    name: "the node's engine",
    ...KUBE,
    from: "      volumes:\n",
    to: "      volumes:\n        - name: engine\n          hostPath: {path: /run/containerd/containerd.sock}\n",
    at: "hostPath",
  },
]);
