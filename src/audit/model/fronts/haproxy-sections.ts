import type { Directive } from "../../parse/directives.ts";

/** Returns the lines of the defaults that a section takes over: the named ones (`from`), else the last before it. */
export function defaultsOf(sections: readonly Directive[], section: Directive): readonly Directive[] {
  const all = sections.filter(({ name }) => name === "defaults");
  const from = words(section).indexOf("from");
  const named = from === -1 ? undefined : all.find((item) => words(item)[0] === words(section)[from + 1]);
  return (named ?? all.findLast(({ start }) => start < section.start))?.block ?? [];
}

/** Returns the words behind a directive's name. */
export function words(directive: Directive): readonly string[] {
  return directive.args.map(({ value }) => value);
}

/** Whether a frontend sends requests to a backend. */
export function leadsTo(section: Directive, backend: string): boolean {
  return (
    section.name === "frontend" &&
    section.block.some(
      (line) => (line.name === "use_backend" || line.name === "default_backend") && words(line)[0] === backend,
    )
  );
}
