import { describe, expect, it } from "vitest";
import { rules } from "../../../src/audit/rules/registry.ts";
import { rulesIn, suits } from "../../contract/proxy/proofs/proof.ts";
import { programsOf, PROOFS, reasonFor, WITHOUT_PROOF } from "../../contract/proxy/proofs/table.ts";

/** Versions before which the proofs run: those that Debian has, and newer ones. */
const VERSIONS = {
  nginx: ["1.22.1", "1.30.6"],
  caddy: ["2.6.2", "2.11.4"],
  haproxy: ["2.6.12"],
  traefik: ["3.6.12"],
} as const;

const pairs = rules.flatMap((rule) => programsOf(rule).map((program) => ({ rule: rule.id, program })));
const isProven = (rule: string, program: string): boolean =>
  PROOFS.some((proof) => proof.rule === rule && proof.program === program);

describe("a rule that speaks about a proxy", () => {
  it("has a proof in traffic, or a reason why there is none", () => {
    expect(pairs.filter(({ rule, program }) => isProven(rule, program) === Boolean(reasonFor(rule, program)))).toEqual(
      [],
    );
  });

  it("has no reason that it does not need", () => {
    const known = new Set(pairs.map(({ rule, program }) => `${rule} ${program}`));
    const given = Object.entries(WITHOUT_PROOF).flatMap(([rule, reason]) =>
      typeof reason === "string" ? [] : Object.keys(reason).map((program) => `${rule} ${program}`),
    );
    expect(given.filter((pair) => !known.has(pair))).toEqual([]);
    expect(Object.keys(WITHOUT_PROOF).filter((rule) => !pairs.some((pair) => pair.rule === rule))).toEqual([]);
  });

  it.each(PROOFS)("$rule, $program: $claims", (proof) => {
    const versions = VERSIONS[proof.program].filter((version) => suits(proof, version));
    expect(versions).not.toEqual([]);
    for (const version of versions) {
      expect(rulesIn(proof, proof.bad, version), `bad, ${version}`).toContain(proof.rule);
      expect(rulesIn(proof, proof.good, version), `good, ${version}`).not.toContain(proof.rule);
    }
  });
});
