import type { ResolvedConfig } from "../../config/types.ts";
import { ALL_ROUTES } from "../../shared/protocol.ts";
import { forwardView, passesAuthorization, requireDomain } from "./caddy.ts";
import { RenderError } from "../errors.ts";
import { securityHeaders } from "./security-headers.ts";
import { FOREIGN_ADDRESS_HEADERS, upstreamAddress, type RenderedBody, type RenderInput } from "../target.ts";
import { isAtLeast, parseVersion } from "../version.ts";
import { renderYaml } from "../text/yaml.ts";

/** The newest Traefik these files were written for; `proxy.version: auto` means it. */
export const NEWEST_TRAEFIK = "3.7.13";
/** Oldest supported: the first with `rejectStatusCode` and this syntax of rules. */
export const OLDEST_TRAEFIK = "3.0.0";

/** Renders the static file traefik.yml and the dynamic file gigastt.yml. */
export function renderTraefik(input: RenderInput, dir: string): readonly RenderedBody[] {
  const { proxy } = input.config.deploy;
  const version = proxy.version === "auto" ? NEWEST_TRAEFIK : proxy.version;
  if (!isAtLeast(parseVersion(version, "deploy.proxy.version"), 3)) {
    throw new RenderError(
      `deploy.proxy.version: Traefik ${OLDEST_TRAEFIK} or newer is supported, got ${version}. Update Traefik.`,
    );
  }
  return [
    yamlFile(`${dir}/traefik.yml`, staticFile(input), STATIC_NOTE),
    yamlFile(`${dir}/gigastt.yml`, dynamicFile(input), DYNAMIC_NOTE),
  ];
}

// ---

const STATIC_NOTE = `The static file: Traefik reads it when it starts. On a host with other sites keep your own,
and take over the timeouts of the entry points: by default Traefik ends every upload after 60 s.`;

const DYNAMIC_NOTE = `The dynamic file: Traefik reads it again when it changes.
Body limits are the server's: the buffering middleware, Traefik's only limit, writes uploads to disk and holds event streams back.
X-Forwarded-For and X-Real-IP are Traefik's own: it drops the client's unless forwardedHeaders trusts the peer.`;

type Yaml = Readonly<Record<string, unknown>>;

function yamlFile(path: string, value: Yaml, note: string): RenderedBody {
  const body = renderYaml(value, note);
  // The file provider reads its files as Go templates.
  if (body.includes("{{"))
    throw new RenderError(`${path} would contain "{{", which Traefik reads as a template. Use values without braces.`);
  return { path, body, comment: "#" };
}

function staticFile({ config, derived }: RenderInput): Yaml {
  const { deploy } = config;
  const { proxy, server } = derived;
  const https = deploy.tls.mode !== "none";
  const transport = {
    respondingTimeouts: {
      // a whole request with its body
      readTimeout: `${server.requestTimeoutS}s`,
      writeTimeout: "0s",
      idleTimeout: `${proxy.clientIdleS}s`,
    },
    lifeCycle: { graceTimeOut: `${proxy.unitStopS}s` },
  };
  return {
    global: { checkNewVersion: false, sendAnonymousUsage: false },
    log: { level: "INFO" },
    entryPoints: {
      http: { address: `:${deploy.httpPort}`, transport },
      ...(https ? { https: { address: `:${deploy.httpsPort}`, transport } } : {}),
    },
    providers: { file: { filename: `${traefikConfigDir(config)}/gigastt.yml`, watch: true } },
    ...(deploy.tls.mode === "acme"
      ? {
          certificatesResolvers: {
            letsencrypt: {
              acme: {
                ...(deploy.tls.email === undefined ? {} : { email: deploy.tls.email }),
                storage: "/var/lib/traefik/acme.json",
                httpChallenge: { entryPoint: "http" },
              },
            },
          },
        }
      : {}),
  };
}

/** Returns the folder of Traefik's files. */
export function traefikConfigDir({ deploy }: Pick<ResolvedConfig, "deploy">): string {
  return deploy.proxy.configDir ?? "/etc/traefik";
}

