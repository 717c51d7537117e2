import { cpSync, existsSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findTool } from "../../contract/proxy/front.ts";
import { postgresPrograms } from "../../support/postgres.ts";
import { BASE_ROOTFS, type Docker } from "./daemon.ts";
import { must } from "./run.ts";

/**
 * Stand-ins for the images a registry would give, under the very names that our files ask for: Debian 12 from debootstrap, this machine's
 * Node, Caddy, nginx and Redis. They keep what our files rely on: commands, stop signals, health-check tools, Caddy's file capability.
 */
export const IMAGES = {
  node: "node:20.20.2-bookworm-slim",
  /** The build stage's base with npm's cache of this checkout in it: `npm ci` then needs no network. */
  nodeBuild: "gigastt-test/node-build:offline",
  caddy: "caddy:2.11.4",
  nginx: "nginx:1.30.4",
  redis: "redis:7.4.2",
  valkey: "valkey/valkey:8.1.4",
  s3: "versity/versitygw:v1.8.0",
  postgres: "postgres:17.6",
} as const;
/** `deploy.proxy.version` for what is in that nginx image: the newest of Debian, or this machine's own where there is none. */
export const NGINX_VERSION: string = wrapped("nginx-newest") === undefined ? "1.22.1" : "auto";

const DEBIAN = "gigastt-test/debian:bookworm";
const NODE_MODULES = "usr/local/lib/node_modules";

/** Node for the image and its build stage. */
export async function makeNodeImages(docker: Docker, checkout: string): Promise<void> {
  await docker.docker("import", BASE_ROOTFS, DEBIAN);
  await build(docker, IMAGES.node, ['CMD ["node"]'], async (root) => {
    await addProgram(root, process.execPath, "usr/local/bin/node");
    const npm = join(await must("npm", ["root", "--global"]), "npm");
    cpSync(npm, join(root, NODE_MODULES, "npm"), { recursive: true, dereference: true });
    for (const name of ["npm", "npx"])
      symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(root, "usr/local/bin", name));
  });
  await build(
    docker,
    IMAGES.nodeBuild,
    ["ENV NPM_CONFIG_OFFLINE=true"],
    (root) => addNpmCache(root, checkout),
    IMAGES.node,
  );
}

/** The proxies and Redis. */
export async function makeServiceImages(docker: Docker): Promise<void> {
  await build(
    docker,
    IMAGES.caddy,
    [
      "RUN setcap cap_net_bind_service=+ep /usr/bin/caddy",
      "ENV XDG_CONFIG_HOME=/config XDG_DATA_HOME=/data",
      'CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]',
    ],
    async (root) => {
      await addProgram(root, "caddy-2.11", "usr/bin/caddy");
      // Alpine's, in the real image, has the same -z.
      await addProgram(root, "nc");
      await addProgram(root, "setcap");
    },
  );
  await build(
    docker,
    IMAGES.nginx,
    ["RUN mkdir -p /var/log/nginx /var/lib/nginx", "STOPSIGNAL SIGQUIT", 'CMD ["nginx", "-g", "daemon off;"]'],
    async (root) => {
      if (!addWrapped(root, "nginx-newest", "usr/sbin/nginx")) await addProgram(root, "nginx");
      await addProgram(root, "curl");
      mkdirSync(join(root, "etc/nginx"), { recursive: true });
      cpSync("/etc/nginx/mime.types", join(root, "etc/nginx/mime.types"));
    },
  );
  await build(docker, IMAGES.redis, ['CMD ["redis-server"]'], async (root) => {
    await addProgram(root, "redis-server");
    await addProgram(root, "redis-cli");
  });
}

