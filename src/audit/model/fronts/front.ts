import type { Span } from "../../source.ts";
import type { Address } from "../address.ts";
import type { FrontPath } from "./lost-path.ts";

/** Something a front does, where its files say so, and what to write instead. */
export interface FrontFact {
  readonly span: Span;
  /** Subject and effect belong to the rule; this names the setting with its value: `timeout server 50s`. */
  readonly what: string;
  /** A sentence. */
  readonly fix: string;
}

export interface FrontTimer extends FrontFact {
  readonly ms: number;
}

export interface FrontSize extends FrontFact {
  readonly bytes: number;
}

/** A page or a socket of the proxy itself. */
export interface FrontPage extends FrontFact {
  /** A client that reaches it changes what the proxy does. */
  readonly canChange: boolean;
}

/** A header of an answer that says which pages may read it. */
export interface FrontOrigin extends FrontFact {
  /** The server's own header stays beside it. */
  readonly isSecond: boolean;
}

/**
 * One way to the server through a proxy or a tunnel, whatever its files look like: what the rules about traffic need to know. A list that is
 * empty says that the program does nothing of the kind, or that its files leave it open.
 */
export interface Front {
  readonly program: "nginx" | "HAProxy" | "Traefik" | "Apache" | "cloudflared" | "Tailscale";
  /** Where the way to the server is written. */
  readonly span: Span;
  /** The client's own X-Forwarded-For reaches the server. */
  readonly keepsAddress: readonly FrontFact[];
  /** End live sessions that are silent for so long. */
  readonly silence: readonly FrontTimer[];
  /** End requests whose answer takes so long. */
  readonly answer: readonly FrontTimer[];
  /** End uploads that take so long as a whole. */
  readonly upload: readonly FrontTimer[];
  readonly bodies: readonly FrontSize[];
  /** Hold the event stream back. */
  readonly buffers: readonly FrontFact[];
  /** WebSocket handshakes do not pass. */
  readonly refusesUpgrade: readonly FrontFact[];
  /** How paths below a prefix reach the server. */
  readonly paths: readonly FrontPath[];
  /** What asks whether the server is healthy. */
  readonly health: readonly { readonly span: Span; readonly path: string }[];
  /** Open to more than the operator may think. */
  readonly exposes: readonly FrontFact[];
  /** The program's own pages that ask for no password, where the network reaches them. */
  readonly pages: readonly FrontPage[];
  /** `Access-Control-Allow-Origin` of the proxy's own. */
  readonly origins: readonly FrontOrigin[];
  /** The server does not learn which page a browser asks for. */
  readonly hidesOrigin: readonly FrontFact[];
}

/** Says whether addresses, or a name, lead to the server. */
export type IsUpstream = (addresses: readonly Address[], name?: string) => boolean;

/** Returns a front that does nothing wrong, with what is known of it. */
export function frontOf(known: Partial<Front> & Pick<Front, "program" | "span">): Front {
  return {
    keepsAddress: [],
    silence: [],
    answer: [],
    upload: [],
    bodies: [],
    buffers: [],
    refusesUpgrade: [],
    paths: [],
    health: [],
    exposes: [],
    pages: [],
    origins: [],
    hidesOrigin: [],
    ...known,
  };
}
