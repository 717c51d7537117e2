import type { Directive, DirectiveFile, Word } from "../../parse/directives.ts";
import { walkDirectives } from "../../parse/directives.ts";
import { parseAddress } from "../address.ts";
import { askedBelow, type FrontPath } from "./lost-path.ts";
import { frontOf, type Front, type FrontFact, type FrontTimer, type IsUpstream } from "./front.ts";

/** Where live sessions go. */
const STREAM = "/v1/ws";
/** Apache's `Timeout` where no file sets it. */
const DEFAULT_TIMEOUT_S = 60;

/** Returns the ways to the server through an Apache: one for each virtual host, or for the file without any. */
export function apacheFronts(file: DirectiveFile, isUpstream: IsUpstream): readonly Front[] {
  const all = [...walkDirectives(file.directives)];
  const isHost = ({ name }: Directive): boolean => name === "virtualhost";
  const hosts = [undefined, ...all.map(({ directive }) => directive).filter(isHost)];
  return hosts.flatMap((host) => {
    const inside = all.filter(({ around }) => around.find(isHost) === host);
    const global = all.filter(({ around }) => !around.some(isHost));
    const passes = inside.flatMap(({ directive, around }) => passOf(directive, around) ?? []);
    const ours = passes.filter(({ url }) => isUpstream([parseAddress(url)]));
    const files = ours.find(({ url }) => !/^wss?:/.test(url)) ?? ours[0];
    if (files === undefined) return [];
    // The host's own lines count before those of the file.
    const lines = [...inside, ...global].map(({ directive }) => directive);
    return [
      frontOf({
        program: "Apache",
        span: files.directive,
        keepsAddress: addressOf(files.directive, lines),
        answer: [timeoutOf(files, lines)],
        bodies: lines
          .filter(({ name }) => name === "limitrequestbody")
          .slice(0, 1)
          .flatMap((line) => {
            const bytes = Number(line.args[0]?.value);
            return bytes > 0
              ? [
                  {
                    span: line,
                    bytes,
                    what: `LimitRequestBody ${bytes}`,
                    fix: "Write `LimitRequestBody 0`, or the limit of the server.",
                  },
                ]
              : [];
          }),
        origins: headerLines(
          lines,
          "header",
          /^(?:set|add|append|merge|setifempty)$/,
          "access-control-allow-origin",
        ).map((span) => ({ ...said(span), isSecond: span.args.some(({ value }) => /^(?:add|always)$/i.test(value)) })),
        hidesOrigin: headerLines(lines, "requestheader", /^(?:unset|set|edit)$/, "origin").map(said),
        paths: ours.flatMap(pathOf),
        refusesUpgrade: upgradeOf(passes, ours, lines),
      }),
    ];
  });
}

// ---

/** `Header [always] set NAME …` and the like. */
function headerLines(
  lines: readonly Directive[],
  directive: string,
  action: RegExp,
  header: string,
): readonly Directive[] {
  return lines.filter(({ name, args }) => {
    const [first = "", second = ""] = args
      .map(({ value }) => value.toLowerCase())
      .filter((value) => !/^(?:always|onsuccess|early)$/.test(value));
    return name === directive && action.test(first) && second === header;
  });
}

function said(span: Directive): FrontFact {
  const name = span.name === "header" ? "Header" : "RequestHeader";
  return {
    span,
    what: `${name} ${span.args.map(({ value }) => value).join(" ")}`,
    fix: "Delete the line, and list the pages in server.allowedOrigins.",
  };
}

interface Pass {
  readonly directive: Directive;
  readonly path: string;
  readonly url: string;
  readonly options: readonly Word[];
}

/** Apache puts the URL in the place of the path. */
function pathOf({ directive, path, url }: Pass): readonly FrontPath[] {
  if (path.startsWith("^") || !path.startsWith("/")) return [];
  const asked = askedBelow(path);
  if (!asked.startsWith(path)) return [];
  const rest = asked.slice(path.length);
  const glued = /^\w+:\/\/[^/]+$/.test(url) && !rest.startsWith("/") && rest !== "";
  const prefix = path.replace(/\/$/, "");
  return [
    {
      span: directive,
      asked,
      seen: glued ? rest : parseAddress(url).path + rest || "/",
      fix: `Write \`ProxyPass ${prefix}/ http://HOST:PORT/\`, with a slash at the end of both.`,
    },
  ];
}

