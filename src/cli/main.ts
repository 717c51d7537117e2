/** Runs the command line; sets `process.exitCode`. */
export async function main(argv: readonly string[]): Promise<void> {
  process.stdout.write(`gigastt ${argv.join(" ")}\n`);
}
