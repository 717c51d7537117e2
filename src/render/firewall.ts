import { isIP } from "node:net";
import { directListeners } from "../config/listeners.ts";
import type { RenderedBody, RenderInput } from "./target.ts";
import { renderTemplate } from "./text/template-files.ts";

/** Renders rules for the machine's firewall: nftables or ufw, with Docker's own chain where containers publish ports. */
export function renderFirewall({ config }: RenderInput, dir: string): readonly RenderedBody[] {
  const { deploy, server } = config;
  const { firewall } = deploy;
  const proxied = deploy.proxy.kind !== "none";
  const https = proxied && deploy.tls.mode !== "none";
  const web = proxied ? [deploy.httpPort, ...(https ? [deploy.httpsPort] : [])] : [server.port];
  const ports = [
    ...web,
    ...directListeners(config)
      .filter(({ isLocal }) => !isLocal)
      .map(({ port }) => port),
  ];
  const udpPort = https && deploy.proxy.kind === "caddy" ? deploy.httpsPort : undefined;
  const docker = firewall.docker || deploy.target === "compose";
  if (firewall.kind === "nftables") {
    const v4 = firewall.allowFrom.filter((cidr) => family(cidr) === 4);
    const v6 = firewall.allowFrom.filter((cidr) => family(cidr) === 6);
    const view = {
      sshPort: firewall.sshPort,
      ports: ports.join(","),
      appPort: server.port,
      udpPort,
      docker,
      restricted: firewall.allowFrom.length > 0,
      v4: v4.length > 0 ? { list: v4.join(",") } : false,
      v6: v6.length > 0 ? { list: v6.join(",") } : false,
    };
    return [{ path: `${dir}/gigastt.nft`, body: renderTemplate("firewall/nftables.nft", view, "shell"), comment: "#" }];
  }
  const open = [
    ...ports.map((port) => ({ port, proto: "tcp" })),
    ...(udpPort === undefined ? [] : [{ port: udpPort, proto: "udp" }]),
  ];
  const sources: readonly (string | undefined)[] = firewall.allowFrom.length > 0 ? firewall.allowFrom : [undefined];
  const rules = open.flatMap((rule) => sources.map((from) => ({ ...rule, from })));
  const dockerRules = rules.flatMap((rule) =>
    (["iptables", "ip6tables"] as const)
      .filter((tables) => rule.from === undefined || (family(rule.from) === 6) === (tables === "ip6tables"))
      .map((tables) => ({ ...rule, tables })),
  );
  const view = { sshPort: firewall.sshPort, rules, docker, dockerRules };
  return [
    {
      path: `${dir}/gigastt-ufw.sh`,
      body: renderTemplate("firewall/ufw.sh", view, "shell"),
      comment: "#",
      mode: 0o755,
    },
  ];
}

// ---

function family(cidr: string): number {
  return isIP(cidr.split("/")[0] ?? "");
}
