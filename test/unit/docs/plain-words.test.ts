import { readFileSync, readdirSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { proseOf } from "../../support/prose.ts";

// Sentences that people read are written in plain words: standard terms, a concrete subject, no riddles.

const QUAINT: readonly (readonly [RegExp, string])[] = [
  [/\b(?:nobody|somebody|everybody|whoever)\b/i, "name the client, the user or the process"],
  [/\banew\b/i, "again"],
  [/\bfor ever\b/i, "without limit, or permanently"],
  [/\b(?:of|not|by|is|are) ours\b/i, "of gigastt, or not written by gigastt"],
  [/\bof mine\b/i, "my own, or your own"],
  [/\bhonest\b/i, "realistic"],
  [/\blast words\b/i, "last output, or final result"],
  [/\bsays? whose\b/i, "name the missing argument"],
  [/\b(?:has|have|been) told\b/i, "notified, or reported"],
  [/\bthe name server\b/i, "DNS"],
  [/\bwould fit\b/i, "is recommended"],
  [/(?<!\bthere )\b(?:is|are|was|were) no (?!longer\b|more\b|less\b)\w/i, "is not a …, or has no …"],
  [/\b(?:is|are|was|were) told\b/i, "is reported, or learns"],
  [/\bjudg(?:e|es|ed|ing)\b/i, "check"],
  [/\bbeliev(?:e|es|ed|ing)\b/i, "trust"],
  [/\b(?:is|are|was) let in\b|\blets? \w+ in\b/i, "allow"],
  [/\b(?:comes?|came) in\b/i, "arrive"],
  [
    /\b(?:end|ends|ended|stop|stops|stopped|drains?|drained|replaced|restarted|closed?|closes) in order\b/i,
    "gracefully",
  ],
  [/\bwaiting line\b/i, "queue"],
  [/\bno way to\b/i, "cannot"],
  [/\bmeanwhile\b/i, "delete it, or: in the meantime, since then"],
];

const root = fileURLToPath(new URL("../../../", import.meta.url));

function filesIn(folder: string, ends: string): readonly string[] {
  return readdirSync(`${root}${folder}`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ends))
    .map((entry) => relative(root, `${entry.parentPath}/${entry.name}`));
}

const FILES = [
  ...filesIn("src", ".ts"),
  ...filesIn("templates", ""),
  ...filesIn("docs", ".md").filter((file) => !file.startsWith("docs/ru/")),
  "README.md",
  "CONTRIBUTING.md",
  "gigastt.config.yaml",
];

it("keeps quaint words out of messages, comments and docs", () => {
  const found = FILES.flatMap((file) => {
    const text = readFileSync(`${root}${file}`, "utf8");
    return (file.endsWith(".ts") ? proseOf(text) : text).split("\n").flatMap((line, i) =>
      QUAINT.flatMap(([word, instead]) => {
        const match = word.exec(line);
        return match === null ? [] : [`${file}:${i + 1}: "${match[0]}": write ${instead}`];
      }),
    );
  });
  expect(found).toEqual([]);
});

it("reads sentences of code where they are: literals and comments, not names", () => {
  const code = [
    "const judge = /believe'/.test(text) ? `a ${judge(`nested ${1}`)} judge` : 'it\\'s'; // whoever",
    "/** anew */ function believe(): void {}",
  ].join("\n");
  const [first = "", second = ""] = proseOf(code).split("\n");
  expect(first.trim().split(/\s+/)).toEqual(["a", "nested", "judge", "it\\'s", "//", "whoever"]);
  expect(second.trim().split(/\s+/)).toEqual(["/**", "anew", "*/"]);
});
