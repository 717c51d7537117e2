import type { ComposeOverlay } from "../../../config/types.ts";
import type { CommandContext } from "../../command.ts";
import type { Answers } from "./answers.ts";

/**
 * The suggestions as the flags change them; what a flag rules out is suggested no more.
 *
 * @param isFirst no earlier run or configuration decided anything: an installed proxy alone opens nothing to others unasked
 */
export function withFlags(base: Answers, { flags }: CommandContext, isFirst: boolean): Answers {
  const text = (name: string): string | undefined => (typeof flags[name] === "string" ? flags[name] : undefined);
  // The choices of the flags are these types' words: the parser has refused others.
  const target = (text("target") ?? base.target) as Answers["target"];
  const moved = target !== base.target;
  const lan = flags["lan"] === true || (base.lan && !moved && text("proxy") === undefined);
  const unasked = isFirst && flags["yes"] === true && text("domain") === undefined;
  const proxy = (text("proxy") ??
    (lan || target === "kubernetes" || (unasked && !moved)
      ? "none"
      : moved && target === "compose"
        ? "caddy"
        : base.proxy)) as Answers["proxy"];
  const proxied = proxy !== "none" || target === "kubernetes";
  // What was said of a proxy before says nothing once there is none.
  const domain = text("domain") ?? (proxied ? base.domain : undefined);
  const served = domain !== undefined && proxied;
  const keepsTls = base.domain !== undefined && base.tls !== "none";
  const tls = (text("tls") ?? (served ? (keepsTls ? base.tls : "acme") : "none")) as Answers["tls"];
  const auth = (text("auth") ?? (proxied ? base.auth : "none")) as Answers["auth"];
  const overlays = (
    Array.isArray(flags["overlay"]) ? flags["overlay"] : target === "compose" ? base.overlays : []
  ) as readonly ComposeOverlay[];
  return {
    target,
    lan,
    domain,
    proxy,
    tls,
    email: text("email") ?? (tls === "acme" ? base.email : undefined),
    auth,
    forwardUrl: text("forward-url") ?? (auth === "forward" ? base.forwardUrl : undefined),
    firstName: text("name"),
    overlays,
  };
}
