import { isLoopbackHost } from "../../model/address.ts";
import { imageName } from "../../model/app.ts";
import type { ComposeService } from "../../model/compose.ts";
import { commandWords } from "../../model/compose.ts";
import { environment } from "../../model/environment.ts";
import { yamlAt, yamlBoolean, yamlStrings } from "../../parse/yaml.ts";
import type { Hit, Rule } from "../../types.ts";
import { projectsWithApp } from "../kit/compose.ts";

export const rule: Rule = {
  id: "GA-EXP-023",
  severity: "error",
  confidence: "certain",
  title: "The queue, database or storage of the server is open",
  why: "The queue and the bucket hold recordings, the archive holds what was said. A published port lets other machines in, and Docker's rules come before ufw's. A Redis without a password lets every container of its networks read and delete jobs, and take over the container by CONFIG SET. Passwords of examples are the first that scanners try.",
  evidence: [
    "redis.io, security: protected mode and requirepass.",
    "MinIO documentation: the default credentials are minioadmin:minioadmin.",
    "docker-library/postgres: POSTGRES_HOST_AUTH_METHOD=trust is not recommended.",
  ],
  reads: ["compose"],
  fixKind: "manual",
  *check(facts) {
    for (const project of projectsWithApp(facts)) {
      for (const service of project.services) {
        const kind = STORES.find(({ image }) => image.test(imageName(service.image)));
        if (kind === undefined) continue;
        yield* published(service);
        yield* kind.access(service);
      }
    }
  },
};

// ---

const STORES: readonly { readonly image: RegExp; readonly access: (service: ComposeService) => Iterable<Hit> }[] = [
  { image: /(?:^|\/)(?:redis|valkey|keydb)$/, access: redis },
  { image: /(?:^|\/)(?:postgres|postgresql|postgis|timescaledb)$/, access: postgres },
  { image: /(?:^|\/)(?:minio|versitygw)$/, access: s3 },
];

/** Of examples, and the first that are tried. */
const KNOWN =
  /^(?:|minioadmin|minio123|miniosecret|postgres|postgresql|redis|valkey|gigastt|admin|root|user|test|demo|guest|secret|password|passw0rd|pass|changeme|change[-_]me|example|mysecretpassword|12345678?9?0?)$/i;

function* published(service: ComposeService): Generator<Hit> {
  for (const port of service.ports) {
    if (port.hostIp !== undefined && isLoopbackHost(port.hostIp)) continue;
    yield {
      span: port.node,
      message: `port ${port.target ?? "?"} of ${service.name} is published on ${port.hostIp ?? "every interface"}: other machines reach what the server stores`,
      fix: "Delete the port: the server reaches it over their common network.",
    };
  }
}

function* redis(service: ComposeService): Generator<Hit> {
  const words = wordsOf(service);
  // A configuration file may say it.
  if (/requirepass|aclfile|\.conf\b/.test(words)) return;
  if (environment(service).some(({ name }) => /(?:REDIS|VALKEY|KEYDB)_(?:ARGS|EXTRA_FLAGS|.*PASSWORD)/.test(name)))
    return;
  const networks = networksOf(service);
  const isAlone = networks.length > 0 && networks.every((name) => isInternal(service, name));
  if (isAlone) return;
  yield {
    span: service.nameSpan,
    message: `${service.name} asks for no password on a network with a way out`,
    fix: "Give it a password from a file (`requirepass`), and a network of its own with `internal: true`.",
  };
}

function* postgres(service: ComposeService): Generator<Hit> {
  for (const { name, value, span } of environment(service)) {
    if (name === "POSTGRES_HOST_AUTH_METHOD" && value === "trust")
      yield {
        span,
        message: `${service.name} asks no client for a password: POSTGRES_HOST_AUTH_METHOD is trust`,
        fix: "Delete it and set POSTGRES_PASSWORD_FILE.",
      };
    if (/^(?:POSTGRES|POSTGRESQL)_PASSWORD$/.test(name) && value !== undefined && KNOWN.test(value))
      yield known(service, name, span, "POSTGRES_PASSWORD_FILE");
  }
}

function* s3(service: ComposeService): Generator<Hit> {
  const all = environment(service);
  const secret = all.find(({ name }) => /^(?:MINIO_ROOT_PASSWORD|MINIO_SECRET_KEY|ROOT_SECRET_KEY)$/.test(name));
  if (secret !== undefined) {
    if (secret.value !== undefined && KNOWN.test(secret.value))
      yield known(service, secret.name, secret.span, "MINIO_ROOT_PASSWORD_FILE");
    return;
  }
  const isSetElsewhere =
    all.some(({ name }) => /(?:PASSWORD|SECRET_KEY)_FILE$|^MINIO_CONFIG_ENV_FILE$/.test(name)) ||
    yamlAt(service.node, "env_file") !== undefined ||
    /SECRET_KEY|ROOT_PASSWORD/.test(wordsOf(service));
  if (!isSetElsewhere && imageName(service.image).endsWith("minio"))
    yield {
      span: service.nameSpan,
      message: `${service.name} sets no password, so minioadmin:minioadmin opens it`,
      fix: "Set MINIO_ROOT_USER_FILE and MINIO_ROOT_PASSWORD_FILE.",
    };
}

function known(service: ComposeService, name: string, span: Hit["span"], better: string): Hit {
  return {
    span,
    message: `${name} of ${service.name} is a password that scanners try first`,
    fix: `Make a random one in a file (\`openssl rand -hex 32\`) and name it by ${better}.`,
  };
}

function wordsOf(service: ComposeService): string {
  return ["command", "entrypoint"].flatMap((key) => commandWords(yamlAt(service.node, key)).words).join(" ");
}

function networksOf(service: ComposeService): readonly string[] {
  const networks = yamlAt(service.node, "networks");
  return networks?.kind === "map" ? [...networks.entries.keys()] : yamlStrings(networks).map(({ text }) => text);
}

function isInternal(service: ComposeService, network: string): boolean {
  return yamlBoolean(yamlAt(service.project.root, "networks", network, "internal")) === true;
}
