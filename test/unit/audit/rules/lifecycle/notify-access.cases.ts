import { type CasesOfRule, casesOf, UNIT } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-LIF-010", [
  {
    name: "helper not listened to",
    ...UNIT,
    from: "NotifyAccess=all\n",
    to: "",
    at: "Type=notify",
  },
  { name: "no unix sockets", ...UNIT, from: " AF_UNIX", to: "", at: "RestrictAddressFamilies" },
  {
    name: "NotifyAccess without notify",
    ...UNIT,
    from: "Type=notify",
    to: "Type=exec",
    at: "Type=exec",
  },
]);
