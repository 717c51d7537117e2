import { describe, expect, it } from "vitest";
import type { HostFacts } from "../../../../src/checks/host/facts.ts";
import type { DeployedProblem } from "../../../../src/render/deployed/problem.ts";
import { hostChecks } from "../../../../src/checks/host/registry.ts";
import { judgeHost } from "../../../../src/checks/host/run.ts";

const GIB = 2 ** 30;

/** A machine as the rendered set leaves it. */
const CLEAN: HostFacts = {
  plan: {
    host: "127.0.0.1",
    port: 9876,
    listeners: [{ section: "server", host: "127.0.0.1", port: 9876 }],
    memory: { serverBytes: 1.5 * GIB, handoverBytes: 3 * GIB, model: undefined },
  },
  listeners: {
    value: [
      { address: "127.0.0.1", port: 9876, process: "node (pid 10)" },
      { address: "0.0.0.0", port: 443, process: "nginx (pid 11)" },
      { address: "127.0.0.1", port: 6379, process: "redis-server (pid 12)" },
    ],
  },
  published: {
    value: [
      {
        container: "stt-proxy-1",
        image: "caddy:2.11.4",
        address: "0.0.0.0",
        port: 443,
        containerPort: 443,
        source: "docker inspect",
      },
      {
        container: "stt-app-1",
        image: "gigastt:1",
        address: "127.0.0.1",
        port: 9876,
        containerPort: 9876,
        source: "docker inspect",
      },
    ],
  },
  processes: { value: [{ pid: 10, name: "gigastt.js", coreLimitBytes: 0, swapForbidden: true }] },
  unit: { value: { unit: "gigastt.service", exposure: 1.6 } },
  files: [
    { path: "/etc/gigastt/config.yaml", role: "config", isDirectory: false, mode: 0o644, problem: undefined },
    { path: "/etc/gigastt/secrets", role: "secret", isDirectory: true, mode: 0o750, problem: undefined },
    {
      path: "/etc/gigastt/secrets/users.htpasswd",
      role: "secret",
      isDirectory: false,
      mode: 0o644,
      problem: undefined,
    },
    { path: "/etc/gigastt/tls/server.key", role: "private-key", isDirectory: false, mode: 0o600, problem: undefined },
    { path: "/var/lib/gigastt", role: "state", isDirectory: true, mode: 0o700, problem: undefined },
    { path: "/var/lib/gigastt/store", role: "store", isDirectory: true, mode: 0o700, problem: undefined },
    { path: "/var/lib/gigastt/control.sock", role: "socket", isDirectory: false, mode: 0o600, problem: undefined },
    { path: "/srv/models", role: "model", isDirectory: true, mode: 0o755, problem: undefined },
  ],
  swaps: { value: [{ path: "/dev/zram0", sizeBytes: GIB, kind: "memory" }] },
  cores: { value: { pattern: "core", storage: undefined } },
  certificates: {
    value: [
      { file: "/etc/gigastt/tls/server.pem", daysLeft: 60, unread: undefined, state: "has 60 days left", problems: [] },
    ],
  },
  clock: { nowMs: Date.UTC(2030, 0, 1), installedMs: 0, synchronized: true, by: "timedatectl" },
  secrets: { value: [] },
  proxyFiles: { value: [] },
  memory: {
    value: { totalBytes: 8 * GIB, availableBytes: 8 * GIB, ownBytes: 0, overcommit: 0, commitLimitBytes: 4 * GIB },
  },
};

const file = (path: string, mode: number): Partial<HostFacts> => ({
  files: CLEAN.files.map((item) => (item.path === path ? { ...item, mode } : item)),
});
const listening = (address: string, port: number, process: string | undefined): Partial<HostFacts> => ({
  listeners: { value: [{ address, port, process }] },
});
const PROCESS = { pid: 10, name: "gigastt.js", coreLimitBytes: 0, swapForbidden: undefined };

