import { ok, verdictOf } from "../../../audit/observe/verdict.ts";
import { problem, valuesOf } from "../kit.ts";
import type { Probe } from "../probe.ts";

/** Half a year: what observatories ask for at least, seconds. */
const MIN_AGE_S = 15_552_000;
const TRIAL_S = 300;

export const probe: Probe = {
  id: "GA-LIV-009",
  severity: "warning",
  confidence: "certain",
  title: "Strict-Transport-Security is missing, too short, or twice",
  why: "Without the header a browser tries plain HTTP first each time, and an attacker on the path can keep it there. A browser ignores the header when it comes twice with different values; a short age forgets it between two visits.",
  evidence: ["Read from the answer of /health. 300 s is the trial that deploy.tls.hsts: trial renders."],
  reads: ["GET /health"],
  fixKind: "manual",
  sameAs: ["GA-TLS-002"],
  tls: true,
  run: async (live) => {
    const values = valuesOf(live.health, "strict-transport-security");
    const wanted = live.assume.text("deploy.tls.hsts");
    const request = "GET /health";
    const shown = `${live.health.status} strict-transport-security: ${values.join(" | ") || "-"}`;
    const fix =
      "Set deploy.tls.hsts: on and render again, or send `Strict-Transport-Security: max-age=63072000` once, on errors too.";
    if (values.length === 0)
      return wanted === "off"
        ? ok("off, as deploy.tls.hsts says")
        : verdictOf(
            [problem(live, request, shown, { message: "answers carry no Strict-Transport-Security", fix })],
            "",
          );
    if (values.length > 1)
      return verdictOf(
        [
          problem(live, request, shown, {
            message: `Strict-Transport-Security comes ${values.length} times`,
            fix: "Let the proxy alone send it, and drop the server's.",
          }),
        ],
        "",
      );
    const ageS = Number(/(?:^|;)\s*max-age\s*=\s*"?(\d+)/i.exec(values[0] ?? "")?.[1] ?? Number.NaN);
    if (ageS >= MIN_AGE_S) return ok(`max-age ${ageS} s`);
    if (ageS === TRIAL_S && (wanted === "trial" || wanted === undefined)) return ok(`trial: ${TRIAL_S} s`);
    return verdictOf(
      [
        problem(live, request, shown, {
          message: Number.isNaN(ageS)
            ? "Strict-Transport-Security has no max-age"
            : `Strict-Transport-Security lasts only ${ageS} s`,
          fix,
        }),
      ],
      "",
    );
  },
};
