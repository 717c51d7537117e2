import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ALL_ROUTES, allowedMethods } from "../../../src/shared/protocol.ts";

const root = new URL("../../../", import.meta.url);
const files = ["src", "templates"].flatMap((folder) =>
  readdirSync(new URL(folder, root), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`),
);

/** Routes of other servers. */
const FOREIGN = new Set(["/v1/traces"]);

describe("the table of routes", () => {
  const paths = ALL_ROUTES.map(({ path }) => path);

  it("has every versioned path that the sources and templates name", () => {
    const unknown = files.flatMap((file) =>
      [...readFileSync(file, "utf8").matchAll(/\/v1\/[a-z]+(?:\/[a-z]+)*/g)]
        .filter(([path]) => !paths.includes(path) && !FOREIGN.has(path))
        .map(([path]) => `${file}: ${path}`),
    );
    expect(unknown).toEqual([]);
  });

  it("has each path once, and aliases lead to a route", () => {
    expect(new Set(paths).size).toBe(paths.length);
    for (const { replacedBy } of ALL_ROUTES) expect([undefined, ...paths]).toContain(replacedBy);
  });

  it("allows what a browser needs where pages may ask, and nothing more where proxies are closed", () => {
    const allowed = Object.fromEntries(ALL_ROUTES.map((route) => [route.path, allowedMethods(route).join(", ")]));
    expect(allowed).toMatchObject({
      "/health": "GET, HEAD",
      "/metrics": "GET, HEAD",
      "/v1/models": "GET, HEAD, OPTIONS",
      "/v1/transcribe": "POST, OPTIONS",
      "/v1/ws": "GET, OPTIONS",
    });
  });
});
