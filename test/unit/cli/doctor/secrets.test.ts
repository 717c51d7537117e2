import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { secrets } from "../../../../src/cli/doctor/secrets.ts";
import { openKeyStore } from "../../../../src/store/keys.ts";
import { temporaryDir } from "../../models/helpers.ts";
import { configWith, contextOf, linesOf, machine } from "./helpers.ts";

test("keys that the server checks are counted; none that can be used is a warning with the command", async () => {
  const dir = await temporaryDir();
  const file = join(dir, "keys.sqlite");
  const context = contextOf(machine(), { config: configWith({ auth: { keys: "required" }, store: { dir } }) });
  const none = `warn: API keys are required, but ${file} holds no key that can be used: every request is refused → Run \`gigastt secrets create key NAME\`.`;
  expect(await linesOf(secrets, context)).toEqual([none]);
  expect(existsSync(file)).toBe(false);
  const store = openKeyStore(file);
  store.create("old", { scopes: ["live"], expiresAtMs: 1 }, 0);
  expect(await linesOf(secrets, context)).toEqual([none]);
  store.create("laptop", { scopes: ["live"] }, 0);
  store.close();
  expect(await linesOf(secrets, context)).toEqual([`ok: API keys are required: 1 can be used (${file})`]);
  expect(await linesOf(secrets, contextOf(machine()))).toEqual([
    "ok: no users or keys to check: no proxy on this machine reads any",
  ]);
});
