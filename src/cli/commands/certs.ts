import { isIP } from "node:net";
import { join } from "node:path";
import type { ResolvedConfig } from "../../config/types.ts";
import { namesOfHost } from "../../shared/machine/host-names.ts";
import type { Command, CommandContext, FlagSpec } from "../command.ts";
import { createClient, createServer, listCertificates, renew } from "../deploy/cert-store.ts";
import { ownerFor } from "../deploy/owner.ts";
import type { User } from "../../render/deployed/reader.ts";
import { certsFolder, outDir } from "../deploy/paths.ts";
import { watchedCertificates } from "../../render/deployed/certificates.ts";
import { loadCliConfig } from "../load-config.ts";
import { paintFor, table, writeJson } from "../output.ts";
import { UsageError } from "../usage.ts";

const dir: FlagSpec = {
  type: "string",
  value: "DIR",
  describe: "folder of the certificates; default: where the configured deployment reads them",
};
const json: FlagSpec = { type: "boolean", describe: "answer JSON" };

export const command: Command = {
  summary: "Manage a private CA, its server certificate and client certificates",
  topic: "set-up",
  rank: 4,
  help: "For networks without Let's Encrypt and for client certificates (deploy.auth.kind: mtls). The CA's key never leaves the folder; clients trust ca.pem.",
  subcommands: {
    create: {
      summary: "Create the server certificate, and the CA if there is none",
      flags: {
        dir,
        json,
        name: {
          type: "string",
          value: "NAME",
          multiple: true,
          describe: "a host name or address it is valid for; default: the domain, this host's name and its addresses",
        },
      },
      run: create,
    },
    client: { summary: "Create a certificate for one client", positionals: "NAME", flags: { dir, json }, run: client },
    list: { summary: "List names and expiry of every certificate", flags: { dir, json }, run: list },
    renew: {
      summary: "Renew the server certificate when 30 days or less are left",
      flags: { dir, json, force: { type: "boolean", describe: "renew now" } },
      help: "Run daily by the rendered timer gigastt-certs.timer. Exit code 0 when nothing is due.",
      run: renewCommand,
    },
  },
};

// ---

async function create(context: CommandContext): Promise<number> {
  const { config, folder, owner } = await open(context);
  const given = context.flags["name"];
  const names = Array.isArray(given) && given.length > 0 ? given : namesOfHost(config.deploy.domain);
  const bad = names.filter(
    (name) => isIP(name) === 0 && !/^(?:\*\.)?[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(name),
  );
  if (bad.length > 0)
    throw new UsageError([`--name must be a host name or an address, got ${bad.join(", ")}`], ["certs", "create"]);
  await createServer(folder, names, { now: new Date(), owner });
  if (context.flags["json"] === true) writeJson(context.stdout, { ok: true, dir: folder, names });
  else
    context.stdout.write(
      `${join(folder, "server.pem")} is valid for ${names.join(", ")}.\nClients trust it through ${join(folder, "ca.pem")}.\n`,
    );
  return 0;
}

async function client(context: CommandContext): Promise<number> {
  const [name, ...rest] = context.positionals;
  if (name === undefined || rest.length > 0)
    throw new UsageError(["missing argument: NAME, for example gigastt certs client laptop"], ["certs", "client"]);
  const { folder, owner } = await open(context);
  await createClient(folder, name, { now: new Date(), owner });
  const base = join(folder, "clients", name);
  if (context.flags["json"] === true)
    writeJson(context.stdout, { ok: true, certificate: `${base}.pem`, privateKey: `${base}.key` });
  else {
    context.stdout.write(
      `${base}.pem and ${base}.key are for ${name} alone.\nFor a browser: openssl pkcs12 -export -inkey ${base}.key -in ${base}.pem -out ${name}.p12\nTry it: curl --cert ${base}.pem --key ${base}.key https://…/v1/models\n`,
    );
  }
  return 0;
}

async function list(context: CommandContext): Promise<number> {
  const { config, folder, deployDir } = await open(context);
  const now = new Date();
  const certificates = await listCertificates(folder, now);
  // What the deployed proxy uses of them, and certificates of other makers.
  const given = context.flags["dir"] !== undefined;
  const watched = given ? [] : await watchedCertificates({ config, deployDir, now });
  const problems = watched.flatMap((certificate) => certificate.problems);
  if (context.flags["json"] === true) {
    writeJson(context.stdout, {
      dir: folder,
      certificates: certificates.map(({ file, facts, state }) => ({
        file,
        state,
        names: facts?.names ?? [],
        subject: facts?.subject ?? null,
        notAfter: facts?.notAfter.toISOString() ?? null,
        daysLeft: facts?.daysLeft ?? null,
      })),
      problems: problems.map(({ place, severity, message, cure }) => ({ file: place, severity, message, cure })),
    });
    return 0;
  }
  for (const { message, cure } of problems) context.stderr.write(`${message}.\n  ${cure}\n`);
  if (certificates.length === 0) {
    if (problems.length > 0) return 0;
    context.stderr.write(`${folder} contains no certificates. Create them: gigastt certs create\n`);
    return 0;
  }
  const paint = paintFor(context.stdout, context);
  const colour = { valid: paint.green, expiring: paint.yellow, expired: paint.red, broken: paint.red };
  const rows = certificates.map(({ file, facts, state }) => [
    file,
    colour[state](state),
    facts === undefined ? "" : `${facts.daysLeft} days`,
    facts?.notAfter.toISOString().slice(0, 10) ?? "",
    facts === undefined ? "not a certificate" : facts.names.join(" ") || facts.subject,
  ]);
  context.stdout.write(`${table(rows)}\n`);
  return 0;
}

async function renewCommand(context: CommandContext): Promise<number> {
  const { folder, owner } = await open(context);
  const done = await renew(folder, { now: new Date(), owner, force: context.flags["force"] === true });
  if (context.flags["json"] === true) writeJson(context.stdout, { ok: done !== "none", done });
  else
    context.stdout.write(
      `${{ renewed: `${join(folder, "server.pem")} was renewed.`, "not due": "Nothing to renew.", none: `${folder} holds no certificate made by gigastt. Create it: gigastt certs create` }[done]}\n`,
    );
  return done === "none" ? 1 : 0;
}

async function open(
  context: CommandContext,
): Promise<{ config: ResolvedConfig; folder: string; deployDir: string; owner: User | undefined }> {
  const loaded = await loadCliConfig(context, { quiet: true });
  return {
    config: loaded.config,
    folder: certsFolder(loaded, context.cwd, context.flags["dir"]),
    deployDir: outDir(loaded, context.cwd, undefined),
    owner: await ownerFor(loaded.config, process.getuid?.()),
  };
}
