import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ALERTS, RUNBOOK } from "../../../src/render/monitoring/alerts.ts";
import { dashboard } from "../../../src/render/monitoring/dashboard.ts";
import { bodyOf, readHeader, withHeader } from "../../../src/render/header.ts";
import { knownMetrics } from "../../support/metrics-registry.ts";

interface Box {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}
interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: Box;
  readonly targets?: readonly { readonly expr: string }[];
}
const panels = dashboard()["panels"] as readonly Panel[]; // as the renderer builds them
const expressions: readonly (readonly [name: string, expr: string])[] = [
  ...ALERTS.map(({ name, expr }) => [name, expr] as const),
  ...panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr] as const)),
];

describe("alerts and dashboard", () => {
  it("ask for metrics and labels that the server has", async () => {
    const known = await knownMetrics();
    for (const [where, expr] of expressions) {
      const uses = [...expr.matchAll(/\b((?:gigastt|process|nodejs)_\w+)\{([^}]*)\}/g)];
      expect(uses.length + Number(expr.includes("up{")), where).toBeGreaterThan(0);
      for (const [, used = "", selectors = ""] of uses) {
        const name = used.replace(/_bucket$/, "");
        const metric = known.get(name);
        expect(metric, `${where}: ${name}`).toBeDefined();
        if (used !== name) expect(metric?.type, used).toBe("histogram");
        // A counter is only of use as a rate.
        if (metric?.type !== "gauge") expect(expr, where).toMatch(/rate\(|increase\(/);
        for (const [, label = ""] of selectors.matchAll(/(\w+)(?:=~|!~|!=|=)"/g))
          if (!["job", "instance"].includes(label)) expect(metric?.labels, `${where}: ${name}`).toContain(label);
      }
    }
  });

  it("fill in labels that their expressions keep", async () => {
    const known = await knownMetrics();
    for (const { name, expr, summary } of ALERTS) {
      const kept = new Set([
        "instance",
        ...[...expr.matchAll(/\b(gigastt_\w+)\{/g)].flatMap(([, metric = ""]) => known.get(metric)?.labels ?? []),
      ]);
      for (const [, label = ""] of summary.matchAll(/\$labels\.(\w+)/g)) expect(kept, name).toContain(label);
    }
  });

  it("have each a section in the runbook, in both languages", () => {
    for (const page of [RUNBOOK, RUNBOOK.replace("docs/", "docs/ru/")]) {
      const text = readFileSync(new URL(`../../../${page}`, import.meta.url), "utf8");
      const sections = [...text.matchAll(/^### (Gigastt\w+)$/gm)].map(([, name]) => name);
      expect(sections, page).toEqual(ALERTS.map(({ name }) => name));
    }
  });

  it("are laid out without overlaps, each with its own id", () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const [index, { title, gridPos: a }] of panels.entries()) {
      expect(a.x + a.w, title).toBeLessThanOrEqual(24);
      for (const { title: other, gridPos: b } of panels.slice(index + 1)) {
        const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
        expect(apart, `${title} and ${other}`).toBe(true);
      }
    }
  });
});

describe("the header of a JSON file", () => {
  const body = '{\n  "a": 1\n}\n';
  const text = withHeader(
    { path: "a.json", body, comment: "json" },
    { toolVersion: "1.0.0", configHash: "a".repeat(64) },
  );

  it("is JSON, and an edit is noticed", () => {
    expect(JSON.parse(text)).toMatchObject({ a: 1 });
    expect(readHeader(text)).toEqual({ kind: "intact", configHash: "a".repeat(64), toolVersion: "1.0.0" });
    expect(bodyOf(text)).toBe(body);
    expect(readHeader(text.replace("1\n", "2\n")).kind).toBe("edited");
  });
});
