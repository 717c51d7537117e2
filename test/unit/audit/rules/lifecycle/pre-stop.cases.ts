import { type CasesOfRule, casesOf, KUBE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-LIF-002", [
  {
    name: "no pause",
    ...KUBE,
    from: "          lifecycle: {preStop: {sleep: {seconds: 10}}}\n",
    to: "",
  },
  {
    name: "exec sleep",
    ...KUBE,
    from: "{sleep: {seconds: 10}}",
    to: '{exec: {command: ["/bin/sh", "-c", "sleep 10"]}}',
    at: "sleep 10",
  },
  {
    name: "pause too short",
    ...KUBE,
    from: "sleep: {seconds: 10}",
    to: "sleep: {seconds: 1}",
    at: "seconds: 1}",
  },
]);
