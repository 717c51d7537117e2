import { fork } from "node:child_process";
import { GigasttError } from "../../shared/errors.ts";

/**
 * Asks a short-lived process of ours one question and takes its one answer, over IPC as JSON: libraries that the
 * supervisor should not keep for months, and after an upgrade the new code.
 *
 * @param what for the message, e.g. `the configuration cannot be read`
 * @param hint what may be wrong when there is no answer in time
 */
export function askHelper(
  entry: URL,
  question: object,
  about: { readonly code: string; readonly what: string; readonly hint: string; readonly timeoutMs: number },
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const child = fork(entry, [], {
      // The variables are part of the question; the process itself needs none of them but the path to its libraries.
      execArgv: [],
      serialization: "json",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    let errors = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      errors = (errors + text).slice(-2000);
    });
    const fail = (reason: string): void => {
      clearTimeout(timer);
      reject(new GigasttError(about.code, `${about.what}: ${reason}`));
    };
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      fail(`no answer within ${about.timeoutMs / 1000} s; ${about.hint}`);
    }, about.timeoutMs);
    child.once("error", (error) => fail(error.message));
    child.once("exit", (code, signal) => fail(`its process ended with ${signal ?? code}: ${errors.trim()}`));
    child.once("message", (message) => {
      clearTimeout(timer);
      resolve(message);
    });
    child.send({ ...question });
  });
}
