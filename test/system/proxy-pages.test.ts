import { afterEach, describe, expect, it } from "vitest";
import { docCommands } from "../support/doc-commands.ts";
import { bootMachine, whyNoMachine, type Machine } from "./machine/machine.ts";

/** What the pages say to change on a private network; here it is the one without internet. */
const PRIVATE = {
  init: " --tls internal",
  verify: " --ca /var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt",
};

/** Stands for Let's Encrypt: the same files in the same place, from a CA of its own. */
const CERTBOT = `#!/bin/sh
set -eu
for name; do :; done
live=/etc/letsencrypt/live/$name
mkdir -p "$live"
cd "$live"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=stand-in -keyout ca.key -out /etc/ssl/stand-in.pem
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" -keyout privkey.pem -out request.pem
printf 'subjectAltName=DNS:%s\\nextendedKeyUsage=serverAuth\\n' "$name" >extensions
openssl x509 -req -in request.pem -CA /etc/ssl/stand-in.pem -CAkey ca.key -CAcreateserial -days 90 -extfile extensions -out fullchain.pem
`;

const missing = whyNoMachine("caddy", "nginx", "openssl", "curl");
const suite = missing === undefined ? describe : describe.skip;
suite(`the pages from zero to HTTPS${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
  let machine: Machine | undefined;
  afterEach(() => machine?.stop());

  it("docs/deploy/caddy.md: every command as it stands, with what it says about a private network", async () => {
    machine = await bootMachine();
    const commands = commandsOf("docs/deploy/caddy.md").map((command) => {
      if (command.includes("gigastt init")) return command + PRIVATE.init;
      return command.includes("gigastt verify") ? `sudo ${command}${PRIVATE.verify}` : command;
    });
    expect(runPage(machine, commands)).toMatch(/^(?:ok {4} .*\n){13}$/);
  }, 240_000);

  it("docs/deploy/nginx.md: every command as it stands, with a stand-in for Let's Encrypt", async () => {
    machine = await bootMachine();
    machine.must("cat >/usr/local/bin/certbot && chmod 755 /usr/local/bin/certbot", { user: "root", input: CERTBOT });
    expect(
      runPage(machine, commandsOf("docs/deploy/nginx.md"), { NODE_EXTRA_CA_CERTS: "/etc/ssl/stand-in.pem" }),
    ).toMatch(/^(?:ok {4} .*\n){13}$/);
    expect(machine.must("systemctl is-enabled gigastt-certbot.timer")).toBe("enabled\n");
  }, 240_000);
});

// ---

function commandsOf(page: string): string[] {
  return docCommands(page).map(({ text }) => text);
}

/** Runs the commands one after the other as anna in her clone; what the last one says. The password that one prints another one reads. */
function runPage(machine: Machine, commands: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  let password = "";
  let output = "";
  for (const command of commands) {
    output = machine.must(command, { env, input: command.includes(" verify ") ? password : "" });
    if (command.includes(" secrets create ")) password = output.split("\n")[0] ?? "";
  }
  return output;
}