function dynamicFile(input: RenderInput): Yaml {
  const { config, derived } = input;
  const { deploy } = config;
  const domain = requireDomain(config);
  const https = deploy.tls.mode !== "none";
  const auth = authMiddleware(config);
  const host = domain === "" ? [] : [`Host(\`${domain}\`)`];
  const ours = {
    entryPoints: [https ? "https" : "http"],
    service: "gigastt",
    ...(https ? { tls: deploy.tls.mode === "acme" ? { certResolver: "letsencrypt" } : {} } : {}),
  };
  const closed = ALL_ROUTES.filter(({ access }) => access === "closed").map(({ path }) => `PathPrefix(\`${path}\`)`);
  const open = deploy.publicPaths.map((path) => `Path(\`${path}\`)`);
  const clean = ["gigastt-headers"];
  const strip = passesAuthorization(config) ? [] : ["gigastt-strip"];
  return {
    http: {
      routers: {
        gigastt: {
          rule: [...host, "PathPrefix(`/`)"].join(" && "),
          priority: 1,
          ...ours,
          middlewares: [...clean, ...(auth === undefined ? [] : ["gigastt-auth"]), ...strip],
        },
        ...(open.length === 0
          ? {}
          : {
              "gigastt-public": {
                rule: [...host, anyOf(open)].join(" && "),
                priority: 2,
                ...ours,
                middlewares: [...clean, ...strip],
              },
            }),
        "gigastt-closed": {
          rule: [...host, anyOf(closed)].join(" && "),
          priority: 3,
          ...ours,
          middlewares: [...clean, "gigastt-closed"],
        },
        ...(https
          ? {
              "gigastt-redirect": {
                rule: host.join(""),
                priority: 1,
                entryPoints: ["http"],
                service: "gigastt",
                middlewares: ["gigastt-redirect"],
              },
            }
          : {}),
      },
      middlewares: {
        "gigastt-headers": {
          headers: {
            // empty = removed
            customRequestHeaders: Object.fromEntries(FOREIGN_ADDRESS_HEADERS.map((name) => [name, ""])),
            customResponseHeaders: {
              ...Object.fromEntries(securityHeaders(derived).map(({ name, value }) => [name, value])),
              Server: "",
            },
          },
        },
        ...(auth === undefined ? {} : { "gigastt-auth": auth }),
        ...(strip.length === 0
          ? {}
          : { "gigastt-strip": { headers: { customRequestHeaders: { Authorization: "" } } } }),
        // No address is in this list: every request gets 404.
        "gigastt-closed": { ipAllowList: { sourceRange: ["0.0.0.0/32"], rejectStatusCode: 404 } },
        ...(https
          ? {
              "gigastt-redirect": {
                redirectScheme: { scheme: "https", port: String(deploy.httpsPort), permanent: true },
              },
            }
          : {}),
      },
      services: {
        gigastt: {
          loadBalancer: {
            servers: [{ url: `http://${upstreamAddress(config, "host")}` }],
            passHostHeader: true,
            serversTransport: "gigastt",
          },
        },
      },
      serversTransports: {
        gigastt: {
          forwardingTimeouts: {
            dialTimeout: `${derived.proxy.dialTimeoutS}s`,
            // nothing flows while a file waits and is transcribed
            responseHeaderTimeout: `${derived.proxy.holdReadTimeoutS}s`,
            // shorter than the server's own keep-alive, so that Traefik closes first
            idleConnTimeout: `${derived.proxy.keepAliveS}s`,
          },
        },
      },
    },
    ...(https ? { tls: tlsPart(config) } : {}),
  };
}

function anyOf(rules: readonly string[]): string {
  return rules.length === 1 ? rules.join("") : `(${rules.join(" || ")})`;
}

function authMiddleware(config: ResolvedConfig): Yaml | undefined {
  const { auth, secretsDir } = config.deploy;
  if (auth.kind === "basic")
    return { basicAuth: { usersFile: `${secretsDir}/users.htpasswd`, realm: "gigastt", removeHeader: true } };
  if (auth.kind !== "forward") return undefined;
  const { origin, uri } = forwardView(config);
  return { forwardAuth: { address: origin + uri, trustForwardHeader: false } };
}

/** The default options: unknown names meet them too, and get no certificate. */
function tlsPart({ deploy }: ResolvedConfig): Yaml {
  const { tls, auth } = deploy;
  return {
    ...(tls.mode === "acme" ? {} : { certificates: [{ certFile: tls.certificateFile, keyFile: tls.privateKeyFile }] }),
    options: {
      default: {
        minVersion: "VersionTLS12",
        sniStrict: true,
        cipherSuites: [
          "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
          "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
          "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
          "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
          "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
          "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
        ],
        ...(auth.kind === "mtls"
          ? { clientAuth: { caFiles: [tls.clientCaFile], clientAuthType: "RequireAndVerifyClientCert" } }
          : {}),
      },
    },
  };
}
