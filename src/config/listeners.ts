import { LISTENERS } from "../shared/listeners.ts";
import type { ListenerName, ListenerSpec, ListenPlace } from "../shared/listeners.ts";
import { isLoopback } from "./schema/formats.ts";
import type { ResolvedConfig } from "./types.ts";

/** A listener that the configuration turns on, and where. */
export interface ConfiguredListener {
  readonly name: ListenerName;
  readonly spec: ListenerSpec;
  readonly place: ListenPlace;
  /** Its clients need no API key, and the configuration says so. */
  readonly isAllowedWithoutKey: boolean;
}

/** Returns the listeners that are on, HTTP first. */
export function listenersOf(config: Pick<ResolvedConfig, ListenerSpec["section"]>): readonly ConfiguredListener[] {
  return LISTENERS.flatMap((spec): ConfiguredListener[] => {
    const section: SectionValues = config[spec.section];
    if (section.enabled === false) return [];
    const { host, port, socket, allowWithoutKey = false } = section;
    const place = socket === undefined ? { host, port } : { socket };
    return [{ name: spec.name, spec, place, isAllowedWithoutKey: allowWithoutKey }];
  });
}

/** Returns the listeners besides HTTP that are on and listen on TCP: what the renderer opens for their clients, which know no proxy. */
export function directListeners(config: Pick<ResolvedConfig, ListenerSpec["section"]>): readonly DirectListener[] {
  return listenersOf(config).flatMap(({ name, spec, place }) =>
    spec.tls === "proxy" || "socket" in place ? [] : [{ name, spec, ...place, isLocal: isLoopback(place.host) }],
  );
}

export interface DirectListener {
  readonly name: ListenerName;
  readonly spec: ListenerSpec;
  readonly host: string;
  readonly port: number;
  /** Only this machine reaches it. */
  readonly isLocal: boolean;
}

/** Returns true when no listener can be reached from another machine. */
export function isAllLocal(config: Pick<ResolvedConfig, ListenerSpec["section"]>): boolean {
  return listenersOf(config).every(({ place }) => "socket" in place || isLoopback(place.host));
}

// ---

/** What the sections of listeners have in common. */
interface SectionValues {
  readonly host: string;
  readonly port: number;
  readonly enabled?: boolean;
  readonly socket?: string | undefined;
  readonly allowWithoutKey?: boolean;
}
