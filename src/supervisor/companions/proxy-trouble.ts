import type { ResolvedConfig } from "../../config/types.ts";
import type { CompanionTrouble } from "../status/issues.ts";

/** What keeps a proxy from running, as far as its own last lines tell; undefined when they do not. */
export function proxyTrouble(lines: readonly string[], config: ResolvedConfig): CompanionTrouble | undefined {
  const { deploy } = config;
  for (const line of lines.toReversed()) {
    const port = /(?:bind\(\) to|listen(?:ing on)? tcp\S*|listening on) \S*?:(\d+)/.exec(line)?.[1] ?? usedPort(deploy);
    if (/permission denied|EACCES|\b13: Permission/i.test(line) && /bind|listen/i.test(line)) {
      return {
        id: "proxy_port_denied",
        text: `the proxy may not listen on port ${port}: permission denied for ports below 1024. The service itself is running`,
        cure: `sudo setcap cap_net_bind_service=+ep "$(readlink -f "$(command -v ${deploy.proxy.kind})")", or set deploy.httpPort and deploy.httpsPort from 1024 up`,
      };
    }
    if (/address already in use/i.test(line)) {
      return {
        id: "proxy_port_taken",
        text: `the proxy cannot listen on port ${port}: another program uses it. The service itself is running`,
        cure: `ss -ltnp | grep :${port}`,
      };
    }
  }
  return undefined;
}

function usedPort({ tls, httpPort, httpsPort }: ResolvedConfig["deploy"]): string {
  return String(tls.mode === "none" ? httpPort : httpsPort);
}
