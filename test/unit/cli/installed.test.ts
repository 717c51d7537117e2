import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { aboutService } from "../../../src/cli/about-service.ts";
import type { CommandContext } from "../../../src/cli/command.ts";
import { parseUnit } from "../../../src/cli/installed.ts";
import { renderFiles } from "../../../src/render/render.ts";
import { configWith } from "../render/base-config.ts";

const base = configWith({});

function unit(over: Partial<typeof base.deploy.systemd>): string {
  const config = { ...base, deploy: { ...base.deploy, systemd: { ...base.deploy.systemd, ...over } } };
  const files = renderFiles(config, ["systemd"], { toolVersion: "1", configHash: "0".repeat(64) });
  return files.find(({ path }) => path.endsWith("gigastt.service"))?.text ?? "";
}

describe("the installed unit", () => {
  it("is read back as it was rendered, whatever its paths", () => {
    const path = fc.stringMatching(/^(?:\/[\p{L}\p{N} %"\\_.+-]{1,12}){1,4}$/u).filter((text) => text === text.trim());
    fc.assert(
      fc.property(path, path, (installDir, configFile) => {
        expect(parseUnit(unit({ installDir, configFile, user: "stt" }), "/unit")).toMatchObject({
          unitFile: "/unit",
          user: "stt",
          installDir,
          configFile,
          stateDir: "/var/lib/gigastt",
          env: { XDG_STATE_HOME: "/var/lib", XDG_DATA_HOME: "/var/lib", XDG_CACHE_HOME: "/var/cache" },
        });
      }),
      { numRuns: 200 },
    );
  });

  it("of another program is not taken for gigastt's", () => {
    expect(parseUnit("[Service]\nUser=x\nExecStart=/usr/bin/gigastt serve\n", "/unit")).toBeUndefined();
    expect(parseUnit("", "/unit")).toBeUndefined();
  });
});

describe("a command about the running box", () => {
  let dir: string;
  let file: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "gigastt-about-"));
    file = join(dir, "gigastt.service");
    writeFileSync(file, unit({ configFile: "/etc/gigastt/gigastt.config.yaml" }));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const about = async (flags: CommandContext["flags"] = {}, env: NodeJS.ProcessEnv = {}) => {
    let said = "";
    const stderr = { write: (text: string) => (said += text) };
    // The rest of the context is not looked at.
    const context = { flags, env: { HOME: dir, ...env }, cwd: dir, stderr } as unknown as CommandContext;
    return { ...(await aboutService(context, file)), said };
  };

  it("means the service, with its folders, and says so", async () => {
    const { flags, env, service, said } = await about();
    expect(flags["config"]).toBe("/etc/gigastt/gigastt.config.yaml");
    expect(env["XDG_STATE_HOME"]).toBe("/var/lib");
    expect(service?.user).toBe("gigastt");
    expect(said).toBe("gigastt.service: /etc/gigastt/gigastt.config.yaml, state in /var/lib/gigastt\n");
  });

  it("means it without a word when its own file or folder is named", async () => {
    for (const flags of [{ config: "/etc/gigastt/gigastt.config.yaml" }, { "state-dir": "/var/lib/gigastt" }])
      expect(await about(flags)).toMatchObject({ service: { user: "gigastt" }, said: "" });
  });

  it("means what is named instead", async () => {
    for (const [flags, env] of [
      [{ config: "mine.yaml" }, {}],
      [{ "state-dir": "state" }, {}],
      [{ set: ["server.port=1"] }, {}],
      [{}, { GIGASTT_CONFIG: "mine.yaml" }],
      [{}, { GIGASTT_SUPERVISOR_STATE_DIR: "/srv" }],
    ] as const) {
      const { service, said } = await about(flags, env);
      expect({ service, said }).toEqual({ service: undefined, said: "" });
    }
  });

  it("means nothing new where no service is installed", async () => {
    rmSync(file);
    expect((await about()).service).toBeUndefined();
  });
});
