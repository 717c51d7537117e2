import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import { isAllLocal, listenersOf } from "../config/listeners.ts";
import type { ConfiguredListener } from "../config/listeners.ts";
import type { ResolvedConfig } from "../config/types.ts";
import { placeText } from "../shared/listeners.ts";
import type { ListenerName } from "../shared/listeners.ts";
import { haproxyUsersFile } from "./proxy/haproxy.ts";
import { ACME_WEBROOT } from "./proxy/nginx.ts";
import type { RenderedBody, RenderInput } from "./target.ts";
import type { View } from "./text/template.ts";
import { renderTemplate } from "./text/template-files.ts";

/** Renders the appliance unit, its socket and timers, and the drop-in for the proxy's own unit. */
export function renderSystemd(input: RenderInput, dir: string): readonly RenderedBody[] {
  const { config } = input;
  const { proxy, tls, systemd } = config.deploy;
  const view = systemdView(input);
  const files: RenderedBody[] = [];
  const add = (template: string, path = template): void => {
    files.push({ path: `${dir}/${path}`, body: renderTemplate(`systemd/${template}`, view, "systemd"), comment: "#" });
  };
  add("gigastt.service");
  if (systemd.socketActivation)
    for (const listener of listenersOf(config))
      files.push({
        path: `${dir}/${socketUnit(listener.name)}`,
        body: renderTemplate("systemd/gigastt.socket", socketView(listener), "systemd"),
        comment: "#",
      });
  if (proxy.kind !== "none" && !config.supervisor.proxy.managed)
    add(`${proxy.kind}.service.conf`, `${proxy.kind}.service.d/gigastt.conf`);
  if (usesOwnCertificates(config)) {
    add("gigastt-certs.service");
    add("gigastt-certs.timer");
  }
  if (proxy.kind === "nginx" && tls.mode === "acme") {
    add("gigastt-certbot.service");
    add("gigastt-certbot.timer");
  }
  return files;
}

/** Returns true when `gigastt certs` makes the certificates: only Caddy has a CA of its own, and client certificates always come from it. */
export function usesOwnCertificates(config: ResolvedConfig): boolean {
  const { proxy, tls, auth } = config.deploy;
  return proxy.kind !== "none" && ((proxy.kind !== "caddy" && tls.mode === "internal") || auth.kind === "mtls");
}

// ---

/** StateDirectory of the unit. */
const STATE_DIR = "/var/lib/gigastt";

function systemdView({ config, derived }: RenderInput): View {
  const { deploy, server, supervisor, wyoming } = config;
  const { systemd, proxy, tls } = deploy;
  const { managed } = supervisor.proxy;
  const ports = [deploy.httpPort, ...(tls.mode === "none" ? [] : [deploy.httpsPort])];
  return {
    u: { ...derived.unit },
    p: { ...derived.proxy },
    user: systemd.user,
    installDir: systemd.installDir,
    documentation: pathToFileURL(`${systemd.installDir}/docs/deploy/systemd.md`).href,
    node: systemd.nodePath,
    script: `${systemd.installDir}/bin/gigastt.js`,
    configFile: systemd.configFile,
    socket: systemd.socketActivation,
    notify: systemd.notify,
    sockets: listenersOf(config)
      .map(({ name }) => socketUnit(name))
      .join(" "),
    // Members of the socket's group have to get to it.
    runtimeMode: wyoming.socket === undefined ? "0700" : "0750",
    // A callback goes to an address that the client chose.
    localOnly: isAllLocal(config) && !managed && !(config.jobs.enabled && config.jobs.callbackSecret !== undefined),
    lowPorts: managed && ports.some((port) => port < 1024),
    lan: server.lan || (wyoming.enabled && wyoming.zeroconf),
    writable: writableFolders(config).map((dir) => ({ dir })),
    configDir: proxy.configDir ?? `/etc/${proxy.kind}`,
    haproxyUsers: deploy.auth.kind === "basic" ? haproxyUsersFile(config) : undefined,
    reload: managed ? "gigastt.service" : proxy.kind === "none" ? undefined : `${proxy.kind}.service`,
    certsDir: dirname(tls.certificateFile),
    domain: deploy.domain ?? "",
    webroot: ACME_WEBROOT,
  };
}

/** Returns the folders outside systemd's StateDirectory that the service writes. */
function writableFolders({ archive, auth, jobs, store, supervisor }: ResolvedConfig): readonly string[] {
  const dirs = [
    supervisor.stateDir,
    auth.keys === "required" ? store.dir : undefined,
    jobs.enabled ? jobs.dir : undefined,
    archive.enabled && archive.engine === "sqlite" ? archive.dir : undefined,
  ];
  return [...new Set(dirs)].filter((dir): dir is string => dir !== undefined && !`${dir}/`.startsWith(`${STATE_DIR}/`));
}

/** Returns the name of a listener's socket unit. */
export function socketUnit(name: ListenerName): string {
  return name === "http" ? "gigastt.socket" : `gigastt-${name}.socket`;
}

function socketView({ name, place }: ConfiguredListener): View {
  return { name, isOther: name !== "http", address: placeText(place), isFile: "socket" in place };
}
