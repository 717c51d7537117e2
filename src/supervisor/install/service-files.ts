import { listenersOf } from "../../config/listeners.ts";
import { socketUnit } from "../../render/systemd.ts";
import { LISTENERS } from "../../shared/listeners.ts";
import { homedir } from "node:os";
import { join } from "node:path";
import type { ResolvedConfig } from "../../config/types.ts";
import { derive } from "../../config/derived.ts";
import { renderFiles } from "../../render/render.ts";
import { GigasttError } from "../../shared/errors.ts";

/** What installing as a service writes and runs, as data. */
export interface ServicePlan {
  readonly files: readonly { readonly path: string; readonly text: string; readonly mode: number }[];
  /** Run in order after the files are written; argv, no shell. */
  readonly commands: readonly (readonly string[])[];
  /** Run in order to undo it, before the files are removed. */
  readonly undo: readonly (readonly string[])[];
}

export interface ServiceInput {
  readonly config: ResolvedConfig;
  readonly configHash: string;
  readonly toolVersion: string;
  readonly platform: NodeJS.Platform;
  /** For launchd. */
  readonly nodePath: string;
  readonly scriptPath: string;
  readonly configPath: string | undefined;
}

/** The service files of this platform: systemd units on Linux, a launch agent on macOS. Pure. */
export function planService(input: ServiceInput): ServicePlan {
  switch (input.platform) {
    case "linux":
      return systemdPlan(input);
    case "darwin":
      return launchdPlan(input);
    default:
      throw new GigasttError(
        "GST_SERVICE_PLATFORM",
        `services can be installed on Linux and macOS, this is ${input.platform}: run "gigastt up --detach" from the system's own scheduler`,
      );
  }
}

/** Every file that installing may have written, whatever the configuration was then. */
export function serviceFiles(platform: NodeJS.Platform): readonly string[] {
  if (platform === "darwin") return [agentFile()];
  return [
    "gigastt.service",
    ...LISTENERS.map(({ name }) => socketUnit(name)),
    "gigastt-certs.service",
    "gigastt-certs.timer",
    "gigastt-certbot.service",
    "gigastt-certbot.timer",
    "caddy.service.d/gigastt.conf",
    "nginx.service.d/gigastt.conf",
  ].map((name) => `${UNIT_DIR}/${name}`);
}

// ---

const LABEL = "local.gigastt";
const UNIT_DIR = "/etc/systemd/system";

function agentFile(): string {
  return join(homedir(), "Library", "LaunchAgents", `${LABEL}.plist`);
}

function systemdPlan({ config, configHash, toolVersion }: ServiceInput): ServicePlan {
  const { user, socketActivation } = config.deploy.systemd;
  const units = renderFiles(config, ["systemd"], { toolVersion, configHash });
  // The timers renew certificates.
  const timers = units.flatMap(({ path }) => (path.endsWith(".timer") ? [path.replace(/^systemd\//, "")] : []));
  const sockets = socketActivation ? listenersOf(config).map(({ name }) => socketUnit(name)) : [];
  const started = [...sockets, "gigastt.service", ...timers];
  return {
    files: units.map(({ path, text, mode }) => ({
      path: `${UNIT_DIR}/${path.replace(/^systemd\//, "")}`,
      text,
      mode,
    })),
    commands: [
      ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", user],
      ["systemctl", "daemon-reload"],
      ["systemctl", "enable", ...started],
      // Not `enable --now`: installed again with other settings it has to take them over.
      ["systemctl", "restart", ...started],
    ],
    undo: [["systemctl", "disable", "--now", ...started]],
  };
}

function launchdPlan({ config, nodePath, scriptPath, configPath }: ServiceInput): ServicePlan {
  const path = agentFile();
  const words = [nodePath, scriptPath, "up", ...(configPath === undefined ? [] : ["--config", configPath])];
  const text = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key><string>${LABEL}</string>
  <key>ProgramArguments</key>
  <array>
${words.map((word) => `    <string>${xml(word)}</string>`).join("\n")}
  </array>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>
  <key>ProcessType</key><string>Interactive</string>
  <key>ExitTimeOut</key><integer>${Math.max(60, derive(config).unit.stopS)}</integer>
</dict>
</plist>
`;
  return {
    files: [{ path, text, mode: 0o644 }],
    commands: [["launchctl", "load", "-w", path]],
    undo: [["launchctl", "unload", "-w", path]],
  };
}

function xml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
