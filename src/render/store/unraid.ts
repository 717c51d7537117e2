import type { RenderedBody, RenderInput } from "../target.ts";
import { APP_NAME, storeApp } from "./app.ts";

/** User and group that own the folder appdata on Unraid. */
const UNRAID_USER = "99:100";

/** Renders the container template for Unraid's Community Applications. */
export function renderUnraid(input: RenderInput, dir: string): readonly RenderedBody[] {
  const app = storeApp(input, { login: false });
  const { texts, image } = app;
  const path = `${dir}/${APP_NAME}.xml`;
  const elements: readonly (readonly [name: string, text: string])[] = [
    ["Name", APP_NAME],
    ["Repository", `${image.name}:${image.tag}`],
    ["Registry", app.repository],
    ["Network", "bridge"],
    ["Shell", "bash"],
    ["Privileged", "false"],
    ["Support", app.repository],
    ["Project", app.repository],
    ["Overview", `${texts.description.en}[br]${texts.firstRun.en}`],
    ["Changes", texts.update.en],
    ["Category", "AI: Tools:"],
    ["WebUI", `http://[IP]:[PORT:${app.port}]${app.page}`],
    ["TemplateURL", `${app.files}/${path}`],
    ["Icon", app.icon],
    ["ExtraParams", runOptions(input).join(" ")],
  ];
  const settings: readonly Setting[] = [
    { name: "Web page and API", type: "Port", target: String(app.port), value: String(app.port), mode: "tcp" },
    ...app.otherPorts.map(({ name, port }): Setting => {
      return { name: `Port ${name}`, type: "Port", target: String(port), value: String(port), mode: "tcp" };
    }),
    ...app.volumes.map(({ name, path: target, isReadOnly }): Setting => {
      const value = `/mnt/user/appdata/${APP_NAME}/${name}`;
      return { name: `Folder ${name}`, type: "Path", target, value, mode: isReadOnly ? "ro" : "rw" };
    }),
    ...Object.entries(app.environment).map(([name, value]): Setting => {
      return { name, type: "Variable", target: name, value, mode: "" };
    }),
  ];
  const lines = [
    '<?xml version="1.0"?>',
    '<Container version="2">',
    ...elements.map(([name, text]) => `  <${name}>${xml(text)}</${name}>`),
    ...settings.map(settingLine),
    "</Container>",
  ];
  return [{ path, body: `${lines.join("\n")}\n`, comment: "xml" }];
}

// ---

interface Setting {
  readonly name: string;
  readonly type: "Port" | "Path" | "Variable";
  readonly target: string;
  readonly value: string;
  readonly mode: string;
}

function settingLine({ name, type, target, value, mode }: Setting): string {
  const attributes = {
    Name: name,
    Target: target,
    Default: value,
    Mode: mode,
    Description: "",
    Type: type,
    Display: type === "Variable" ? "advanced" : "always",
    Required: String(type !== "Variable"),
    Mask: "false",
  };
  const text = Object.entries(attributes).map(([key, word]) => `${key}="${xml(word)}"`);
  return `  <Config ${text.join(" ")}>${xml(value)}</Config>`;
}

/** Returns what the compose files say about the container, as options of `docker run`. Health comes from the image. */
function runOptions({ config, derived }: RenderInput): readonly string[] {
  const { compose } = config.deploy;
  return [
    `--user=${UNRAID_USER}`,
    "--init",
    "--read-only",
    `--tmpfs=/tmp:mode=1777,size=${derived.tmpMiB}m`,
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges:true",
    `--memory=${derived.compose.memoryMiB}m`,
    `--pids-limit=${compose.pids}`,
    ...(compose.cpus === undefined ? [] : [`--cpus=${compose.cpus}`]),
    `--stop-timeout=${derived.compose.appStopS}`,
    "--restart=unless-stopped",
  ];
}

function xml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
