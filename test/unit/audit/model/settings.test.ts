import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { auditFiles, brief, factsOf } from "../../../support/audit-files.ts";

const kinds: Readonly<Record<string, (name: string, value: string) => Record<string, string>>> = {
  "compose map": (name, value) => ({
    "compose.yaml": `services:\n  gigastt:\n    image: gigastt\n    environment:\n      ${name}: "${value}"\n`,
  }),
  "compose list": (name, value) => ({
    "compose.yaml": `services:\n  gigastt:\n    image: gigastt\n    environment: ["${name}=${value}"]\n`,
  }),
  "compose .env": (name, value) => ({
    ".env": `V=${value}\n`,
    "compose.yaml": `services:\n  gigastt:\n    image: gigastt\n    environment:\n      ${name}: \${V}\n`,
  }),
  "compose env_file": (name, value) => ({
    "a/server.env": `${name}=${value}\n`,
    "a/compose.yaml": "services:\n  gigastt:\n    image: gigastt\n    env_file:\n      - path: server.env\n",
  }),
  "pod env": (name, value) => ({
    "pod.yaml": `apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n    - name: gigastt\n      env:\n        - name: ${name}\n          value: "${value}"\n`,
  }),
  "unit Environment": (name, value) => ({
    "gigastt.service": `[Service]\nExecStart=/usr/bin/gigastt serve\nEnvironment=A=b "${name}=${value}"\n`,
  }),
  "unit EnvironmentFile": (name, value) => ({
    "gigastt.service": "[Service]\nExecStart=/usr/bin/gigastt serve\nEnvironmentFile=/etc/default/gigastt.env\n",
    "etc/default/gigastt.env": `${name}='${value}'\n`,
  }),
  "Dockerfile ENV": (name, value) => ({ Dockerfile: `FROM node:22\nENV A=1 \\\n    ${name}=${value}\n` }),
  "Dockerfile ENV, old form": (name, value) => ({ Dockerfile: `FROM node:22\nENV ${name} ${value}\n` }),
};

describe("settings in variables", () => {
  it.each(Object.entries(kinds))("%s: every spelling of a drain is the server's drain", (_, files) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 600 }),
        fc.constantFrom(
          (n: number) => ["GIGASTT_SHUTDOWN_DRAIN_SECS", String(n)] as const,
          (n: number) => ["GIGASTT_SHUTDOWN_DRAIN_SECS", `${n}s`] as const,
        ),
        (drain, spell) => {
          const facts = factsOf(files(...spell(drain)));
          expect(facts.assume.number("shutdown.drain")).toBe(drain * 1000);
          expect(facts.assume.related("shutdown.drain")).toHaveLength(1);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("--assume wins over a variable, a variable over the config", () => {
    const files = {
      "gigastt.config.yaml": "shutdown: {drain: 11s}\n",
      ...kinds["compose map"]?.("GIGASTT_SHUTDOWN_DRAIN_SECS", "22s"),
    };
    expect(factsOf(files).assume.number("shutdown.drain")).toBe(22_000);
    expect(factsOf(files, { assume: { "shutdown.drain": "33s" } }).assume.number("shutdown.drain")).toBe(33_000);
  });

  it("`environment` wins over env_file", () => {
    const facts = factsOf({
      "server.env": "GIGASTT_SHUTDOWN_DRAIN_SECS=50s\n",
      "compose.yaml":
        "services:\n  gigastt:\n    image: gigastt\n    env_file: server.env\n    environment: {GIGASTT_SHUTDOWN_DRAIN_SECS: 20s}\n",
    });
    expect(facts.assume.number("shutdown.drain")).toBe(20_000);
  });

  it("each service is measured by its own drain", () => {
    const service = (name: string, drain: string, grace: string): string =>
      `  ${name}:\n    image: gigastt\n    stop_grace_period: ${grace}\n    environment: {GIGASTT_SHUTDOWN_DRAIN_SECS: ${drain}}\n`;
    const graces = (text: string): string[] =>
      brief(auditFiles({ "compose.yaml": `services:\n${text}` })).filter((line) => line.startsWith("GA-LIF-003"));
    expect(graces(service("a", "10s", "15s") + service("b", "60s", "70s"))).toEqual([]);
    expect(graces(service("a", "10s", "15s") + service("b", "60s", "60s"))).toEqual(["GA-LIF-003 compose.yaml:8"]);
  });

  it("a client that names the server is not the server, and its variables are not settings", () => {
    const facts = factsOf({
      "compose.yaml":
        "services:\n  web:\n    image: shop\n    environment: {GIGASTT_HOST: voice, GIGASTT_PORT: 1234, GIGASTT_URL: http://voice}\n",
    });
    expect(facts.services.filter(facts.app.isService)).toEqual([]);
    expect(facts.assume.number("server.port")).toBe(9876);
  });
});
