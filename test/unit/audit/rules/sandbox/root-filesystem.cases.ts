import { type CasesOfRule, casesOf, COMPOSE, KUBE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-SBX-002", [
  { name: "writable root", ...COMPOSE, from: "    read_only: true\n", to: "" },
  { name: "no /tmp", ...COMPOSE, from: '    tmpfs: ["/tmp:mode=1777,size=256m"]\n', to: "" },
  { name: "small /tmp", ...COMPOSE, from: "size=256m", to: "size=64m", at: "64m" },
  { name: "small emptyDir", ...KUBE, from: "sizeLimit: 256Mi", to: "sizeLimit: 64Mi", at: "64Mi" },
  {
    name: "model folder not mounted",
    ...COMPOSE,
    from: "",
    to: "",
    assume: { "model.dir": "/models" },
  },
  {
    name: "tmpfs without a size",
    ...COMPOSE,
    from: "/tmp:mode=1777,size=256m",
    to: "/tmp:mode=1777",
    at: "tmpfs",
  },
  {
    name: "emptyDir without a size",
    ...KUBE,
    from: "emptyDir: {sizeLimit: 256Mi}",
    to: "emptyDir: {}",
    at: "emptyDir",
  },
]);
