// The compiled CLI entry with commands that behave badly, for the tests of signals, pipes and bugs.
import { main } from "../../dist/cli/main.js";

const command = (run, more = {}) => ({ summary: "x", load: async () => ({ summary: "x", run, ...more }) });
await main(process.argv.slice(2), {
  // Waits for the signal, cleans up, then throws the reason as an aborted operation does.
  wait: command(async ({ signal, stdout }) => {
    stdout.write("ready\n");
    await new Promise((_, reject) => {
      const timer = setInterval(() => {}, 1000);
      signal.addEventListener("abort", () => {
        clearInterval(timer);
        stdout.write("cleaned up\n");
        reject(signal.reason);
      });
    });
  }),
  stubborn: command(async ({ stdout }) => {
    stdout.write("ready\n");
    await new Promise(() => setInterval(() => {}, 1000));
  }),
  own: command(
    async ({ stdout, signal }) => {
      const code = await new Promise((resolve) => {
        const timer = setInterval(() => {}, 1000);
        process.once("SIGTERM", () => {
          clearInterval(timer);
          resolve(signal.aborted ? 1 : 0);
        });
        stdout.write("ready\n");
      });
      stdout.write("drained\n");
      return code;
    },
    { ownSignals: true },
  ),
  spam: command(async ({ stdout }) => {
    for (let i = 0; i < 200_000; i++)
      if (!stdout.write(`${i}\n`)) await new Promise((done) => stdout.once("drain", done));
    return 0;
  }),
  bug: command(async () => {
    null.x();
  }),
  three: command(async () => 3),
});
