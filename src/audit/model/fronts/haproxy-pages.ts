import type { Directive } from "../../parse/directives.ts";
import { isLoopbackHost, parseAddress } from "../address.ts";
import type { FrontPage } from "./front.ts";
import { defaultsOf, leadsTo, words } from "./haproxy-sections.ts";
import type { IsReached } from "./published.ts";

/** Any of these turns the statistics on. */
const STATS = /^(?:enable|uri|auth|realm|refresh|admin|scope|hide-version|show-(?:desc|legends|node|modules))$/;
const REFUSES = /^(?:auth|deny|reject|silent-drop|tarpit|return|redirect)$/;
const FIX =
  "Bind the page to 127.0.0.1 in a section of its own (`bind 127.0.0.1:8404`), or write `stats auth USER:PASSWORD` beside it.";

/** Returns the statistics pages and control sockets of a HAProxy that ask for no password. */
export function haproxyPages(sections: readonly Directive[], isReached: IsReached): readonly FrontPage[] {
  return sections.flatMap((section) => {
    if (section.name === "global") return section.block.flatMap((line) => socketOf(line, isReached));
    return /^(?:frontend|listen|backend)$/.test(section.name) ? pageOf(sections, section, isReached) : [];
  });
}

// ---

function pageOf(sections: readonly Directive[], section: Directive, isReached: IsReached): readonly FrontPage[] {
  const taken = defaultsOf(sections, section);
  const inForce = [...section.block, ...taken];
  const mode = inForce.find(({ name }) => name === "mode");
  const stats = inForce.filter((line) => line.name === "stats" && STATS.test(words(line)[0] ?? ""));
  const [first] = stats.filter((line) => words(line)[0] === "uri").concat(stats);
  const asks =
    stats.some((line) => words(line)[0] === "auth") || inForce.some((line) => isGuard(line, section, statsPath(first)));
  // A backend is reached through its frontends.
  const doors =
    section.name === "backend" ? sections.filter((one) => leadsTo(one, words(section)[0] ?? "")) : [section];
  const binds = doors
    .flatMap(({ block }) => block)
    .filter(({ name }) => name === "bind")
    .map((line) => words(line)[0] ?? "");
  const isOpen = binds.some((address) => isBoundOpen(address, isReached));
  if (first === undefined || asks || !isOpen || (mode !== undefined && words(mode)[0] !== "http")) return [];
  const admin = inForce.find((line) => line.name === "stats" && words(line)[0] === "admin");
  const canChange = admin !== undefined && !/\b(?:FALSE|LOCALHOST)\b/.test(words(admin).join(" "));
  return [
    {
      span: canChange ? admin : first,
      what: canChange
        ? `stats ${words(admin).join(" ")} without stats auth`
        : `stats ${words(first).join(" ")} without stats auth`,
      fix: FIX,
      canChange,
    },
  ];
}

/** `stats socket ipv4@*:9999 level admin`: the same commands without a page. */
function socketOf(line: Directive, isReached: IsReached): readonly FrontPage[] {
  const [kind, address = ""] = words(line);
  if (line.name !== "stats" || kind !== "socket" || !isBoundOpen(address, isReached)) return [];
  const level = words(line)[words(line).indexOf("level") + 1];
  return [
    {
      span: line,
      what: `stats socket ${address} listens on the network`,
      fix: "Write a path: `stats socket /run/haproxy/admin.sock mode 660 level admin`.",
      canChange: level === "admin" || (words(line).includes("level") ? level === "operator" : true),
    },
  ];
}

function isBoundOpen(address: string, isReached: IsReached): boolean {
  if (/^(?:unix@|abns@|fd@|sockpair@|\/)/.test(address)) return false;
  // Several addresses may stand in one word.
  return address.split(",").some((one) => {
    const { host, port } = parseAddress(one.replace(/^(?:ipv[46]|tcp[46]?|quic[46])@/, "").replace(/^\*/, ""));
    return !isLoopbackHost(host) && isReached(host, port);
  });
}

/** A rule that turns strangers away: by password, or by address. */
function isGuard(line: Directive, section: Directive, path: string): boolean {
  const list = words(line);
  if (line.name === "stats") return list[0] === "http-request" && REFUSES.test(list[1] ?? "");
  const isRequest = line.name === "http-request" && REFUSES.test(list[0] ?? "");
  const isConnection = line.name === "tcp-request" && list.includes("reject");
  if (!isRequest && !isConnection) return false;
  const acls = section.block.filter(({ name }) => name === "acl");
  const condition = list.slice(list.findIndex((word) => word === "if" || word === "unless") + 1);
  const tests = [
    condition.join(" "),
    ...acls
      .filter((acl) => condition.some((word) => word.replace(/^!/, "") === words(acl)[0]))
      .map((acl) => words(acl).slice(1).join(" ")),
  ];
  return tests.some((test) => /\bsrc\b|http_auth|ssl_c_/.test(test) || (path !== "" && test.includes(path)));
}

function statsPath(line: Directive | undefined): string {
  return line !== undefined && words(line)[0] === "uri" ? (words(line)[1] ?? "") : "";
}
