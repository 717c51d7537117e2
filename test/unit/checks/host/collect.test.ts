import { describe, expect, it } from "vitest";
import { collectHostFacts } from "../../../../src/checks/host/collect.ts";
import type { HostFacts } from "../../../../src/checks/host/facts.ts";
import { coreLimit, publishedByFirewall, publishedByInspect, swapRows } from "../../../../src/checks/host/parse.ts";
import { judgeHost } from "../../../../src/checks/host/run.ts";
import { isServerCommand } from "../../../../src/checks/machine/processes.ts";
import type { HostMachine } from "../../../../src/checks/machine.ts";
import { listeningSockets } from "../../../../src/shared/machine/proc-net.ts";
import { fuzzCases } from "../../../support/fuzz.ts";

// Recorded on Linux 6.1 and 6.18.
const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2694 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0000000000000000 100 0 0 10 0
   1: 00000000:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 222 1 0000000000000000 100 0 0 10 0
   2: 0100007F:8124 0100007F:2694 01 00000000:00000000 00:00000000 00000000     0        0 333 1 0000000000000000 20 4 30 10 -1
`;
const TCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 444 1 0000000000000000 100 0 0 10 0
   1: 00000000000000000000000001000000:2694 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 555 1 0000000000000000 100 0 0 10 0
   2: 0000000000000000FFFF00000100007F:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 666 1 0000000000000000 100 0 0 10 0
   3: B80D0120000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 777 1 0000000000000000 100 0 0 10 0
`;
const INSPECT = JSON.stringify([
  {
    Name: "/stt-app-1",
    Config: { Image: "gigastt:1" },
    NetworkSettings: {
      Ports: {
        "9876/tcp": [
          { HostIp: "0.0.0.0", HostPort: "9876" },
          { HostIp: "::", HostPort: "9876" },
        ],
        "53/udp": [{ HostIp: "0.0.0.0", HostPort: "53" }],
        "80/tcp": null,
      },
    },
  },
  { Name: "/plain", NetworkSettings: { Ports: {} } },
]);
const NAT = `-N DOCKER
-A DOCKER -i br-1 -j RETURN
-A DOCKER ! -i br-1 -p tcp -m tcp --dport 9876 -j DNAT --to-destination 172.30.99.2:9876
-A DOCKER -d 127.0.0.1/32 ! -i br-1 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.30.99.3:80
-A DOCKER ! -i br-1 -p udp -m udp --dport 443 -j DNAT --to-destination 172.30.99.3:443
`;

describe("reading a machine's own tables", () => {
  it("reads listening sockets of both families, and leaves connections out", () => {
    expect(listeningSockets(TCP)).toEqual([
      { address: "127.0.0.1", port: 9876, inode: "111" },
      { address: "0.0.0.0", port: 443, inode: "222" },
    ]);
    expect(listeningSockets(TCP6)).toEqual([
      { address: "::", port: 443, inode: "444" },
      { address: "::1", port: 9876, inode: "555" },
      { address: "::ffff:127.0.0.1", port: 8080, inode: "666" },
      { address: "2001:db8::1", port: 80, inode: "777" },
    ]);
  });

  it("reads published ports from docker inspect and from the firewall, UDP left out", () => {
    expect(
      publishedByInspect(INSPECT).map(({ container, address, port, containerPort }) => [
        container,
        address,
        port,
        containerPort,
      ]),
    ).toEqual([
      ["stt-app-1", "0.0.0.0", 9876, 9876],
      ["stt-app-1", "::", 9876, 9876],
    ]);
    expect(
      publishedByFirewall(NAT).map(({ container, address, port, containerPort }) => [
        container,
        address,
        port,
        containerPort,
      ]),
    ).toEqual([
      ["172.30.99.2", "0.0.0.0", 9876, 9876],
      ["172.30.99.3", "127.0.0.1", 8080, 80],
    ]);
  });

  it("knows the server's processes by their command lines", () => {
    const words = (line: string): boolean => isServerCommand(line.split(" "));
    expect(words("node /opt/gigastt/bin/gigastt.js up")).toBe(true);
    expect(words("/usr/local/bin/gigastt serve --port 9876")).toBe(true);
    expect(words("node /opt/gigastt/dist/runtime/supervised-main.js")).toBe(true);
    expect(words("node /opt/gigastt/bin/gigastt.js audit host")).toBe(false);
    expect(words("vim /etc/gigastt up")).toBe(false);
  });

  it("never throws on a damaged table, whatever it holds", () => {
    const seeds = [
      TCP,
      TCP6,
      NAT,
      "Max core file size  unlimited 0 bytes\n",
      "Filename Type Size Used Priority\n/dev/sda2 partition 1000 0 -2\n",
    ];
    let state = 42;
    const random = (limit: number): number => {
      state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
      return state % limit;
    };
    for (let n = 0; n < fuzzCases(20_000); n++) {
      const seed = seeds[n % seeds.length]!;
      const at = random(seed.length);
      const text = seed.slice(0, at) + String.fromCodePoint(random(0xd7ff)) + seed.slice(at + random(40));
      for (const read of [listeningSockets, publishedByFirewall, coreLimit, swapRows]) read(text);
    }
  });
});

