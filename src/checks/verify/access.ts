import { notChecked, ok, verdictOf, type Verdict } from "../../audit/observe/verdict.ts";
import type { LiveContext } from "../live/context.ts";
import { asksForCredentials, problem } from "../live/kit.ts";
import { field, firstLine } from "./answer.ts";

/** The proxy reaches the server, and the server is healthy. */
export async function health(live: LiveContext): Promise<Verdict> {
  const { status, body } = live.health;
  const found = (message: string, fix: string, root: boolean): Verdict =>
    verdictOf(
      [problem(live, "GET /health", String(status), { message, fix, severity: root ? "error" : "warning" })],
      "",
    );
  if (status === 502 || status === 503 || status === 504)
    return field(body, "code") === undefined
      ? found(
          `${status}: the proxy does not reach the server`,
          "Check that the server runs (gigastt status), and the upstream address in the proxy's file.",
          true,
        )
      : found(`${status}: ${firstLine(body)}`, "Look at gigastt status and gigastt logs.", true);
  if (status === 200 && field(body, "status") === "ok") return ok(`ok, model ${field(body, "model")}`);
  // The other routes may still work: only /health itself is in question.
  return found(
    `answers ${status}: ${firstLine(body)}`,
    "/health must be public and reach the server: render the proxy's file again.",
    false,
  );
}

/** The credentials given are accepted; none are needed where the service is meant to be open. */
export async function credentials(live: LiveContext): Promise<Verdict> {
  const given = live.target.authorization !== undefined || live.target.clientCertificate !== undefined;
  const answer = await live.askPatiently("/v1/models", { anonymous: live.open });
  const request = `GET /v1/models ${live.open || !given ? "without" : "with the given"} credentials`;
  const found = (message: string, fix: string): Verdict =>
    verdictOf([problem(live, request, String(answer.status), { message, fix })], "");
  if (answer.status === 200)
    return ok(live.open ? "open on purpose" : `${answer.status}${given ? " with credentials" : ""}`);
  if (!asksForCredentials(answer))
    return found(
      `/v1/models answers ${answer.status}: ${firstLine(answer.body)}`,
      "Look at gigastt status and the proxy's log.",
    );
  if (live.open)
    return found("a password is required", "Leave --open out and give credentials: --user NAME or --key-stdin.");
  return given
    ? found(
        `the given credentials are refused with ${answer.status}`,
        "Check the name and the password or key: gigastt secrets list. After a change reload the proxy.",
      )
    : found("no credentials were given, and the service requires them", "Give them: --user NAME or --key-stdin.");
}

/** A page of this service itself may use it. */
export async function ownOrigin(live: LiveContext): Promise<Verdict> {
  const { origin } = live.target.url;
  const { status } = await live.askPatiently("/v1/models", { headers: { Origin: origin } });
  if (status === 200) return ok(`${origin} allowed`);
  if (status !== 403) return notChecked(`/v1/models answers ${status}`);
  return verdictOf(
    [
      problem(live, `GET /v1/models Origin: ${origin}`, String(status), {
        message: `a page of this service itself gets ${status}`,
        fix: `Add ${origin} to server.allowedOrigins.`,
      }),
    ],
    "",
  );
}
