import type { UnitEntry, UnitParse } from "../parse/systemd.ts";
import { parseUnitTimeMs } from "../parse/systemd.ts";
import type { Source, Span } from "../source.ts";
import { baseName, dirName } from "../tree.ts";

/** A unit with its drop-ins applied in name order. */
export interface Unit {
  /** `gigastt.service`. */
  readonly name: string;
  /** The unit file; undefined when only drop-ins were found. */
  readonly base: UnitParse | undefined;
  readonly files: readonly UnitParse[];
  /** Where findings about the whole unit stand: its [Service] header. */
  readonly span: Span;
  /** Last value that counts; undefined when unset or reset. */
  readonly get: (section: string, key: string) => UnitEntry | undefined;
  /** All values since the last reset. */
  readonly all: (section: string, key: string) => readonly UnitEntry[];
}

/** Puts units and their drop-ins together. */
export function buildUnits(parsed: readonly UnitParse[]): readonly Unit[] {
  const groups = new Map<string, { base: UnitParse | undefined; dropIns: UnitParse[] }>();
  for (const unit of parsed) {
    const folder = baseName(dirName(unit.source.path));
    const isDropIn = unit.source.path.endsWith(".conf") && /\.(?:service|socket|timer)\.d$/.test(folder);
    const name = isDropIn ? folder.slice(0, -2) : baseName(unit.source.path);
    const group = groups.get(name) ?? { base: undefined, dropIns: [] };
    if (isDropIn) group.dropIns.push(unit);
    else group.base = unit;
    groups.set(name, group);
  }
  return [...groups].map(([name, group]) => {
    const dropIns = group.dropIns.sort((a, b) => (baseName(a.source.path) < baseName(b.source.path) ? -1 : 1));
    const files = [...(group.base ? [group.base] : []), ...dropIns];
    const entries = files.flatMap((file) => file.entries);
    const all = (section: string, key: string): readonly UnitEntry[] => {
      const matching = entries.filter((entry) => entry.section === section && entry.key === key);
      const reset = matching.findLastIndex((entry) => entry.value === "");
      return matching.slice(reset + 1);
    };
    const first = files[0];
    const header = first?.sections.find((section) => section.name === "Service") ?? first?.sections[0];
    return {
      name,
      base: group.base,
      files,
      span: header ?? { source: first?.source as Source, start: 0, end: 0 }, // a group always has a file
      all,
      get: (section, key) => all(section, key).at(-1),
    };
  });
}

/** Returns true for a unit that runs the server. */
export function startsServer(unit: Unit): boolean {
  if (!unit.name.endsWith(".service") || unit.get("Service", "Type")?.value === "oneshot") return false;
  const starts = unit.all("Service", "ExecStart");
  if (starts.some((entry) => /gigastt(?:\.js)?["']?\s+(?:up|serve)\b/.test(entry.value))) return true;
  return /gigastt/i.test(unit.name) && !/-(?:certs?|renew|backup|audit|models?|pull)/i.test(unit.name);
}

/** Stop budget of a unit: TimeoutStopSec, TimeoutSec, or systemd's 90 s. */
export function stopBudget(unit: Unit): { readonly ms: number; readonly entry: UnitEntry | undefined } {
  const entry = unit.get("Service", "TimeoutStopSec") ?? unit.get("Service", "TimeoutSec");
  const ms = entry ? (parseUnitTimeMs(entry.value) ?? 90_000) : 90_000;
  return { ms: ms === 0 ? Infinity : ms, entry };
}

/** Words a boolean setting counts as yes by. */
export function isYes(entry: UnitEntry | undefined): boolean {
  return entry !== undefined && /^(?:1|yes|true|on)$/i.test(entry.value);
}