/** A machine made of files, folders, links and programs. */
function machine(
  files: Record<string, string>,
  programs: Record<string, string> = {},
  links: Record<string, string> = {},
  modes: Record<string, number | string> = {},
): HostMachine {
  const all = [...Object.keys(files), ...Object.keys(links), ...Object.keys(modes)];
  return {
    platform: "linux",
    nowMs: () => Date.UTC(2030, 0, 1),
    availableMemoryBytes: async () => 4e9,
    readText: (path) => files[path],
    list: (path) => [
      ...new Set(
        all.flatMap((name) => (name.startsWith(`${path}/`) ? [name.slice(path.length + 1).split("/")[0] ?? ""] : [])),
      ),
    ],
    readLink: (path) => links[path],
    stat: (path) => {
      const mode = modes[path];
      if (typeof mode === "string") return { code: mode };
      if (mode !== undefined)
        return { uid: 0, mtimeMs: 0, mode, isDirectory: all.some((name) => name.startsWith(`${path}/`)) };
      return all.some((name) => name.startsWith(`${path}/`))
        ? { mode: 0o755, isDirectory: true, uid: 0, mtimeMs: 0 }
        : { code: "ENOENT" };
    },
    run: async (program, args) => {
      const stdout = programs[[program, ...args].join(" ")] ?? programs[program];
      return stdout === undefined ? { problem: `${program} is not installed` } : { stdout };
    },
  };
}

async function factsOf(
  system: HostMachine,
  paths: Parameters<typeof collectHostFacts>[0]["paths"] = [],
): Promise<HostFacts> {
  return collectHostFacts({
    system,
    unit: "gigastt.service",
    plan: {
      host: "127.0.0.1",
      port: 9876,
      listeners: [{ section: "server", host: "127.0.0.1", port: 9876 }],
      memory: { serverBytes: 1, handoverBytes: 1, model: undefined },
    },
    paths,
    certificates: async () => [],
    secrets: async () => undefined,
    proxyFiles: async () => [],
  });
}

