import type { Rule } from "../../types.ts";
import type { Unit } from "../../model/units.ts";
import { isYes } from "../../model/units.ts";
import { appUnits } from "../../model/facts.ts";
import { addUnit, removeLines } from "../kit/edits.ts";

export const rule: Rule = {
  id: "GA-SBX-006",
  severity: "error",
  confidence: "certain",
  title: "A hardening option that Node cannot run with",
  why: "MemoryDenyWriteExecute forbids the memory that V8 compiles into: Node aborts at the start. ProcSubset=pid hides /proc/cpuinfo, so Node counts no processors and pools sized from that are empty. PrivateDevices hides the GPU. The first two barely change the exposure score.",
  evidence: ["Tried: PR_SET_MDWE with Node ends in SIGTRAP (exit 133); with /proc subset=pid os.cpus() is empty."],
  reads: ["systemd", "config"],
  fixKind: "safe",
  *check(facts) {
    for (const unit of facts.units) {
      const node = runsNode(unit);
      if (!node) continue;
      const deny = unit.get("Service", "MemoryDenyWriteExecute");
      if (deny && isYes(deny) && !/--jitless/.test(unit.get("Service", "ExecStart")?.value ?? "")) {
        yield {
          span: deny,
          message: "MemoryDenyWriteExecute=yes: Node aborts at the start",
          fix: "Delete the line.",
          edits: [removeLines(deny)],
        };
      }
      const subset = unit.get("Service", "ProcSubset");
      if (subset?.value === "pid")
        yield {
          span: subset,
          message: "ProcSubset=pid: Node sees no processors (os.cpus() is empty)",
          fix: "Delete the line; ProtectProc=invisible is fine.",
          edits: [removeLines(subset)],
        };
      const devices = unit.get("Service", "PrivateDevices");
      if (devices && isYes(devices) && facts.assume.flag("gpu"))
        yield {
          span: devices,
          message: "PrivateDevices=yes hides the GPU from the engine",
          fix: "Delete the line and allow the device with DeviceAllow=.",
          edits: [removeLines(devices)],
        };
    }
    for (const unit of appUnits(facts)) {
      if (!unit.base) continue;
      const system = unit.get("Service", "ProtectSystem");
      const home = unit.get("Service", "ProtectHome");
      const writable = unit.all("Service", "ReadWritePaths").length > 0;
      const fixed = facts.assume.text("supervisor.stateDir") !== undefined;
      for (const [key, variable] of [
        ["StateDirectory", "XDG_STATE_HOME"],
        ["CacheDirectory", "XDG_CACHE_HOME"],
      ] as const) {
        const folder = unit.get("Service", key);
        const environment = unit.all("Service", "Environment").find((entry) => entry.value.includes(`${variable}=`));
        if (system?.value === "strict" && !folder && !writable)
          yield {
            span: system,
            message: `ProtectSystem=strict without ${key}: the server cannot write to any folder`,
            fix: `Set \`${key}=gigastt\`.`,
            edits: [addUnit(unit.span, `${key}=gigastt`)],
          };
        else if (home && home.value !== "no" && !environment && folder && !fixed)
          yield {
            span: home,
            message: `ProtectHome=${home.value} hides the home folder, where the server looks without ${variable}: it cannot write`,
            fix: `Set \`Environment=${variable}=%${key === "StateDirectory" ? "S" : "C"}\`.`,
            edits: [addUnit(unit.span, `Environment=${variable}=%${key === "StateDirectory" ? "S" : "C"}`)],
          };
      }
    }
  },
};

function runsNode(unit: Unit): boolean {
  return (
    unit.all("Service", "ExecStart").some((entry) => /(?:^|[/\s@!+-])node(?:js)?(?:\s|$)|gigastt/.test(entry.value)) ||
    (unit.base === undefined && /gigastt/.test(unit.name))
  );
}
