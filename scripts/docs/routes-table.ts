import { ALL_ROUTES } from "../../src/shared/protocol.ts";

/** Returns docs/reference/http.md with the table below `## Routes` written from the table of routes. @param page its text now */
export function withRoutesTable(page: string): string {
  const yes = (is: boolean): string => (is ? "yes" : "no");
  const rows = ALL_ROUTES.map(
    ({ methods, path, summary, checksOrigin, isLimited }) =>
      `| \`${methods.join(", ")} ${path}\` | ${summary} | ${yes(checksOrigin)} | ${yes(isLimited)} |\n`,
  );
  return page.replace(/(\n## Routes\n\n\|.*\n\|[-|]+\n)(?:\|.*\n)*/, (_, head: string) => `${head}${rows.join("")}`);
}