/** What the compose overlay scale adds: Debian's Valkey and PostgreSQL, versitygw of the Go proxy. */
export async function makeStoreImages(docker: Docker): Promise<void> {
  await build(docker, IMAGES.valkey, ['CMD ["valkey-server"]'], async (root) => {
    for (const name of ["valkey-server", "valkey-cli"])
      if (!addWrapped(root, name, `usr/bin/${name}`)) throw new Error(`${name} is not installed`);
  });
  await build(docker, IMAGES.s3, ['ENTRYPOINT ["versitygw"]'], async (root) => {
    await addProgram(root, "versitygw", "usr/local/bin/versitygw");
    await addProgram(root, "nc");
  });
  const programs = postgresPrograms!; // missingForStores
  const version = /\/(\d+)\/bin$/.exec(programs)![1]!; // Debian's folders
  await build(
    docker,
    IMAGES.postgres,
    [
      "RUN mkdir /docker-entrypoint-initdb.d && useradd --system --uid 999 --user-group --home-dir /var/lib/postgresql postgres && install -d -o postgres -g postgres -m 3777 /var/run/postgresql && install -d -o postgres -g postgres -m 1777 /var/lib/postgresql/data",
      `RUN sed -ri "s!^#?(listen_addresses)\\s*=\\s*\\S+.*!\\1 = '*'!" /usr/share/postgresql/${version}/postgresql.conf.sample`,
      `ENV LANG=C.UTF-8 PGDATA=/var/lib/postgresql/data PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:${programs}`,
      "STOPSIGNAL SIGINT",
      'ENTRYPOINT ["docker-entrypoint.sh"]',
      'CMD ["postgres"]',
    ],
    async (root) => {
      for (const folder of [join(dirname(programs), "lib"), `/usr/share/postgresql/${version}`])
        cpSync(folder, join(root, folder), { recursive: true });
      for (const name of ["postgres", "initdb", "pg_ctl", "pg_isready", "psql", "pg_dump", "pg_restore"])
        await addProgram(root, join(programs, name));
      mkdirSync(join(root, "usr/local/bin"), { recursive: true });
      cpSync(ENTRYPOINT, join(root, "usr/local/bin/docker-entrypoint.sh"));
    },
  );
}

/** What is missing for them. */
export function missingForStores(): string {
  const missing = ["versitygw", "nc"].filter((name) => findTool(name) === undefined);
  if (["valkey-server", "valkey-cli"].some((name) => wrapped(name) === undefined)) missing.push("valkey");
  if (postgresPrograms === undefined) missing.push("postgresql");
  return missing.length === 0 ? "" : `${missing.join(", ")} not installed`;
}

/** Programs the stand-ins are made of, that are not on this machine. */
export function missingForServices(): string {
  const missing = ["caddy-2.11", "nginx", "curl", "redis-server", "redis-cli", "nc", "setcap"].filter(
    (name) => findTool(name) === undefined,
  );
  return missing.length === 0 ? "" : `${missing.join(", ")} not installed`;
}

// ---

async function build(
  docker: Docker,
  tag: string,
  lines: readonly string[],
  fill: (root: string) => Promise<void>,
  from: string = DEBIAN,
): Promise<void> {
  const context = join(docker.dir, `context-${tag.replaceAll(/\W/g, "-")}`);
  mkdirSync(join(context, "root"), { recursive: true });
  await fill(join(context, "root"));
  writeFileSync(join(context, "Dockerfile"), [`FROM ${from}`, "COPY root/ /", ...lines, ""].join("\n"));
  await docker.docker("build", "--quiet", "--tag", tag, context);
}

/** Copies a program with its shared libraries. Debian's /bin, /sbin and /lib are links into /usr: everything goes there. */
async function addProgram(root: string, name: string, target?: string): Promise<void> {
  const path = name.startsWith("/") ? name : findTool(name);
  if (path === undefined) throw new Error(`${name} is not installed`);
  const ldd = await must("sh", ["-c", `ldd "$1" 2>/dev/null || true`, "sh", realpathSync(path)]);
  const libraries = [...ldd.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, library]) => library!);
  for (const [from, to] of [
    [path, target ?? path.slice(1)],
    ...libraries.map((library) => [library, library.slice(1)]),
  ] as const) {
    const place = join(root, to!.startsWith("usr/") ? to! : `usr/${to}`);
    mkdirSync(dirname(place), { recursive: true });
    cpSync(realpathSync(from!), place, { dereference: true });
  }
}