const problem = (
  id: DeployedProblem["id"],
  severity: DeployedProblem["severity"],
  message: string,
): DeployedProblem => ({
  id,
  severity,
  place: "/c.pem",
  message,
  cure: "renew it",
});
const certificate = (
  ...[id, severity, message]: Parameters<typeof problem>
): Extract<HostFacts["certificates"], { value: unknown }>["value"][number] => ({
  file: "/c.pem",
  daysLeft: 20,
  unread: undefined,
  state: message,
  problems: [problem(id, severity, message)],
});

const BROKEN: readonly (readonly [
  id: string,
  what: string,
  change: Partial<HostFacts>,
  severity: string,
  says: string,
])[] = [
  [
    "GA-HST-001",
    "the server on every address",
    listening("0.0.0.0", 9876, "node (pid 10)"),
    "error",
    "listens on 0.0.0.0:9876, although server.host is 127.0.0.1",
  ],
  [
    "GA-HST-001",
    "the server on every IPv6 address, owner unknown",
    listening("::", 9876, undefined),
    "error",
    "listens on [::]:9876",
  ],
  [
    "GA-HST-001",
    "another program on the port",
    listening("127.0.0.1", 9876, "nginx (pid 9)"),
    "warning",
    "is in use by nginx (pid 9)",
  ],
  [
    "GA-HST-002",
    "Redis on every address",
    { listeners: { value: [...valueOf(CLEAN.listeners), { address: "::", port: 6379, process: undefined }] } },
    "error",
    "Redis listens on [::]:6379",
  ],
  [
    "GA-HST-002",
    "Caddy's admin API on an address of the network",
    {
      listeners: {
        value: [...valueOf(CLEAN.listeners), { address: "192.0.2.7", port: 2019, process: "caddy (pid 3)" }],
      },
    },
    "error",
    "Caddy's admin API listens on 192.0.2.7:2019",
  ],
  [
    "GA-HST-003",
    "the server published on every address",
    {
      published: {
        value: [
          {
            container: "stt",
            image: "gigastt:1",
            address: "0.0.0.0",
            port: 9000,
            containerPort: 9876,
            source: "docker inspect",
          },
        ],
      },
    },
    "error",
    "stt publishes the server on 0.0.0.0:9000",
  ],
  [
    "GA-HST-003",
    "Redis published",
    {
      published: {
        value: [{ container: "r", image: "redis", address: "::", port: 6379, containerPort: 6379, source: "iptables" }],
      },
    },
    "error",
    "r publishes Redis on [::]:6379",
  ],
  [
    "GA-HST-003",
    "docker-proxy on the port while the engine may not be asked",
    { published: { unknown: "permission denied" }, ...listening("0.0.0.0", 9876, "docker-proxy (pid 5)") },
    "error",
    "Docker publishes the server on 0.0.0.0:9876",
  ],
  [
    "GA-HST-004",
    "a unit without hardening",
    { unit: { value: { unit: "gigastt.service", exposure: 9.2 } } },
    "warning",
    "at 9.2",
  ],
  [
    "GA-HST-005",
    "a configuration everybody can write",
    file("/etc/gigastt/config.yaml", 0o666),
    "warning",
    "other users can change the configuration",
  ],
  [
    "GA-HST-005",
    "a folder of secrets everybody can list",
    {
      files: [{ path: "/etc/gigastt/secrets", role: "secret", isDirectory: true, mode: 0o755, problem: undefined }],
    },
    "warning",
    "every user of the machine can use the secrets",
  ],
  [
    "GA-HST-005",
    "a private key for everybody",
    file("/etc/gigastt/tls/server.key", 0o644),
    "error",
    "other users can read or replace the private key",
  ],
  [
    "GA-HST-005",
    "a private key for a group",
    file("/etc/gigastt/tls/server.key", 0o640),
    "warning",
    "other users can read or replace the private key",
  ],
  [
    "GA-HST-005",
    "a state folder for everybody",
    file("/var/lib/gigastt", 0o755),
    "warning",
    "other users can look into the state folder",
  ],
  [
    "GA-HST-005",
    "a store that other users can read",
    file("/var/lib/gigastt/store", 0o755),
    "warning",
    "other users can read or replace the API keys' hashes",
  ],
  [
    "GA-HST-005",
    "a control socket for everybody",
    file("/var/lib/gigastt/control.sock", 0o666),
    "error",
    "other users can stop and reconfigure the server",
  ],
  [
    "GA-HST-005",
    "models everybody can replace",
    file("/srv/models", 0o777),
    "warning",
    "every user of the machine can replace the model",
  ],
  [
    "GA-HST-006",
    "swap on a disk",
    { swaps: { value: [{ path: "/dev/sda2", sizeBytes: GIB, kind: "plain" }] }, processes: { value: [PROCESS] } },
    "warning",
    "swapped out to /dev/sda2",
  ],
  [
    "GA-HST-007",
    "dumps without a limit",
    { processes: { value: [{ ...PROCESS, coreLimitBytes: Number.POSITIVE_INFINITY }] } },
    "warning",
    "is written by way of core_pattern",
  ],
  [
    "GA-HST-007",
    "a handler that does not look at the limit",
    { cores: { value: { pattern: "|/usr/local/bin/dumper %p", storage: undefined } } },
    "warning",
    "is handed to /usr/local/bin/dumper, whatever its limit",
  ],
  [
    "GA-HST-008",
    "a certificate near its end",
    { certificates: { value: [certificate("certificate_expiring", "warning", "/c.pem has 20 days left")] } },
    "warning",
    "/c.pem has 20 days left",
  ],
  [
    "GA-HST-008",
    "an ended certificate",
    { certificates: { value: [certificate("certificate_expired", "error", "/c.pem expired 1 day ago")] } },
    "error",
    "/c.pem expired 1 day ago",
  ],
  [
    "GA-HST-011",
    "a file of users that the proxy may not read",
    { secrets: { value: [problem("secrets_broken", "error", "www-data, the proxy's user, cannot read /c.pem")] } },
    "error",
    "cannot read /c.pem",
  ],
  [
    "GA-HST-012",
    "files that nginx has not read yet",
    { proxyFiles: { value: [problem("proxy_outdated", "warning", "nginx runs with the older one")] } },
    "warning",
    "nginx runs with the older one",
  ],
  [
    "GA-HST-009",
    "a clock that is not synchronised",
    { clock: { ...CLEAN.clock, synchronized: false, by: "chronyc" } },
    "warning",
    "not synchronised (chronyc)",
  ],
  [
    "GA-HST-010",
    "memory for one server but no hand-over",
    {
      memory: {
        value: { totalBytes: 2 * GIB, availableBytes: 2 * GIB, ownBytes: 0, overcommit: 0, commitLimitBytes: GIB },
      },
    },
    "warning",
    "a hand-over 3.2 GB",
  ],
  [
    "GA-HST-010",
    "memory for no server",
    { memory: { value: { totalBytes: GIB, availableBytes: GIB, ownBytes: 0, overcommit: 0, commitLimitBytes: GIB } } },
    "error",
    "a server needs up to",
  ],
  [
    "GA-HST-010",
    "strict overcommit",
    {
      memory: {
        value: { totalBytes: 8 * GIB, availableBytes: 8 * GIB, ownBytes: 0, overcommit: 2, commitLimitBytes: GIB },
      },
    },
    "warning",
    "vm.overcommit_memory is 2",
  ],
];

