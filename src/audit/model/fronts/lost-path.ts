import { ALL_ROUTES, samplePath } from "../../../shared/protocol.ts";
import type { Span } from "../../source.ts";

/** A path that a client asks for, and how it reaches the server. */
export interface FrontPath {
  readonly span: Span;
  readonly asked: string;
  readonly seen: string;
  /** A sentence. */
  readonly fix: string;
}

/** Routes whose way is followed, those that people call first. */
const ROUTES = ["/v1/transcribe", "/v1/ws", ...ALL_ROUTES.map(samplePath)];

/** Returns what a client asks for below a prefix: the route itself where the prefix is a part of it. */
export function askedBelow(prefix: string): string {
  const bare = prefix.replace(/\/$/, "");
  return ROUTES.find((route) => route === bare || route.startsWith(`${bare}/`)) ?? `${bare}/v1/ws`;
}
