import type { Rule } from "../../types.ts";
import { appUnits } from "../../model/facts.ts";
import { addUnit, replace } from "../kit/edits.ts";

export const rule: Rule = {
  id: "GA-LIF-010",
  severity: "error",
  confidence: "certain",
  title: "The readiness notification cannot reach systemd",
  why: "Node has no datagram sockets, so a helper (`systemd-notify`) sends READY=1. systemd drops it unless NotifyAccess lets children speak, and RestrictAddressFamilies without AF_UNIX forbids the socket: the start then times out although the server runs.",
  evidence: ["systemd-notify(1)", "systemd/systemd#36790", "nodejs/node#31414"],
  reads: ["systemd"],
  fixKind: "safe",
  *check(facts) {
    const ours = new Set(appUnits(facts));
    for (const unit of facts.units) {
      const type = unit.get("Service", "Type");
      const orphan = unit.get("Service", "NotifyAccess");
      if (ours.has(unit) && orphan && !/^notify(?:-reload)?$/.test(type?.value ?? "")) {
        yield {
          span: type ?? orphan,
          message: `NotifyAccess=${orphan.value} without Type=notify: systemd calls the unit started before its model is loaded`,
          fix: "Set `Type=notify`.",
          edits: [type ? replace(type, "Type=notify") : addUnit(unit.span, "Type=notify")],
          severity: "warning",
        };
      }
      if (!type || !/^notify(?:-reload)?$/.test(type.value)) continue;
      const access = unit.get("Service", "NotifyAccess");
      if (ours.has(unit) && !/^(?:all|exec)$/.test(access?.value ?? "")) {
        yield {
          span: access ?? type,
          message: `Type=${type.value} with NotifyAccess=${access?.value ?? "main (default)"}: systemd ignores the helper process that sends READY=1`,
          fix: "Set `NotifyAccess=all`.",
          edits: [access ? replace(access, "NotifyAccess=all") : addUnit(type, "NotifyAccess=all")],
        };
      }
      const families = unit.all("Service", "RestrictAddressFamilies");
      const words = families.flatMap((entry) => entry.value.split(/\s+/));
      const last = families.at(-1);
      if (last && !words.includes("AF_UNIX") && !words[0]?.startsWith("~") && words[0] !== "none") {
        yield {
          span: last,
          message: "RestrictAddressFamilies lacks AF_UNIX, the family of the notification socket",
          fix: "Add AF_UNIX.",
          edits: [replace(last, `RestrictAddressFamilies=${last.value} AF_UNIX`)],
        };
      }
    }
  },
};