describe("host checks on recorded facts", () => {
  it("find nothing on a machine as the rendered set leaves it", () => {
    expect(judgeHost(CLEAN).map(({ rule, verdict }) => `${rule.id} ${verdict.result}`)).toEqual(
      hostChecks.map(({ id }) => `${id} ok`),
    );
  });

  it.each(BROKEN)("%s alone finds: %s", (id, _what, change, severity, says) => {
    const judged = judgeHost({ ...CLEAN, ...change }).filter(({ verdict }) => verdict.result === "found");
    expect(judged.map(({ rule }) => rule.id)).toEqual([id]);
    const { verdict, rule } = judged[0]!;
    const problems = verdict.result === "found" ? verdict.problems : [];
    expect(problems).toHaveLength(1);
    expect(problems[0]?.message).toContain(says);
    expect(problems[0]?.severity ?? rule.severity).toBe(severity);
    expect(problems[0]?.place).toMatch(/^\//);
  });

  it("say of what could not be read that it was not checked, never that it is well", () => {
    const reason = { unknown: "nobody knows" };
    const blind: HostFacts = {
      plan: CLEAN.plan,
      listeners: reason,
      published: reason,
      processes: reason,
      unit: reason,
      files: [{ path: "/etc/gigastt/secrets", role: "secret", isDirectory: false, mode: undefined, problem: "EACCES" }],
      swaps: reason,
      cores: reason,
      certificates: reason,
      clock: { nowMs: 0, installedMs: undefined, synchronized: undefined, by: "nobody knows" },
      memory: reason,
      secrets: reason,
      proxyFiles: reason,
    };
    for (const { rule, verdict } of judgeHost(blind))
      expect(verdict, rule.id).toMatchObject({
        result: "not-checked",
        reason: expect.stringMatching(/nobody knows|EACCES/),
      });
  });

  it.each<[string, string, Partial<HostFacts>, RegExp]>([
    ["GA-HST-001", "nothing on the port", { listeners: { value: [] } }, /nothing listens on port 9876/],
    [
      "GA-HST-005",
      "one unreadable file among good ones",
      {
        files: [...CLEAN.files, { path: "/x", role: "config", isDirectory: false, mode: undefined, problem: "EACCES" }],
      },
      /8 files and folders are as they should be, but these cannot be read: \/x \(EACCES\)/,
    ],
    ["GA-HST-007", "no running server", { processes: { value: [] } }, /the server does not run/],
    [
      "GA-HST-007",
      "a process whose limit cannot be read",
      { processes: { value: [{ ...PROCESS, coreLimitBytes: undefined }] } },
      /limits of 10 cannot be read/,
    ],
    [
      "GA-HST-008",
      "a certificate that cannot be read",
      {
        certificates: {
          value: [{ file: "/c.pem", daysLeft: undefined, unread: "EACCES", state: "cannot be read", problems: [] }],
        },
      },
      /\/c\.pem: this user may not read it or its key \(EACCES\)/,
    ],
  ])("%s is not checked with %s", (id, _what, change, reason) => {
    const found = judgeHost({ ...CLEAN, ...change }).find(({ rule }) => rule.id === id);
    expect(found?.verdict).toMatchObject({ result: "not-checked", reason: expect.stringMatching(reason) });
  });

  it.each<[string, string, Partial<HostFacts>]>([
    [
      "GA-HST-001",
      "a server that is meant to be open",
      {
        plan: { ...CLEAN.plan, host: "0.0.0.0", listeners: [{ section: "server", host: "0.0.0.0", port: 9876 }] },
        ...listening("0.0.0.0", 9876, "node (pid 1)"),
      },
    ],
    ["GA-HST-005", "a sticky folder of models", file("/srv/models", 0o1777)],
    [
      "GA-HST-006",
      "an encrypted swap",
      { swaps: { value: [{ path: "/dev/dm-1", sizeBytes: GIB, kind: "encrypted" }] } },
    ],
    [
      "GA-HST-006",
      "a swap the server's group may not use",
      { swaps: { value: [{ path: "/dev/sda2", sizeBytes: GIB, kind: "plain" }] } },
    ],
    [
      "GA-HST-007",
      "a handler that keeps none",
      {
        cores: { value: { pattern: "|/usr/lib/systemd/systemd-coredump %P", storage: "none" } },
        processes: { value: [{ ...PROCESS, coreLimitBytes: Number.POSITIVE_INFINITY }] },
      },
    ],
  ])("%s accepts %s", (id, _what, change) => {
    expect(judgeHost({ ...CLEAN, ...change }).find(({ rule }) => rule.id === id)?.verdict.result).toBe("ok");
  });
});

function valueOf<T>(known: { readonly value: T } | { readonly unknown: string }): T {
  if ("unknown" in known) throw new Error(known.unknown);
  return known.value;
}