/** Its wrapper names the folder with the loader and the libraries it was built for: see .ci/newer-debian.sh. */
function wrapped(name: string): { readonly wrapper: string; readonly folder: string } | undefined {
  const wrapper = findTool(name);
  const folder =
    wrapper === undefined ? undefined : / (\/\S+)\/usr\/s?bin\/\S+ /.exec(readFileSync(wrapper, "utf8"))?.[1];
  return wrapper === undefined || folder === undefined ? undefined : { wrapper, folder };
}

function addWrapped(root: string, name: string, target: string): boolean {
  const found = wrapped(name);
  if (found === undefined) return false;
  cpSync(found.folder, join(root, found.folder), { recursive: true, verbatimSymlinks: true });
  mkdirSync(dirname(join(root, target)), { recursive: true });
  cpSync(found.wrapper, join(root, target));
  return true;
}

const ENTRYPOINT = fileURLToPath(new URL("../../fixtures/images/postgres-entrypoint.sh", import.meta.url));

interface CacheEntry {
  readonly key: string;
  readonly integrity: string;
  readonly path: string;
  readonly metadata?: { readonly reqHeaders?: { readonly accept?: string } };
}

/** npm's own cache library: it comes with npm. */
interface Cacache {
  readonly ls: { stream(cache: string): AsyncIterable<CacheEntry> };
  put(cache: string, key: string, data: Buffer, options: { metadata: unknown }): Promise<unknown>;
}

/** What `npm ci` of this checkout reads, out of the machine's npm cache; downloaded where that is not complete. */
async function addNpmCache(root: string, checkout: string): Promise<void> {
  const load = createRequire(join(await must("npm", ["root", "--global"]), "npm/package.json"));
  const cacache = load("cacache") as Cacache; // npm has no types
  const from = join(await must("npm", ["config", "get", "cache"]), "_cacache");
  const to = join(root, "root/.npm/_cacache");
  const lock = JSON.parse(readFileSync(join(checkout, "package-lock.json"), "utf8")) as {
    packages: Record<string, { integrity?: string; optional?: boolean }>; // npm's own format
  };
  const packages = Object.entries(lock.packages);
  const archives = new Set(packages.flatMap(([, { integrity }]) => integrity ?? []));
  // npm compares the lock with the packages' descriptions, so those are needed beside the archives.
  const descriptions = new Set(packages.map(([path]) => path.split("node_modules/").at(-1)!.replace("/", "%2f"))); // never empty
  // `npm install` and `npm view` ask for the long form, which `npm ci` does not take from the cache.
  let hasLongForm = false;
  const copied = new Set<string>();
  for await (const entry of cacache.ls.stream(from)) {
    const name = /:\/\/[^/]+\/([^/]+)$/.exec(entry.key)?.[1];
    if (!archives.has(entry.integrity) && (name === undefined || !descriptions.has(name))) continue;
    if (!existsSync(entry.path)) continue;
    hasLongForm ||= entry.metadata?.reqHeaders?.accept === "application/json";
    await cacache.put(to, entry.key, readFileSync(entry.path), { metadata: entry.metadata });
    copied.add(entry.integrity);
  }
  const isCopied = packages.every(
    ([, { integrity, optional }]) => integrity === undefined || optional === true || copied.has(integrity),
  );
  if (isCopied && !hasLongForm) return;
  const fresh = join(root, "../npm-ci");
  mkdirSync(fresh);
  for (const name of ["package.json", "package-lock.json", ".npmrc"]) cpSync(join(checkout, name), join(fresh, name));
  rmSync(join(root, "root/.npm"), { recursive: true, force: true });
  await must("npm", ["ci", "--include=dev", "--cache", join(root, "root/.npm")], {
    cwd: fresh,
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" },
  });
}
