import type { LoadedConfig } from "../../config/load.ts";
import { SCOPES } from "../../shared/api-keys.ts";
import type { Scope } from "../../shared/api-keys.ts";
import { GigasttError } from "../../shared/errors.ts";
import { parseDurationMs } from "../../shared/units.ts";
import { openKeyStore } from "../../store/keys.ts";
import type { KeyRights, KeyStore } from "../../store/keys.ts";
import { keysFile, storeDir } from "../../store/place.ts";
import type { CommandContext, FlagSpec } from "../command.ts";
import { findInstalledService } from "../installed.ts";
import { UsageError } from "../usage.ts";
import { isSecretName, SECRET_NAME_RULE } from "./secret-store.ts";

/** Rights of a key that the server checks. */
export const RIGHTS_FLAGS: Readonly<Record<string, FlagSpec>> = {
  scopes: {
    type: "string",
    value: "LIST",
    describe: `server's keys: what it may do, of ${SCOPES.join(",")}; default transcribe,live`,
  },
  "requests-per-minute": { type: "string", value: "N", describe: "server's keys: requests a minute; default no limit" },
  concurrent: {
    type: "string",
    value: "N",
    describe: "server's keys: requests and sessions at once; default no limit",
  },
  "audio-minutes": {
    type: "string",
    value: "N",
    describe: "server's keys: minutes of audio a day (UTC); default no limit",
  },
  expires: {
    type: "string",
    value: "TIME",
    describe: "server's keys: 90d, or a date such as 2027-01-31; default never",
  },
};

/** Whether keys are the server's, in its store, or the proxy's, in its files. */
export function hasServerKeys({ config }: Pick<LoadedConfig, "config">): boolean {
  return config.auth.keys === "required";
}

/** Whether the keys are out of reach of this process, in the volume of the server's container. */
export function keepsKeysInVolume({ config }: Pick<LoadedConfig, "config">): boolean {
  return hasServerKeys({ config }) && config.deploy.target === "compose" && config.store.dir === undefined;
}

/** Opens the store that the server reads, also where it is an installed service's. */
export async function openServerKeys(loaded: LoadedConfig, context: CommandContext): Promise<KeyStore> {
  const { config } = loaded;
  if (keepsKeysInVolume(loaded)) {
    throw new GigasttError(
      "GST_KEY",
      `the keys are in the project's volume. Run it there: docker compose exec gigastt node /app/bin/gigastt.js secrets ${context.positionals.join(" ")}`,
      { exitCode: 2 },
    );
  }
  const service = await findInstalledService();
  const isService = service !== undefined && service.configFile === loaded.path;
  return openKeyStore(keysFile(storeDir(config, isService ? { ...context.env, ...service.env } : context.env)));
}

/** Returns the rights that the flags ask for; all mistakes at once. */
export function rightsFrom({ flags }: CommandContext, nowMs: number): KeyRights {
  const problems: string[] = [];
  const number = (name: string, isWhole: boolean): number | undefined => {
    const text = flags[name];
    if (typeof text !== "string") return undefined;
    const value = Number(text);
    const isValid = text.trim() !== "" && value > 0 && value <= 1e9 && (!isWhole || Number.isInteger(value));
    if (!isValid) problems.push(`--${name} must be a ${isWhole ? "whole " : ""}number above 0, got ${text}`);
    return value;
  };
  const listed =
    typeof flags["scopes"] === "string" ? flags["scopes"].split(",").map((word) => word.trim()) : undefined;
  const unknown = (listed ?? []).filter((word) => !(SCOPES as readonly string[]).includes(word));
  if (unknown.length > 0) problems.push(`--scopes takes ${SCOPES.join(", ")}, got ${unknown.join(", ") || "nothing"}`);
  const expiresAtMs = typeof flags["expires"] === "string" ? timeOf(flags["expires"], nowMs) : undefined;
  if (typeof flags["expires"] === "string" && (expiresAtMs === undefined || expiresAtMs <= nowMs))
    problems.push(
      `--expires must be a duration such as 90d or a later date such as 2027-01-31, got ${flags["expires"]}`,
    );
  const rights = {
    scopes: [...new Set((listed ?? ["transcribe", "live"]) as Scope[])], // checked above
    requestsPerMinute: number("requests-per-minute", true),
    concurrent: number("concurrent", true),
    audioMinutesPerDay: number("audio-minutes", false),
    expiresAtMs,
  };
  if (problems.length > 0) throw new UsageError(problems, ["secrets", "create"]);
  return rights;
}

/** Throws for a name that the logs and lists could not show. */
export function requireKeyName(name: string): void {
  if (isSecretName(name)) return;
  throw new GigasttError("GST_SECRETS", `${SECRET_NAME_RULE}, got ${JSON.stringify(name)}. For example: laptop`, {
    exitCode: 2,
  });
}

/** Returns the rights as a list shows them. */
export function describeRights(rights: KeyRights, nowMs: number): string {
  const { requestsPerMinute, concurrent, audioMinutesPerDay, expiresAtMs } = rights;
  return [
    rights.scopes.join(","),
    ...(requestsPerMinute === undefined ? [] : [`${requestsPerMinute}/min`]),
    ...(concurrent === undefined ? [] : [`${concurrent} at once`]),
    ...(audioMinutesPerDay === undefined ? [] : [`${audioMinutesPerDay} min of audio a day`]),
    ...(expiresAtMs === undefined
      ? []
      : [`${expiresAtMs <= nowMs ? "expired" : "expires"} ${new Date(expiresAtMs).toISOString().slice(0, 16)}Z`]),
  ].join(" ");
}

// ---

function timeOf(text: string, nowMs: number): number | undefined {
  const durationMs = parseDurationMs(text);
  if (durationMs !== undefined) return nowMs + durationMs;
  const time = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?Z)?$/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(time) ? undefined : time;
}
