import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { resolveSection } from "../../../src/config/resolve.ts";
import { configSchema } from "../../../src/config/schema/schema.ts";
import type { ResolvedConfig } from "../../../src/config/types.ts";
import { createHostPolicy } from "../../../src/runtime/access/host.ts";
import { renderFiles } from "../../../src/render/render.ts";
import { configWith } from "./base-config.ts";

const source = { toolVersion: "0.0.0", configHash: "0".repeat(64) };

/** The configuration that the container reads, out of the rendered set. */
function renderedConfig(target: "compose" | "kubernetes", config: ResolvedConfig): ResolvedConfig {
  const files = renderFiles(config, [target], source);
  const text = (path: string): string => files.find((file) => file.path === path)?.text ?? "";
  const yaml =
    target === "compose"
      ? text("compose/gigastt.config.yaml")
      : (parse(text("kubernetes/configmap.yaml")) as { data: Record<string, string> }).data["gigastt.config.yaml"];
  return resolveSection(configSchema, parse(yaml ?? "")) as unknown as ResolvedConfig; // written by the renderer from one
}

const everywhere = ["localhost:9876", "127.0.0.1:9876", "172.30.0.5:9876", "[fd00::5]:9876", "gigastt", "gigastt:9876"];
const places = {
  compose: [
    ...everywhere,
    "proxy",
    "gigastt.speech_edge:9876",
    "stt.example.com",
    "STT.example.com:8443",
    "other.example.com",
  ],
  kubernetes: [
    ...everywhere,
    "gigastt.speech",
    "gigastt.speech.svc:80",
    "gigastt.speech.svc.cluster.local",
    "10-42-0-7.gigastt.speech.svc.cluster.local",
    "10-42-0-7.speech.pod.cluster.local:9876",
    "gigastt-7d4b9c-x2x",
    "stt.example.com",
    "other.example.com",
  ],
} as const;

describe.each(["compose", "kubernetes"] as const)("names under which a rendered %s set is reached", (target) => {
  const config = configWith({
    server: { ...configWith({}).server, allowedHosts: ["other.example.com"] },
    deploy: {
      domain: "stt.example.com",
      target,
      compose: { project: "speech" },
      kubernetes: { namespace: "speech" },
    },
  });
  const allows = createHostPolicy(renderedConfig(target, config), "gigastt-7d4b9c-x2x");

  it.each(places[target])("allows %s", (host) => {
    expect(allows(host)).toBe(true);
  });

  it.each(["evil.example", "stt.example.com.evil.example", "gigastt.other.svc.cluster.local", "gigastt.speech.evil"])(
    "refuses %s",
    (host) => {
      expect(allows(host)).toBe(false);
    },
  );
});
