import { installationRoot } from "../shared/process/entry.ts";

/** A family of rules: its folder, its page in docs/audit and its heading. */
export interface Family {
  /** Middle part of the ids: `GA-XFF-001`. */
  readonly prefix: string;
  /** Name of the page without `.md`; rules about files have their folder under it. */
  readonly slug: string;
  readonly title: string;
}

/** Every family, in the order of the catalogue. */
export const families: readonly Family[] = [
  { prefix: "XFF", slug: "forwarded-for", title: "Client address" },
  { prefix: "STR", slug: "streaming", title: "Streams, timeouts, sizes" },
  { prefix: "LIF", slug: "lifecycle", title: "Start, stop, health" },
  { prefix: "EXP", slug: "exposure", title: "Exposure, authentication, secrets" },
  { prefix: "TLS", slug: "tls", title: "TLS" },
  { prefix: "SBX", slug: "sandbox", title: "Containers and units" },
  { prefix: "DRF", slug: "drift", title: "Drift and outdated options" },
  { prefix: "PRS", slug: "parse", title: "Files that cannot be read" },
  { prefix: "IGN", slug: "ignore", title: "Suppressions" },
  { prefix: "LIV", slug: "live", title: "Live probes" },
  { prefix: "HST", slug: "host", title: "Host checks" },
];

/** The family of a rule id. */
export function familyOf(id: string): Family {
  const family = families.find(({ prefix }) => id.startsWith(`GA-${prefix}-`));
  if (family === undefined) throw new Error(`rule ${id} belongs to no family of src/audit/families.ts`);
  return family;
}

/** Where a rule is described, from the root of the project: `docs/audit/tls.md#ga-tls-001`. */
export function docsOf(id: string): string {
  return `docs/audit/${familyOf(id).slug}.md#${id.toLowerCase()}`;
}

/** The same place as a URL of this installation. */
export function docsUrl(id: string): URL {
  return new URL(docsOf(id), installationRoot());
}

/** Rules by family, then by number. */
export function inCatalogueOrder<T extends { readonly id: string }>(rules: readonly T[]): readonly T[] {
  const rank = ({ id }: T): string => `${String(families.indexOf(familyOf(id))).padStart(2, "0")} ${id}`;
  return rules.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1));
}
