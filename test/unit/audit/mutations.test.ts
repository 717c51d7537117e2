import { describe, expect, it } from "vitest";
import { derive } from "../../../src/config/derived.ts";
import { lineText } from "../../../src/audit/source.ts";
import { auditFiles } from "../../support/audit-files.ts";
import type { Change } from "../../support/audit-mutations.ts";
import { DERIVED_SETTINGS, ELSEWHERE, LEFT_ALONE, REASONS } from "../../support/audit-mutations.ts";
import type { Place } from "../../support/audit-places.ts";
import { findingsOf, PLACES, RENDER_SOURCE } from "../../support/audit-places.ts";
import type { Setting } from "../../support/audit-settings.ts";
import { settingsOf } from "../../support/audit-settings.ts";

interface Mutation {
  readonly place: Place;
  readonly file: string;
  readonly setting: Setting;
  readonly how: string;
  readonly text: string;
  readonly rule: string;
  readonly deletes: boolean;
}

const OPPOSITE: Readonly<Record<string, string>> = {
  true: "false",
  false: "true",
  on: "off",
  off: "on",
  yes: "no",
  no: "yes",
};

/** What a change makes of a value; undefined where it does not apply. */
function changed(value: string, change: Change): string | undefined {
  const number = /^(["']?)(\d+)([a-zA-Z]*["']?)$/.exec(value);
  if (change === "less" && number) return `${number[1]}${Math.max(1, Math.floor(Number(number[2]) / 30))}${number[3]}`;
  if (change === "more" && number) return `${number[1]}${Number(number[2]) * 30}${number[3]}`;
  return change === "flip" ? OPPOSITE[value] : undefined;
}

const unclassified: string[] = [];
const unexplained: string[] = [];
let harmless = 0;

const MUTATIONS: readonly Mutation[] = PLACES.flatMap((place) =>
  Object.entries(place.files).flatMap(([file, text]) =>
    file === "gigastt.config.yaml"
      ? []
      : settingsOf(file, text).flatMap((setting) => mutationsOf(place, file, text, setting)),
  ),
);

function mutationsOf(place: Place, file: string, text: string, setting: Setting): readonly Mutation[] {
  const rows = DERIVED_SETTINGS.filter((row) => row.file.test(file) && row.path.test(setting.path));
  if (!setting.leaf && rows.length === 0) return [];
  if (rows.length === 0) {
    if (!LEFT_ALONE.some(([where, path]) => where.test(file) && path.test(setting.path)))
      unclassified.push(`${place.name}: ${file}: ${setting.path}`);
    else harmless += 1;
    return [];
  }
  const value = text.slice(setting.valueStart, setting.valueEnd);
  const put = (next: string): string => text.slice(0, setting.valueStart) + next + text.slice(setting.valueEnd);
  const out: Mutation[] = [];
  const add = (how: string, next: string, rule: string, deletes = false): void => {
    out.push({ place, file, setting, how, text: next, rule, deletes });
  };
  for (const change of ["delete", "less", "more", "flip"] as const) {
    const next = change === "delete" ? "" : changed(value, change);
    if (next === undefined || next === value || (!setting.leaf && !rows.some((row) => row.breaks.includes(change))))
      continue;
    const row = rows.find((item) => item.breaks.includes(change));
    if (row)
      add(
        change,
        change === "delete" ? text.slice(0, setting.start) + text.slice(setting.end) : put(next),
        row.rule,
        change === "delete",
      );
    else if (rows.some((item) => item.rest !== undefined)) harmless += 1;
    else unexplained.push(`${place.name}: ${file}: ${setting.path}: ${change}`);
  }
  for (const row of rows)
    for (const next of row.values?.(place.config, derive(place.config)) ?? [])
      if (next !== value) add(`→ ${next}`, put(next), row.rule);
  return out;
}

describe("mutations of what gigastt renders", () => {
  it("every setting of every rendered file is in the list of derived settings or left alone for a reason", () => {
    expect(unclassified).toEqual([]);
    expect(unexplained).toEqual([]);
    expect(Object.keys(REASONS).length).toBeGreaterThan(0);
  });

  it("the untouched files are clean", () => {
    for (const place of PLACES)
      expect(
        findingsOf(place)
          .filter((finding) => finding.rule !== "GA-DRF-002")
          .map((finding) => `${finding.rule} ${finding.file}:${finding.line} ${finding.message}`),
        place.name,
      ).toEqual([]);
  });

  it(`at least 98 % of ${MUTATIONS.length} broken derived settings are found, by their rule and at the right line`, () => {
    expect(MUTATIONS.length).toBeGreaterThanOrEqual(150);
    const missed = MUTATIONS.flatMap((mutation) => {
      const reason = missedBecause(mutation);
      return reason === undefined
        ? []
        : [
            `${mutation.place.name}: ${mutation.file}: ${mutation.setting.path}: ${mutation.how}: ${mutation.rule} ${reason}`,
          ];
    });
    const share = 1 - missed.length / MUTATIONS.length;
    if (missed.length > 0)
      process.stdout.write(
        `${missed.length} of ${MUTATIONS.length} mutations not found (${harmless} changes left alone):\n${missed.join("\n")}\n`,
      );
    expect(share).toBeGreaterThanOrEqual(0.98);
  }, 120_000);
});

// What `gigastt secrets` and people add beside the rendered files.
const BCRYPT = "alice:$2y$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234\n";
const SECRETS: Readonly<Record<string, string>> = {
  "compose/secrets/users.htpasswd": BCRYPT,
  "compose/tls/server.key": "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n",
  "compose/.env.local": "GIGASTT_KEY='$2y$12$abc'\n",
};
const NOTHING = { tracked: new Set<string>(), exposed: new Set<string>() };
const [USERS = ""] = Object.keys(SECRETS);

describe("mutations of secrets and environment files beside the rendered project", () => {
  const place = PLACES.find((item) => item.name === "Compose with nginx") ?? raise();
  const run = (files: Readonly<Record<string, string>>, modes: Readonly<Record<string, number>> = {}, git = NOTHING) =>
    auditFiles(
      { ...place.files, ...SECRETS, ...files },
      { modes: { ...place.modes, ...modes }, git, configHash: RENDER_SOURCE.configHash },
    )
      .filter((finding) => finding.rule !== "GA-DRF-001")
      .map((finding) => `${finding.rule} ${finding.file}:${finding.line}`);

  it("are clean before", () => {
    expect(run({})).toEqual([]);
  });

  it.each<[string, string, Readonly<Record<string, string>>, Readonly<Record<string, number>>, typeof NOTHING]>([
    ["a password file for everybody", `GA-EXP-012 ${USERS}:1`, {}, { [USERS]: 0o644 }, NOTHING],
    ["a key for the group", "GA-EXP-012 compose/tls/server.key:1", {}, { "compose/tls/server.key": 0o640 }, NOTHING],
    ["an environment for everybody", "GA-EXP-012 compose/.env.local:1", {}, { "compose/.env.local": 0o644 }, NOTHING],
    ["a plain password", `GA-EXP-010 ${USERS}:1`, { [USERS]: "alice:secret\n" }, {}, NOTHING],
    [
      "an MD5 hash",
      `GA-EXP-010 ${USERS}:2`,
      { [USERS]: `${BCRYPT}bob:$apr1$abcdefgh$0123456789abcdefghijk0\n` },
      {},
      NOTHING,
    ],
    ["a SHA-1 hash", `GA-EXP-010 ${USERS}:1`, { [USERS]: "alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n" }, {}, NOTHING],
    [
      "an unquoted dollar sign",
      "GA-EXP-011 compose/.env.local:1",
      { "compose/.env.local": "GIGASTT_KEY=$2y$12$abc\n" },
      {},
      NOTHING,
    ],
    [
      "dollar signs in double quotes",
      "GA-EXP-011 compose/.env.local:1",
      { "compose/.env.local": 'GIGASTT_KEY="$2y$12$abc"\n' },
      {},
      NOTHING,
    ],
    ["passwords in git", `GA-EXP-013 ${USERS}:1`, {}, {}, { ...NOTHING, tracked: new Set([USERS]) }],
    [
      "a key that git would take",
      "GA-EXP-013 compose/tls/server.key:1",
      {},
      {},
      { ...NOTHING, exposed: new Set(["compose/tls/server.key"]) },
    ],
  ])("%s", (_, expected, files, modes, git) => {
    expect(run(files, modes, git)).toContain(expected);
  });
});

function raise(): never {
  throw new Error("the place is gone");
}

function missedBecause({ place, file, setting, text, rule, deletes }: Mutation): string | undefined {
  const findings = findingsOf(place, { [file]: text }).filter((finding) => finding.rule === rule);
  if (findings.length === 0) return "says nothing";
  const line = (place.files[file] ?? "").slice(0, setting.start).split("\n").length;
  const gone = deletes ? (place.files[file] ?? "").slice(setting.start, setting.end).split("\n").length - 1 : 0;
  const right = findings.some(
    (finding) =>
      ELSEWHERE.some(
        ([path, rules, at]) =>
          path.test(setting.path) && rules.includes(rule) && at.test(lineText(finding.source, finding.line)),
      ) ||
      (finding.file !== file
        ? // What is missing is shown where it matters: at the pass that included the file.
          deletes
        : deletes
          ? finding.line >= setting.block[0] && finding.line <= setting.block[1] - gone
          : finding.line === line),
  );
  return right
    ? undefined
    : `points at ${findings.map((finding) => `${finding.file}:${finding.line}`).join(", ")} instead of line ${line}`;
}
