import { GigasttError } from "../../shared/errors.ts";
import { startHelper } from "../../shared/program.ts";
import { setTimeout } from "../../shared/timers.ts";

/**
 * Asks a short-lived process of ours one question and takes its one answer, over IPC as JSON: libraries that the
 * supervisor should not keep for months, and after an upgrade the new code.
 *
 * @param about `what` failed, e.g. `the configuration cannot be read`; `hint`: why there may be no answer in time
 */
export async function askHelper(
  entry: URL,
  question: object,
  about: { readonly code: string; readonly what: string; readonly hint: string; readonly timeoutMs: number },
): Promise<unknown> {
  const answers: unknown[] = [];
  const helper = await startHelper(entry, { onMessage: (message) => answers.push(message) });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    helper.kill("SIGKILL");
  }, about.timeoutMs);
  void helper.send(question);
  const { exitCode, signal, startFailure, stderr } = await helper.ended;
  clearTimeout(timer);
  if (answers.length > 0) return answers[0];
  const reason = isLate
    ? `no answer within ${about.timeoutMs / 1000} s; ${about.hint}`
    : (startFailure ?? `its process ended with ${signal ?? `exit code ${exitCode}`}: ${stderr.trim().slice(-2000)}`);
  throw new GigasttError(about.code, `${about.what}: ${reason}`);
}
