import { describe, expect, it } from "vitest";
import { dotenvValues, interpolate, parseDotenv } from "../../../../src/audit/parse/dotenv.ts";
import { parseDockerfile } from "../../../../src/audit/parse/dockerfile.ts";
import { hashScheme, parseHtpasswd } from "../../../../src/audit/parse/htpasswd.ts";
import { parseUnit, parseUnitTimeMs } from "../../../../src/audit/parse/systemd.ts";
import { parseYaml, yamlAt, yamlText } from "../../../../src/audit/parse/yaml.ts";
import { buildUnits } from "../../../../src/audit/model/units.ts";
import { createSource, positionAt } from "../../../../src/audit/source.ts";

describe("systemd units", () => {
  const unit = (path: string, text: string) => parseUnit(createSource(path, text));

  it("reads sections, repeated keys, continuation and both comment signs", () => {
    const parsed = unit(
      "a.service",
      "# c\n[Service]\nExecStart=/bin/a \\\n  # in between\n  --b\n;x\nEnvironment=A=1\nEnvironment=B=2\n",
    );
    expect(parsed.problems).toEqual([]);
    expect(parsed.entries.map((entry) => [entry.key, entry.value.replace(/\s+/g, " "), entry.line])).toEqual([
      ["ExecStart", "/bin/a --b", 3],
      ["Environment", "A=1", 7],
      ["Environment", "B=2", 8],
    ]);
  });

  it("applies drop-ins in name order and honours resets", () => {
    const units = buildUnits([
      unit("x/caddy.service", "[Service]\nExecStart=/usr/bin/caddy run --environ\nTimeoutStopSec=5s\n"),
      unit("x/caddy.service.d/20.conf", "[Service]\nTimeoutStopSec=20s\n"),
      unit("x/caddy.service.d/10.conf", "[Service]\nTimeoutStopSec=1s\nExecStart=\nExecStart=/usr/bin/caddy run\n"),
    ]);
    expect(units).toHaveLength(1);
    expect(units[0]?.get("Service", "TimeoutStopSec")?.value).toBe("20s");
    expect(units[0]?.all("Service", "ExecStart").map((entry) => entry.value)).toEqual(["/usr/bin/caddy run"]);
  });

  it("reads time spans", () => {
    expect(["90", "5min 20s", "2h", "infinity", "1x"].map(parseUnitTimeMs)).toEqual([
      90_000,
      320_000,
      7_200_000,
      Infinity,
      undefined,
    ]);
  });

  it("reports a line that is not an assignment, and one before the first section", () => {
    expect(unit("a.service", "A=1\n[Service]\nnonsense\n").problems.map((problem) => problem.message)).toEqual([
      "an assignment stands before the first [Section]",
      '"nonsense" is neither a section nor Key=value',
    ]);
  });
});

describe(".env files", () => {
  const parse = (text: string) => parseDotenv(createSource(".env", text));

  it("reads quotes, comments and export as Compose does", () => {
    const { entries, problems } = parse("export A=1 # c\nB='x # $y'\nC=\"two\nlines\"\nD=\n# E=1\nF: g\n");
    expect(problems).toEqual([]);
    expect(entries.map((entry) => [entry.name, entry.raw, entry.quote])).toEqual([
      ["A", "1", ""],
      ["B", "x # $y", "'"],
      ["C", "two\nlines", '"'],
      ["D", "", ""],
      ["F", "g", ""],
    ]);
  });

  it("interpolates all but single-quoted values", () => {
    const values = dotenvValues(parse("A=1\nB=${A}2\nC='${A}'\nH=$2a$14$abc\n"));
    expect([...values]).toEqual([
      ["A", "1"],
      ["B", "12"],
      ["C", "${A}"],
      ["H", "$2a$14"],
    ]);
  });

  it.each([
    ["${A:-d}", "d"],
    ["${E:-d}", "d"],
    ["${E-d}", ""],
    ["${S:+x}", "x"],
    ["${A:-${S}}", "s"],
    ["$$S", "$S"],
    ["${S}$S", "ss"],
    ["a$", "a$"],
  ])("replaces %s", (text, expected) => {
    const known: Record<string, string> = { S: "s", E: "" };
    expect(interpolate(text, (name) => known[name]).text).toBe(expected);
  });

  it("reports an open quote and a line without a name", () => {
    expect(parse("A='x\n=1\n").problems).toHaveLength(2);
  });
});

