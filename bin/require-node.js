// Ends with one sentence on a Node that is too old, before anything is loaded that it could not run.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(
    `gigastt: Node 20.19 or newer is needed, this is ${process.version}. Install a current Node and run it again.\n`,
  );
  process.exit(2);
}
