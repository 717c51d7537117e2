import type { Directive, DirectiveFile } from "../../parse/directives.ts";
import { parseAddress } from "../address.ts";
import { askedBelow, type FrontPath } from "./lost-path.ts";
import { frontOf, type Front, type FrontFact, type FrontOrigin, type FrontTimer, type IsUpstream } from "./front.ts";
import { haproxyPages } from "./haproxy-pages.ts";
import { defaultsOf, leadsTo, words } from "./haproxy-sections.ts";
import type { IsReached } from "./published.ts";

/** Returns the ways to the server through a HAProxy. */
export function haproxyFronts(file: DirectiveFile, isUpstream: IsUpstream, isReached: IsReached): readonly Front[] {
  const sections = file.directives;
  const pages = haproxyPages(sections, isReached);
  return sections.flatMap((backend) => {
    if (backend.name !== "backend" && backend.name !== "listen") return [];
    const title = words(backend)[0] ?? "";
    const server = backend.block.find(
      (line) =>
        line.name === "server" &&
        isUpstream(
          [parseAddress(words(line)[1] ?? "")],
          [title, words(line)[0]].find((name) => isUpstream([], name)),
        ),
    );
    if (server === undefined) return [];
    const frontends = backend.name === "listen" ? [backend] : sections.filter((section) => leadsTo(section, title));
    return (frontends.length > 0 ? frontends : [backend]).map((frontend) =>
      frontThrough({
        server,
        prefixes: prefixesOf(frontend, title),
        frontend: [...frontend.block, ...defaultsOf(sections, frontend)],
        backend: [...backend.block, ...defaultsOf(sections, backend)],
        own: frontend === backend ? backend.block : [...frontend.block, ...backend.block],
        pages,
      }),
    );
  });
}

// ---

/** Lines in force, the section's own before those of its defaults: the first that says something counts. */
interface Way {
  readonly server: Directive;
  readonly frontend: readonly Directive[];
  readonly backend: readonly Directive[];
  /** Paths that are sent here alone, as far as conditions name them. */
  readonly prefixes: readonly { readonly span: Directive; readonly prefix: string }[];
  /** Rules in the order in which they run. */
  readonly own: readonly Directive[];
  readonly pages: Front["pages"];
}

function frontThrough({ server, prefixes, frontend, backend, own, pages }: Way): Front {
  const client = timer(frontend, "client");
  const answer = timer(backend, "server");
  const tunnel = timer(backend, "tunnel");
  const ends = (found: FrontTimer | undefined, fix: string): readonly FrontTimer[] =>
    found === undefined ? [] : [{ ...found, fix }];
  const shorter = [client, answer].flatMap((item) => item ?? []).sort((a, b) => a.ms - b.ms)[0];
  return frontOf({
    program: "HAProxy",
    span: server,
    keepsAddress: addressOf(server, own, [...frontend, ...backend]),
    silence: ends(tunnel ?? shorter, "Write `timeout tunnel` with the idle timeout of a session + 30 s."),
    answer: ends(answer, "Write `timeout server` with the time that waiting and transcribing may take + 30 s."),
    paths: pathsOf(prefixes, own),
    health: healthOf(server, backend),
    pages,
    origins: originsOf(own),
    hidesOrigin: own
      .filter(
        (line) =>
          line.name === "http-request" &&
          /^(?:del|set|replace)-header$/.test(words(line)[0] ?? "") &&
          words(line)[1]?.toLowerCase() === "origin",
      )
      .map((span) => ({
        span,
        what: `http-request ${words(span).join(" ")}`,
        fix: "Delete the line, and list the pages in server.allowedOrigins.",
      })),
    bodies: own.flatMap((line) => {
      const text = words(line).join(" ");
      const bytes = /(?:body_size|content-length\W[^}]*?)\s(?:-m int )?g[te] (\d+)/.exec(text)?.[1];
      return line.name === "http-request" && /^(?:deny|reject|return)\b/.test(text) && bytes !== undefined
        ? [
            {
              span: line,
              bytes: Number(bytes),
              what: `${line.name} ${text}`,
              fix: "Raise it to the limit of the server.",
            },
          ]
        : [];
    }),
  });
}