function passOf(directive: Directive, around: readonly Directive[]): Pass | undefined {
  if (directive.name === "rewriterule") {
    const [pattern, target, flags] = directive.args.map(({ value }) => value);
    const proxies =
      pattern !== undefined && target !== undefined && /\[(?:[^\]]*,)?(?:P|proxy)(?:,|\])/i.test(flags ?? "");
    return proxies && /^\w+:\/\//.test(target)
      ? { directive, path: `^${pattern}`, url: target, options: [] }
      : undefined;
  }
  if (directive.name !== "proxypass" && directive.name !== "proxypassmatch") return undefined;
  const [first, second, ...rest] = directive.args;
  const location = around.findLast(({ name }) => name === "location" || name === "locationmatch");
  // Inside <Location> the path is the location's.
  if (location !== undefined && first !== undefined && /^\w+:\/\//.test(first.value))
    return {
      directive,
      path: location.args.at(-1)?.value ?? "/",
      url: first.value,
      options: directive.args.slice(1),
    };
  if (first === undefined || second === undefined) return undefined;
  return { directive, path: first.value, url: second.value, options: rest };
}

/** `ProxyAddHeaders` is on by default, and appends the peer to what the client sent. */
function addressOf(pass: Directive, lines: readonly Directive[]): readonly FrontFact[] {
  const set = lines.some(({ name, args }) => {
    const [action, header, value] = args.map((word) => word.value.toLowerCase());
    if (name !== "requestheader" || header !== "x-forwarded-for") return false;
    return action === "unset" || (action === "set" && /remote_addr/.test(value ?? ""));
  });
  return set
    ? []
    : [
        {
          span: pass,
          what: "mod_proxy appends the peer to the X-Forwarded-For that the client sent",
          fix: "Write `RequestHeader unset X-Forwarded-For early` in the virtual host (a2enmod headers).",
        },
      ];
}

function timeoutOf({ directive, options }: Pass, lines: readonly Directive[]): FrontTimer {
  const fix = "Write `ProxyTimeout` with the seconds that waiting and transcribing may take + 30.";
  const own = options.find(({ value }) => value.startsWith("timeout="));
  if (own !== undefined) return { span: own, what: own.value, ms: Number(own.value.slice(8)) * 1000, fix };
  const line = lines.find(({ name }) => name === "proxytimeout") ?? lines.find(({ name }) => name === "timeout");
  return line === undefined
    ? { span: directive, what: `ProxyTimeout is not set (${DEFAULT_TIMEOUT_S}s)`, ms: DEFAULT_TIMEOUT_S * 1000, fix }
    : { span: line, what: textOf(line), ms: Number(line.args[0]?.value) * 1000, fix };
}

/** The first ProxyPass whose path fits takes a request: for live sessions it has to speak WebSocket. */
function upgradeOf(passes: readonly Pass[], ours: readonly Pass[], lines: readonly Directive[]): readonly FrontFact[] {
  const rewritten = lines.some(
    ({ name, args }) => name === "rewriterule" && args.some(({ value }) => /^wss?:\/\//.test(value)),
  );
  const taking = passes.find(({ path, url }) => url !== "!" && !path.startsWith("^") && STREAM.startsWith(path));
  const [only] = ours;
  if (!rewritten && only && ours.every(({ directive }) => directive.name === "rewriterule"))
    return [
      {
        span: only.directive,
        what: "RewriteRule with [P] passes no upgrade on",
        fix: `Write \`RewriteCond %{HTTP:Upgrade} websocket [NC]\` and a RewriteRule to ws:// above it.`,
      },
    ];
  if (taking === undefined || rewritten || !ours.includes(taking)) return [];
  if (/^wss?:/.test(taking.url) || taking.options.some(({ value }) => /^upgrade=/i.test(value))) return [];
  return [
    {
      span: taking.directive,
      what: `${textOf(taking.directive)} takes ${STREAM} as plain HTTP`,
      fix: `Add \`upgrade=websocket\` to it (Apache 2.4.47 and newer), or write \`ProxyPass ${STREAM} ws://…${STREAM}\` above it.`,
    },
  ];
}

function textOf({ source, start, end }: Directive): string {
  return source.text.slice(start, end).replace(/\s+/g, " ");
}
