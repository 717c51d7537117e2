import { fileURLToPath } from "node:url";
import { installationRoot } from "../../shared/process/entry.ts";
import { GigasttError } from "../../shared/errors.ts";
import { runChild } from "../process/run-child.ts";

/**
 * Asks a short-lived helper process one question and takes its one answer, over IPC as JSON: libraries that the
 * supervisor should not keep for months, and after an upgrade the new code.
 *
 * @param about `what` failed, e.g. `the configuration cannot be read`; `hint`: why there may be no answer in time
 */
export async function askHelper(
  entry: URL,
  question: object,
  about: { readonly code: string; readonly what: string; readonly hint: string; readonly timeoutMs: number },
  env: NodeJS.ProcessEnv,
): Promise<unknown> {
  const answers: unknown[] = [];
  const { trouble, lines } = await runChild(
    {
      file: process.execPath,
      args: [fileURLToPath(entry)],
      env,
      cwd: fileURLToPath(installationRoot()),
      ipc: true,
    },
    { timeoutMs: about.timeoutMs, message: question, onMessage: (message) => answers.push(message) },
  );
  if (answers.length > 0) return answers[0];
  const said = lines.join(" ").trim().slice(-2000);
  const reason = said === "" ? `${trouble ?? "no answer"}; ${about.hint}` : `${trouble ?? "no answer"}: ${said}`;
  throw new GigasttError(about.code, `${about.what}: ${reason}`);
}
