import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { renderFiles, type RenderTarget } from "../../../src/render/render.ts";
import { configWith, type Overrides } from "./base-config.ts";

// deploy/ holds the image's Dockerfile and complete examples for people to read; UPDATE_GOLDEN=1 writes them again.
const root = fileURLToPath(new URL("../../../deploy/", import.meta.url));
const DOMAIN = { domain: "stt.example.com" };
const EXAMPLES: readonly (readonly [string, Overrides, readonly RenderTarget[]])[] = [
  [".", {}, ["docker"]],
  [
    "examples/caddy",
    { deploy: { ...DOMAIN, proxy: { kind: "caddy" }, auth: { kind: "basic" }, tls: { hsts: "on" } } },
    ["caddy", "systemd", "firewall"],
  ],
  [
    "examples/nginx",
    { deploy: { ...DOMAIN, proxy: { kind: "nginx" }, auth: { kind: "basic" }, tls: { hsts: "on" } } },
    ["nginx", "systemd", "firewall"],
  ],
  [
    "examples/compose",
    {
      deploy: { ...DOMAIN, target: "compose", proxy: { kind: "caddy" }, auth: { kind: "basic" }, tls: { hsts: "on" } },
    },
    ["compose"],
  ],
  ["examples/kubernetes", { deploy: { ...DOMAIN, target: "kubernetes", tls: { hsts: "on" } } }, ["kubernetes"]],
];

it.each(EXAMPLES)("deploy/%s is what the renderer writes", (folder, overrides, targets) => {
  const files = renderFiles(configWith(overrides), targets, { toolVersion: "example", configHash: "0".repeat(64) });
  // The Dockerfile is not in a folder of its own: people look for deploy/Dockerfile.
  const wanted = new Map(
    files.map(({ path, text }) => [folder === "." ? path.replace("docker/", "") : join(folder, path), text]),
  );
  if (process.env["UPDATE_GOLDEN"] === "1") {
    if (folder !== ".") rmSync(join(root, folder), { recursive: true, force: true });
    for (const [path, text] of wanted) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
  }
  for (const [path, text] of wanted) expect(readFileSync(join(root, path), "utf8"), path).toBe(text);
  if (folder !== ".")
    expect(
      list(join(root, folder))
        .map((path) => join(folder, path))
        .sort(),
    ).toEqual([...wanted.keys()].sort());
  else expect(existsSync(join(root, "Dockerfile"))).toBe(true);
});

function list(dir: string, prefix = ""): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? list(join(dir, entry.name), `${prefix}${entry.name}/`) : [`${prefix}${entry.name}`],
  );
}
