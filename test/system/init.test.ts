import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bootMachine, CLONE, whyNoMachine, type Machine, type RunOptions } from "./machine/machine.ts";
import { KEYS, openTerminal, type Session } from "./machine/terminal.ts";

/** `gigastt init` on a bare machine of its own, answered in a terminal; the commands it prints are run as they stand on the screen. */
const missing = whyNoMachine("caddy", "nginx", "openssl", "curl");
const suite = missing === undefined ? describe : describe.skip;
const why = missing === undefined ? "" : ` (skipped: ${missing})`;

let machine: Machine;
/** The wizard in a terminal, as anna in her clone. */
const start = (size: { columns?: number; rows?: number } = {}, options: RunOptions = {}, flags = ""): Session =>
  openTerminal(machine.command(`./gigastt init ${flags}`, options), size);

/** The commands below "Next:", remarks left out. */
function printedCommands({ screen }: Session): string[] {
  const lines = screen.lines();
  return lines
    .slice(lines.indexOf("Next:") + 1)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/** Runs each command as anna. What a command reads from standard input is the secret an earlier one printed. */
function runAll(commands: readonly string[]): string {
  let secret = "";
  let output = "";
  for (const command of commands) {
    output = machine.must(command, { input: command.includes(" verify ") ? secret : "" });
    if (command.includes(" secrets create ")) secret = output.split("\n")[0] ?? "";
  }
  return output;
}

/** State of the clone: what init may have changed. */
const contents = (): string =>
  machine.must("cat gigastt.config.yaml; find deploy -newer package.json -type f | sort; ls -A");

suite(`gigastt init on a bare machine${why}`, () => {
  beforeAll(async () => {
    machine = await bootMachine();
  }, 120_000);
  afterAll(() => machine?.stop());

  it("writes nothing when it is left in the middle, at any question", async () => {
    const before = contents();
    const questions: readonly ((session: Session) => Promise<void>)[] = [
      (session) => session.choose("Where will it run?", "On this machine"),
      (session) => session.choose("Who should reach it?", "Other people"),
      (session) => session.choose("Which reverse proxy?", "Caddy"),
      (session) => session.answer("Host name?", `stt.example.com${KEYS.enter}`),
      (session) => session.choose("Where does the certificate come from?", "Let's Encrypt"),
      (session) => session.answer("Contact address", KEYS.enter),
      (session) => session.choose("Who may use it?", "Users"),
      (session) => session.answer("Name of the first user?", `anna${KEYS.enter}`),
    ];
    const asked = [
      "Where will",
      "Who should",
      "Which reverse proxy",
      "Host name",
      "certificate",
      "Contact",
      "may use",
      "first user",
      "Write them",
    ];
    for (const stop of [0, 3, 5, 8]) {
      const session = start();
      for (const question of questions.slice(0, stop)) await question(session);
      await session.answer(asked[stop]!, KEYS.ctrlC);
      expect(await session.ended).toBe(1);
      expect(session.screen.text()).toContain("Nothing was written.");
    }
    expect(contents()).toBe(before);
  }, 120_000);

  it("host, Caddy, private CA, passwords: wrong answers are explained, and every printed command works", async () => {
    const session = start();
    await session.choose("Where will it run?", "On this machine");
    await session.choose("Who should reach it?", "Other people, through a reverse proxy");
    await session.choose("Which reverse proxy?", "Caddy");
    await session.answer("Host name?", `stt${KEYS.enter}`);
    await session.answer("must be a host name with at least one dot", `${KEYS.erase}stt.example.com${KEYS.enter}`);
    await session.choose("Where does the certificate come from?", "A private CA");
    await session.choose("Who may use it?", "Users with passwords");
    await session.answer("Name of the first user?", `anna karenina${KEYS.enter}`);
    await session.answer("letters, digits, dots", `${KEYS.erase}anna${KEYS.enter}`);
    await session.choose("Write them?", "Yes");
    expect(await session.ended).toBe(0);
    const commands = printedCommands(session);
    expect(commands.at(-1)).toMatch(/^sudo \.\/gigastt verify https:\/\/stt\.example\.com --ca \S+ --user anna$/);
    expect(runAll(commands)).not.toContain("FAILED");
    expect(machine.must("systemctl show gigastt --property ActiveState,StatusText")).toMatch(
      /ActiveState=active\nStatusText=ready in .*|StatusText=ready in .*\nActiveState=active/,
    );
  }, 180_000);

  it("again: suggests what it was told, updates to nginx with client certificates, and every printed command works", async () => {
    const session = start();
    await session.answer("Where will it run?", KEYS.enter);
    await session.answer("Who should reach it?", KEYS.enter);
    await session.choose("Which reverse proxy?", "nginx");
    // The name of the first run stands there already.
    await session.answer("Host name?", KEYS.enter);
    await session.answer("Where does the certificate come from?", KEYS.enter);
    await session.choose("Who may use it?", "Devices");
    await session.choose("Write them?", "Yes");
    expect(await session.ended).toBe(0);
    expect(session.screen.text()).toContain("updated  gigastt.local.yaml");
    const commands = printedCommands(session);
    expect(commands).toContain("sudo systemctl disable --now caddy");
    expect(runAll(commands)).not.toContain("FAILED");
    // Debian's own file was kept beside the new one.
    machine.must("test -e /etc/nginx/nginx.conf.~1~");
    expect(machine.must("systemctl is-enabled gigastt-certs.timer")).toBe("enabled\n");
    // The timer's service renews under its own restrictions; here at once instead of near the end.
    machine.must(
      "d=/run/systemd/system/gigastt-certs.service.d; sudo mkdir -p $d; (echo [Service]; echo ExecStart=; sed -n '/^ExecStart=/s/$/ --force/p' /etc/systemd/system/gigastt-certs.service) | sudo tee $d/force.conf; sudo systemctl daemon-reload",
    );
    const before = machine.must("sha256sum /etc/gigastt/tls/server.pem");
    machine.must("sudo systemctl start gigastt-certs.service || { sudo journalctl -u gigastt-certs -n 20; exit 1; }");
    expect(machine.must("sha256sum /etc/gigastt/tls/server.pem")).not.toBe(before);
  }, 180_000);

  it("a file edited by hand is kept unless its owner agrees", async () => {
    machine.must("echo '# mine' >> deploy/nginx/gigastt.conf");
    const before = contents();
    const walk = async (last: "Yes" | "No"): Promise<Session> => {
      const session = start();
      for (const question of ["Where will", "Who should", "Which reverse proxy", "Host name", "certificate come"])
        await session.answer(question, KEYS.enter);
      await session.choose("Who may use it?", "Anyone who can reach it");
      await session.answer("Overwrite them", last === "Yes" ? "y" : "n");
      await session.ended;
      return session;
    };
    expect((await walk("No")).screen.text()).toContain("Nothing was written.");
    expect(contents()).toBe(before);
    const session = await walk("Yes");
    expect(session.screen.text()).toMatch(/^updated +deploy\/nginx\/gigastt\.conf$/m);
    expect(machine.run("grep -c mine deploy/nginx/gigastt.conf").output).toBe("0\n");
    expect(runAll(printedCommands(session))).not.toContain("FAILED");
  }, 180_000);

  it("the home network: HTTPS under the unit, and every printed command works", async () => {
    const session = start();
    await session.choose("Where will it run?", "On this machine");
    await session.choose("Who should reach it?", "Devices at home");
    await session.choose("Write them?", "Yes");
    expect(await session.ended).toBe(0);
    expect(JSON.parse(runAll(printedCommands(session)))).toMatchObject({ status: "ok" });
  }, 180_000);

  it.each([
    [
      "Docker Compose (its commands are run by the suite with a Docker engine: none runs here)",
      "In Docker Compose",
      "docker",
    ],
    ["Kubernetes (its commands are run by the suite with an API server: none runs here)", "In Kubernetes", "kubectl"],
  ])(
    "%s: the files are written, and the commands name files that exist",
    async (_name, label, program) => {
      const session = start({ rows: 60 });
      await session.choose("Where will it run?", label);
      if (program === "docker") {
        await session.choose("Who should reach it?", "Other people");
        await session.choose("Which reverse proxy?", "Caddy");
      }
      await session.answer("Host name?", `${KEYS.erase}stt.example.com${KEYS.enter}`);
      await session.choose("Where does the certificate come from?", "Let's Encrypt");
      if (program === "docker") await session.answer("Contact address", `me${KEYS.enter}`);
      if (program === "docker") await session.answer("address", `${KEYS.erase}me@example.com${KEYS.enter}`);
      await session.choose("Who may use it?", program === "docker" ? "Programs" : "Anyone who can reach it");
      if (program === "docker") {
        await session.answer("first program?", `robot${KEYS.enter}`);
        await session.answer("Anything else in the project?", KEYS.enter);
      }
      await session.choose("Write them?", "Yes");
      expect(await session.ended).toBe(0);
      const commands = printedCommands(session);
      expect(commands.filter((command) => command.includes(`${program} `)).length).toBeGreaterThan(2);
      for (const command of commands) {
        const path = /(?:cd|-k|-f) (deploy\/\S+?)(?:\)| |$)/.exec(command)?.[1];
        if (path !== undefined) machine.must(`test -e ${path}`);
      }
      if (program === "docker") {
        expect(session.screen.text()).toMatch(/Key robot \(shown only once\): gst_[0-9a-f]{64}/);
        expect(machine.must("stat -c %a deploy/compose/secrets/keys.caddy")).toBe("600\n");
      }
    },
    120_000,
  );

  it("a narrow terminal breaks no answer, and the commands can still be copied", async () => {
    const session = start({ columns: 40, rows: 30 });
    await session.choose("Where will it run?", "On this machine");
    await session.choose("Who should reach it?", "Programs on this machine");
    await session.choose("Write them?", "Yes");
    expect(await session.ended).toBe(0);
    expect(printedCommands(session)).toContain(
      "sudo ./gigastt install-service --config /etc/gigastt/gigastt.config.yaml",
    );
    for (const row of session.screen.rows()) expect(row.length).toBeLessThanOrEqual(40);
  }, 120_000);

  it("NO_COLOR paints no colour, a locale without UTF-8 gets ASCII only", async () => {
    const session = start({}, { env: { NO_COLOR: "1", LANG: "C", LC_ALL: "POSIX" } });
    await session.choose("Where will it run?", "On this machine");
    await session.choose("Who should reach it?", "Programs on this machine");
    await session.choose("Write them?", "Yes");
    expect(await session.ended).toBe(0);
    // eslint-disable-next-line no-control-regex -- colours are escape sequences
    expect(session.painted()).not.toMatch(/\u001b\[(?:3|4|9|10)\dm/);
    // eslint-disable-next-line no-control-regex -- ASCII begins with control characters
    expect(session.painted().match(/[^\u0000-\u007f]/gu) ?? []).toEqual([]);
  }, 120_000);

  it("without a terminal it says how to decide by flags", () => {
    const { code, output } = machine.run("./gigastt init", { cwd: CLONE });
    expect(code).toBe(2);
    expect(output).toContain(
      "init asks questions and needs a terminal; without one, use --yes with flags: gigastt init --yes",
    );
  });
});