/** HAProxy adds a header line of its own behind those that the client sent, unless something removes them first. */
function addressOf(server: Directive, own: readonly Directive[], inForce: readonly Directive[]): readonly FrontFact[] {
  const fix = "Write `http-request set-header X-Forwarded-For %[src]` in the frontend, without `option forwardfor`.";
  const touches = own.filter(
    (line) => line.name === "http-request" && (words(line)[1] ?? "").toLowerCase() === "x-forwarded-for",
  );
  const last = touches.at(-1);
  const [action, , value = ""] = last === undefined ? [] : words(last);
  if (last !== undefined && action === "set-header" && !/req\.|hdr/.test(value)) return [];
  if (last !== undefined && action === "del-header" && last.args.length === 2) return [];
  const option = inForce.find((line) => line.name === "option" && words(line)[0] === "forwardfor");
  const span = last ?? option ?? server;
  const what = option
    ? `option ${words(option).join(" ")} adds a header and keeps the client's own`
    : "no X-Forwarded-For is set: the client's own passes";
  return [{ span, what: last === undefined ? what : `${words(last).join(" ")} keeps what the client sent`, fix }];
}

/** `add-header` leaves the server's own header where it is. */
function originsOf(own: readonly Directive[]): readonly FrontOrigin[] {
  return own
    .filter(
      (line) =>
        /^http-(?:after-)?response$/.test(line.name) &&
        /^(?:add|set)-header$/.test(words(line)[0] ?? "") &&
        words(line)[1]?.toLowerCase() === "access-control-allow-origin",
    )
    .map((span) => ({
      span,
      what: `${span.name} ${words(span).join(" ")}`,
      fix: "Delete the line, and list the pages in server.allowedOrigins.",
      isSecond: words(span)[0] === "add-header",
    }));
}

/** HAProxy passes a path on as it came, unless a rule changes it. */
function pathsOf(prefixes: Way["prefixes"], own: readonly Directive[]): readonly FrontPath[] {
  const changes = own.some(
    (line) =>
      line.name === "http-request" &&
      /^(?:replace-(?:path|uri|pathq)|set-(?:path|uri|pathq))/.test(words(line)[0] ?? ""),
  );
  return changes
    ? []
    : prefixes.map(({ span, prefix }) => ({
        span,
        asked: askedBelow(prefix),
        seen: askedBelow(prefix),
        fix: `Write \`http-request replace-path ${prefix.replace(/\/$/, "")}(/.*)? \\1\` in the backend.`,
      }));
}

/** The prefixes of `use_backend … if { path_beg … }`, or of the acl that it names. */
function prefixesOf(frontend: Directive, backend: string): Way["prefixes"] {
  return frontend.block
    .filter((line) => line.name === "use_backend" && words(line)[0] === backend && words(line)[1] === "if")
    .flatMap((line) => {
      const condition = words(line).slice(2);
      const acls = frontend.block.filter((item) => item.name === "acl" && condition.includes(words(item)[0] ?? ""));
      return [condition, ...acls.map((item) => words(item).slice(1))].flatMap((test) => {
        const at = test.findIndex((word) => /^path(?:_beg|,|$)/.test(word));
        const values = at === -1 ? [] : test.slice(at + 1).filter((word) => word.startsWith("/"));
        // Several prefixes are routes of the server, or more than one sub-path: nothing is sure.
        return values.length === 1 && test[at]?.startsWith("path_beg") ? [{ span: line, prefix: values[0] ?? "" }] : [];
      });
    });
}

function healthOf(server: Directive, backend: readonly Directive[]): Front["health"] {
  if (!words(server).includes("check")) return [];
  const option = backend.find((line) => line.name === "option" && words(line)[0] === "httpchk");
  const send = backend.find((line) => line.name === "http-check" && words(line)[0] === "send");
  const line = send ?? option;
  const path = line && words(line).find((word) => word.startsWith("/"));
  return option && line && path !== undefined ? [{ span: line, path }] : [];
}

function timer(lines: readonly Directive[], name: string): FrontTimer | undefined {
  const found = lines.find((line) => line.name === "timeout" && words(line)[0] === name);
  const ms = found === undefined ? undefined : haproxyTimeMs(words(found)[1] ?? "");
  if (found === undefined || ms === undefined || ms === 0) return undefined;
  return { span: found, ms, what: `timeout ${name} ${words(found)[1]}`, fix: "" };
}

/** A time of HAProxy as milliseconds; without a unit it is milliseconds. */
export function haproxyTimeMs(text: string): number | undefined {
  const match = /^(\d+)(us|ms|s|m|h|d)?$/.exec(text);
  if (!match) return undefined;
  const unit = { us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] ?? "ms"] ?? 1;
  return Number(match[1]) * unit;
}