describe("Dockerfiles", () => {
  const parse = (text: string) => parseDockerfile(createSource("Dockerfile", text));

  it("reads stages, flags, continuation, heredocs and both forms", () => {
    const file = parse(
      'FROM node:20 AS build\nRUN a \\\n  # note\n  && b\nFROM node:20-slim\nCOPY --from=build /a /a\nRUN <<EOF\nFROM x\nEOF\nHEALTHCHECK --interval=5s CMD curl x\nCMD ["node","a.js"]\nENTRYPOINT node b.js\n',
    );
    expect(file.problems).toEqual([]);
    expect(file.stages.map((stage) => [stage.name, stage.base])).toEqual([
      ["build", "node:20"],
      [undefined, "node:20-slim"],
    ]);
    const last = file.stages[1]?.instructions ?? [];
    expect(last.map((item) => item.name)).toEqual(["COPY", "RUN", "HEALTHCHECK", "CMD", "ENTRYPOINT"]);
    expect(last[3]?.exec).toEqual(["node", "a.js"]);
    expect(last[4]?.exec).toBeUndefined();
    expect(last[2]?.flags).toEqual({ interval: "5s" });
  });

  it("gives the places of the text as it is, with a byte order mark, CRLF and a lone CR", () => {
    const text = "\uFEFFFROM x\r\nRUN a \\\r\n b\r\nLABEL c=d\re\r\nADD <<EOF /x\r\nFROM y\r\nEOF\r\nUSER z";
    const { instructions, problems } = parse(text);
    expect(problems).toEqual([]);
    expect(
      instructions.map(({ name, value, line, start, end }) => [name, value, line, text.slice(start, end)]),
    ).toEqual([
      ["FROM", "x", 1, "FROM x"],
      ["RUN", "a  b", 2, "RUN a \\\r\n b"],
      ["LABEL", "c=d e", 4, "LABEL c=d\re"],
      ["ADD", "<<EOF /x", 5, "ADD <<EOF /x\r\nFROM y\r\nEOF"],
      ["USER", "z", 8, "USER z"],
    ]);
  });

  it("reports unknown instructions and open heredocs", () => {
    expect(parse("FROM a\nFOO bar\nRUN <<EOF\nx\n").problems.map((problem) => problem.message)).toEqual([
      '"FOO bar" is not a Dockerfile instruction',
      "the heredoc EOF has no closing marker",
    ]);
  });
});

describe("htpasswd", () => {
  it("names the hash of every user", () => {
    const { entries, problems } = parseHtpasswd(
      createSource("htpasswd", "a:$2y$10$x\nb:$apr1$x\nc:{SHA}x\n# d\ne:plain\nbroken\n"),
    );
    expect(entries.map((entry) => [entry.user, entry.scheme])).toEqual([
      ["a", "bcrypt"],
      ["b", "apr1-md5"],
      ["c", "sha1"],
      ["e", "plain"],
    ]);
    expect(problems).toHaveLength(1);
    expect(hashScheme("$argon2id$v=19$x")).toBe("argon2");
  });
});

describe("YAML", () => {
  const parse = (text: string) => parseYaml(createSource("a.yaml", text));

  it("keeps positions, anchors, merge keys and the spelling of scalars", () => {
    const text = "base: &b\n  tag: 1.20\nx:\n  <<: *b\n  y: [a, 'b']\n";
    const { documents, problems } = parse(text);
    expect(problems).toEqual([]);
    expect(yamlText(yamlAt(documents[0], "x", "tag"))).toBe("1.20");
    const node = yamlAt(documents[0], "x", "y", 1);
    expect(node && positionAt(node.source, node.start)).toEqual({ line: 5, column: 10 });
  });

  it("reads streams, and reports what is broken with its place", () => {
    expect(parse("a: 1\n---\nb: 2\n").documents).toHaveLength(2);
    const { problems } = parse("a: [1\nb: 2\n");
    expect(problems.length).toBeGreaterThan(0);
  });

  it("refuses nesting that would overflow the stack, and alias bombs stay small", () => {
    expect(parse("[".repeat(50_000)).problems).toHaveLength(1);
    const bomb = [
      "a: &a [x, x]",
      ...[..."bcdefghijkl"].map((name, i) => `${name}: &${name} [${`*${"abcdefghijkl"[i]}, `.repeat(9)}x]`),
    ].join("\n");
    expect(parse(bomb).problems).toEqual([]);
  });
});
