import { type CasesOfRule, casesOf, UNIT } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-SBX-006", [
  {
    name: "memory that V8 needs",
    ...UNIT,
    from: "PrivateTmp=yes",
    to: "PrivateTmp=yes\nMemoryDenyWriteExecute=yes",
    at: "MemoryDeny",
  },
  {
    name: "no processors",
    ...UNIT,
    from: "PrivateTmp=yes",
    to: "PrivateTmp=yes\nProcSubset=pid",
    at: "ProcSubset",
  },
  { name: "no GPU", ...UNIT, from: "", to: "", assume: { gpu: "true" }, at: "PrivateDevices" },
  {
    name: "nowhere to write",
    ...UNIT,
    from: "StateDirectory=gigastt\n",
    to: "",
    at: "ProtectSystem",
  },
]);
