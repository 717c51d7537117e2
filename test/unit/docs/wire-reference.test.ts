import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Hypothesis } from "../../../src/engine/contract.ts";
import { segmentMessage } from "../../../src/runtime/native/hypothesis.ts";
import { knownMetrics } from "../../support/metrics-registry.ts";
import { parseTranscribeQuery } from "../../../src/runtime/http/transcribe/transcribe-query.ts";
import { applyConfigure, defaultSessionOptions, readyMessage } from "../../../src/runtime/native/sessions/configure.ts";
import { ALL_ROUTES, WIRE_ERROR_STATUS } from "../../../src/shared/protocol.ts";
import { configWith } from "../../support/runtime-server.ts";

/** The reference pages of the wire against the code: nothing undocumented, nothing documented that is not there. */
const page = (name: string): string =>
  readFileSync(new URL(`../../../docs/reference/${name}.md`, import.meta.url), "utf8");
const sources = (folder: string): string => {
  const url = new URL(`../../../src/runtime/${folder}`, import.meta.url);
  const names = readdirSync(url, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  return names.map((name) => readFileSync(new URL(name, url), "utf8")).join("\n");
};
/** Cells of the table rows below a heading (any heading of the page when none is given). */
const rows = (text: string, heading?: string): string[][] => {
  const from = heading === undefined ? 0 : text.indexOf(`\n${heading}\n`);
  expect(from, `heading ${heading}`).toBeGreaterThanOrEqual(0);
  const rest = text.slice(from + 1);
  const end = heading === undefined ? -1 : rest.slice(1).search(/\n#+ /);
  return (end < 0 ? rest : rest.slice(0, end + 1))
    .split("\n")
    .filter((line) => line.startsWith("|") && !/^\|[-\s|]+\|$/.test(line))
    .slice(1)
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
};
const code = (cell: string | undefined): string[] =>
  [...(cell ?? "").matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? "");

describe("http.md", () => {
  const text = page("http");

  it("lists every route with its policies, and no other", () => {
    const yes = (cell: string | undefined): boolean => cell === "yes";
    const told = rows(text, "## Routes").map(([route, summary, origin, limited]) => [
      code(route)[0],
      summary,
      yes(origin),
      yes(limited),
    ]);
    const real = ALL_ROUTES.map(({ methods, path, summary, checksOrigin, isLimited }) => [
      `${methods.join(", ")} ${path}`,
      summary,
      checksOrigin,
      isLimited,
    ]);
    expect(told).toEqual(real);
  });

  it("lists every query parameter the code reads, and no other", () => {
    const read = new Set<string>();
    const spy = new URLSearchParams("codec=pcmu&sample_rate=8000");
    const get = spy.get.bind(spy);
    spy.get = (name) => {
      read.add(name);
      return get(name);
    };
    parseTranscribeQuery(spy);
    const told = rows(text, "### `POST /v1/transcribe`").map(([name]) => code(name)[0]);
    expect(new Set(told)).toEqual(read);
  });

  it("lists every reason of /ready", () => {
    const told = rows(text, "### `GET /ready`").map(([reason]) => code(reason)[0]);
    const real = /export type NotReadyReason = (.+);/.exec(sources("./"))?.[1];
    expect(new Set(told)).toEqual(new Set([...(real ?? "").matchAll(/"(\w+)"/g)].map(([, reason]) => reason)));
  });
});

describe("errors.md", () => {
  const text = page("errors");

  it("lists every code with its status, and no other", () => {
    const told = rows(text, "## Codes of the wire").map(([name, status]) => [code(name)[0], status]);
    const websocketOnly = new Set(told.flatMap(([name, status]) => (status === "–" ? [name] : [])));
    const real = Object.entries(WIRE_ERROR_STATUS).map(([name, status]) => [
      name,
      websocketOnly.has(name) ? "–" : String(status),
    ]);
    expect(new Map(told as [string, string][])).toEqual(new Map(real as [string, string][])); // pairs
  });

  it("calls no code WebSocket's alone that a route can answer", () => {
    const told = rows(text, "## Codes of the wire").filter(([, status]) => status === "–");
    const http = sources("http/") + sources("native/routes/");
    for (const [name] of told) {
      // policy_violation ends an event stream's work; its client reads nothing and is told nothing.
      if (code(name)[0] !== "policy_violation") expect(http, name).not.toContain(`"${code(name)[0]}"`);
    }
  });

  it("lists every code the process can end with", () => {
    const told = rows(text, "## Codes of the process").map(([name]) => code(name)[0]);
    const shared = readFileSync(new URL("../../../src/shared/machine/port-taken.ts", import.meta.url), "utf8");
    const real = [...`${sources("./")}${shared}`.matchAll(/"(GST_\w+)"/g)].map(([, name]) => name);
    expect(new Set(told)).toEqual(new Set(real));
  });
});

describe("metrics.md", () => {
  it("lists every metric with its type and labels, and no other", async () => {
    const real = [...(await knownMetrics())].map(([name, { type, labels }]) => [name, type, labels.join(", ")]);
    const told = rows(page("metrics")).map(([name, type, labels]) => [code(name)[0], type, code(labels).join(", ")]);
    expect(new Set(told)).toEqual(new Set(real));
  });
});

describe("websocket.md", () => {
  const text = page("websocket");
  const fieldsOf = (heading: string, type: string): string[] => {
    const row = rows(text, heading).find(([name]) => code(name)[0] === type);
    return (row?.[1] ?? "")
      .replace(/\([^)]*\)/g, "")
      .split(",")
      .flatMap((field) => code(field));
  };

  it("lists every close code the server sends, and no other", () => {
    const told = rows(text, "## Close codes").map(([name]) => Number(name));
    const real = [...sources("sessions/").matchAll(/\b(10[01]\d)\b/g)].map(([, name]) => Number(name));
    // 1006 is never sent: it stands for a connection that broke.
    expect(new Set(told)).toEqual(new Set(real.filter((name) => name !== 1006)));
  });

  it("lists every field of ready", () => {
    const real = Object.keys(readyMessage("m", configWith().session)).filter((name) => name !== "type");
    expect(fieldsOf("## Messages of the server", "ready")).toEqual(real);
  });

  it("lists every field of partial and final", () => {
    const hypothesis: Hypothesis = {
      type: "final",
      committed: "",
      tentative: "",
      words: [],
      confidence: 1,
      endpointReason: "vad",
      speechFinal: true,
    };
    const real = new Set([...Object.keys(segmentMessage(hypothesis, 0)), "truncated"]);
    real.delete("type");
    const told = new Set([
      ...fieldsOf("## Messages of the server", "partial"),
      ...fieldsOf("## Messages of the server", "final").filter((name) => name !== "partial"),
    ]);
    expect(told).toEqual(real);
  });

  it("lists every field of configure that the code reads", () => {
    const read = new Set<string>();
    const spy = new Proxy<Record<string, unknown>>({}, { get: (_target, name) => void read.add(String(name)) });
    applyConfigure(spy, defaultSessionOptions(configWith().stream));
    const told = new Set(fieldsOf("## Messages of the client", "configure"));
    told.delete("diarization");
    expect(told).toEqual(read);
  });
});
