import { LISTENERS } from "../../shared/listeners.ts";
import type { ListenerSpec } from "../../shared/listeners.ts";
import { isLoopbackHost } from "./address.ts";
import type { Assumptions, FlagKey, NumberKey, TextKey } from "./assume.ts";

/** A listener of the server, as far as the audit knows. */
export interface KnownListener {
  readonly spec: ListenerSpec;
  readonly port: number;
  /** Other machines reach it. */
  readonly isOpen: boolean;
  readonly keys: { readonly host: TextKey; readonly port: NumberKey };
}

/** Returns the listeners that are on, HTTP first; those on a unix socket have no port. */
export function knownListeners(assume: Assumptions): readonly KnownListener[] {
  return LISTENERS.flatMap((spec): KnownListener[] => {
    // A test checks that the audit has the keys of every section.
    const keys = { host: `${spec.section}.host` as TextKey, port: `${spec.section}.port` as NumberKey };
    if (spec.isOptional && !assume.flag(`${spec.section}.enabled` as FlagKey)) return [];
    if (spec.hasSocket && assume.text(`${spec.section}.socket` as TextKey) !== undefined) return [];
    return [{ spec, port: assume.number(keys.port), isOpen: !isLoopbackHost(assume.text(keys.host) ?? ""), keys }];
  });
}

/** Returns the ports of all listeners. */
export function ownPorts(assume: Assumptions): ReadonlySet<number> {
  return new Set(knownListeners(assume).map(({ port }) => port));
}

/** Returns the listeners of other protocols than HTTP, which know no proxy, by their ports. Whether they are on is often said elsewhere. */
export function directPorts(assume: Assumptions): ReadonlyMap<number, ListenerSpec> {
  return new Map(
    LISTENERS.filter(({ tls }) => tls === "none").map((spec) => [
      assume.number(`${spec.section}.port` as NumberKey),
      spec,
    ]),
  );
}