describe("collecting the facts of a machine", () => {
  it("names the process behind a socket, its limits and its control group", async () => {
    const facts = await factsOf(
      machine(
        {
          "/proc/net/tcp": TCP,
          "/proc/10/comm": "node\n",
          "/proc/10/cmdline": "node\0/opt/gigastt/bin/gigastt.js\0serve\0",
          "/proc/10/limits":
            "Limit                     Soft Limit           Hard Limit           Units\nMax core file size        unlimited            unlimited            bytes\n",
          "/proc/10/cgroup": "0::/system.slice/gigastt.service\n",
          "/sys/fs/cgroup/system.slice/gigastt.service/memory.swap.max": "0\n",
        },
        {},
        { "/proc/10/fd/7": "socket:[111]" },
      ),
    );
    expect(facts.listeners).toMatchObject({ value: [{ process: "node (pid 10)" }, { process: undefined }] });
    expect(facts.processes).toEqual({
      value: [{ pid: 10, name: "gigastt.js", coreLimitBytes: Number.POSITIVE_INFINITY, swapForbidden: true }],
    });
  });

  it("asks the engine first, then the firewall, and says when neither answers", async () => {
    const engine = await factsOf(
      machine({}, { "docker ps --quiet --no-trunc": "abc\n", "docker inspect abc": INSPECT }),
    );
    expect(engine.published).toMatchObject({ value: [{ port: 9876 }, { port: 9876 }] });
    const firewall = await factsOf(machine({}, { iptables: NAT }));
    expect(firewall.published).toMatchObject({ value: [{ port: 9876 }, { port: 8080 }] });
    const neither = await factsOf(machine({}));
    expect(neither.published).toEqual({ unknown: "docker is not installed; iptables is not installed" });
    const garbage = await factsOf(machine({}, { "docker ps --quiet --no-trunc": "abc\n", "docker inspect abc": "{" }));
    expect(garbage.published).toMatchObject({ unknown: expect.stringContaining("JSON") });
  });

  it("tells a swap in memory and an encrypted one from a plain one", async () => {
    const facts = await factsOf(
      machine(
        {
          "/proc/swaps":
            "Filename\tType\tSize\tUsed\tPriority\n/dev/zram0 partition 1024 0 100\n/dev/mapper/swap partition 2048 0 -2\n/swapfile file 4096 0 -3\n",
          "/sys/class/block/dm-1/dm/uuid": "CRYPT-PLAIN-swap\n",
        },
        {},
        { "/dev/mapper/swap": "../dm-1" },
      ),
    );
    expect(facts.swaps).toMatchObject({
      value: [{ kind: "memory" }, { kind: "encrypted", sizeBytes: 2048 * 1024 }, { kind: "plain" }],
    });
  });

  it("reads what systemd-coredump keeps, drop-ins last", async () => {
    const facts = await factsOf(
      machine({
        "/proc/sys/kernel/core_pattern": "|/usr/lib/systemd/systemd-coredump %P %u\n",
        "/etc/systemd/coredump.conf": "[Coredump]\n#Storage=none\nStorage=external\n",
        "/etc/systemd/coredump.conf.d/10-none.conf": "[Coredump]\nStorage=none\n",
      }),
    );
    expect(facts.cores).toMatchObject({ value: { storage: "none" } });
  });

  it("asks timedatectl, then chronyc, then looks for timesyncd's mark", async () => {
    expect((await factsOf(machine({}, { timedatectl: "yes\n" }))).clock).toMatchObject({
      synchronized: true,
      by: "timedatectl",
    });
    expect(
      (await factsOf(machine({}, { chronyc: "Reference ID    : 00000000 ()\nLeap status     : Not synchronised\n" })))
        .clock,
    ).toMatchObject({ synchronized: false, by: "chronyc" });
    expect((await factsOf(machine({ "/run/systemd/timesync/synchronized": "" }))).clock).toMatchObject({
      synchronized: true,
      by: "systemd-timesyncd",
    });
    expect((await factsOf(machine({}))).clock).toMatchObject({
      synchronized: undefined,
      by: expect.stringContaining("chronyc is not installed"),
    });
  });

  it("reads systemd's own estimate of the running unit", async () => {
    const systemd = { "/run/systemd/system/x": "" };
    const said = "→ Overall exposure level for gigastt.service: 1.6 OK :-)\n";
    expect((await factsOf(machine(systemd, { systemctl: "active\n", "systemd-analyze": said }))).unit).toEqual({
      value: { unit: "gigastt.service", exposure: 1.6 },
    });
    expect((await factsOf(machine(systemd, { systemctl: "inactive\n" }))).unit).toEqual({
      unknown: "gigastt.service does not run",
    });
    expect((await factsOf(machine({}))).unit).toEqual({ unknown: "systemd does not run here" });
  });

  it("keeps the reason of a file it may not look at, and leaves out what is not there", async () => {
    const { files } = await factsOf(
      machine({}, {}, {}, { "/etc/gigastt/secrets": "EACCES", "/s": 0o750, "/s/a.key": 0o644, "/s/a.pem": 0o644 }),
      [
        { path: "/etc/gigastt/secrets", role: "secret" },
        { path: "/nowhere", role: "model" },
        { path: "/s", role: "secret" },
      ],
    );
    expect(files.map(({ path, role, problem }) => [path, role, problem])).toEqual([
      ["/etc/gigastt/secrets", "secret", "EACCES"],
      ["/s", "secret", undefined],
      ["/s/a.key", "private-key", undefined],
    ]);
  });

  it("says on another system what it does not have there", async () => {
    const facts = await factsOf({ ...machine({}), platform: "darwin" });
    for (const { rule, verdict } of judgeHost(facts)) {
      if (["GA-HST-008", "GA-HST-011", "GA-HST-012"].includes(rule.id)) continue;
      expect(verdict, rule.id).toMatchObject({ result: "not-checked" });
    }
    expect(facts.listeners).toEqual({ unknown: "darwin has no /proc/net/tcp" });
    expect(facts.unit).toEqual({ unknown: "systemd is not on darwin" });
  });
});
