import { describe, expect, it } from "vitest";
import { meantRoute } from "../../../../src/runtime/http/meant-route.ts";
import { ALL_ROUTES } from "../../../../src/shared/protocol.ts";

const open = ALL_ROUTES.filter(
  ({ access, path, replacedBy }) => access !== "closed" && replacedBy === undefined && !/[{}]|\/$/.test(path),
);

describe("the route that a client meant", () => {
  it.each(open.map(({ path }) => path))("is %s, whatever is wrong with the base URL", (path) => {
    const bare = path.replace(/^\/v1(?=\/)/, "");
    for (const asked of [
      bare,
      `/v1${path}`,
      `/${path}`,
      `${path}/`,
      `/openai${path}`,
      `/api/v1${bare}`,
      path.toUpperCase(),
    ])
      expect(meantRoute(asked)?.path, asked).toBe(path);
  });

  it.each(["/", "", "/docs", "/v1", "/metrics", "/v1/audio/speech", "/console/metrics", "/wp-login.php"])(
    "is none for %j",
    (asked) => {
      expect(meantRoute(asked)).toBeUndefined();
    },
  );
});
