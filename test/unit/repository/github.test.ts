import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Ajv, type ValidateFunction } from "ajv";
import { Ajv2019 } from "ajv/dist/2019.js";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const read = (path: string): string => readFileSync(root + path, "utf8");
const filesOf = (folder: string, except = ""): string[] =>
  readdirSync(root + folder)
    .filter((name) => name !== except)
    .map((name) => `${folder}/${name}`);

const FORMS = ".github/ISSUE_TEMPLATE";
const KINDS: readonly (readonly [schema: string, files: readonly string[]])[] = [
  ["github-workflow", filesOf(".github/workflows")],
  ["github-issue-forms", filesOf(FORMS, "config.yml")],
  ["github-issue-config", [`${FORMS}/config.yml`]],
  ["dependabot-2.0", [".github/dependabot.yml"]],
  ["devcontainer", [".devcontainer/devcontainer.json"]],
];

describe("files for GitHub and for development containers", () => {
  for (const [schema, files] of KINDS) {
    const validate = validatorOf(schema);
    it.each(files)(`%s follows the schema ${schema}`, (path) => {
      expect(validate(parse(read(path))), JSON.stringify(validate.errors)).toBe(true);
    });
    it(`the schema ${schema} refuses another file`, () => {
      expect(validate({ "on a whim": true, version: "2", image: 1 })).toBe(false);
    });
  }

  it("CI runs the check of the repository, and a release waits for it", () => {
    expect(read(".github/workflows/ci.yml")).toContain("run: .ci/run\n");
    const { jobs } = parse(read(".github/workflows/release.yml")) as { jobs: Record<string, { needs?: unknown }> };
    expect(jobs["package"]?.needs).toBe("check");
    expect(jobs["image"]?.needs).toBe("check");
    expect(jobs["publish"]?.needs).toEqual(["package", "image", "home-assistant"]);
  });

  it("every job of a workflow states its own rights", () => {
    for (const path of filesOf(".github/workflows")) {
      const { permissions } = parse(read(path)) as { permissions?: unknown };
      expect(permissions, path).toEqual({ contents: "read" });
    }
  });
});

function validatorOf(schema: string): ValidateFunction {
  const options = { strict: false, allErrors: true, validateFormats: false };
  const ajv = schema === "devcontainer" ? new Ajv2019(options) : new Ajv(options);
  return ajv.compile(JSON.parse(read(`test/fixtures/github/${schema}.json`)) as object); // a copy of a published schema
}
