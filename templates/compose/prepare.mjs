// Runs once before the other containers, as root with three capabilities and no network: hands each container the files
// it may read, owned by its own user and readable only by that user. A missing or empty secret ends here, with its name.
import { chmodSync, chownSync, copyFileSync, existsSync, lstatSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

// name, folder it comes from, folder it goes to, owner
const files = JSON.parse(process.env.PREPARE_FILES ?? "[]");
const folders = JSON.parse(process.env.PREPARE_FOLDERS ?? "[]");

for (const { path, uid } of folders) own(path, uid);
for (const folder of new Set(files.map(({ to }) => to))) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o755 });
}
for (const { from, to, uid } of files) {
  if (!existsSync(from) || statSync(from).size === 0) {
    process.stderr.write(`prepare: ${from} is missing or empty. Create it with: gigastt secrets, or gigastt certs.\n`);
    process.exit(1);
  }
  const target = join(to, from.slice(from.lastIndexOf("/") + 1));
  copyFileSync(from, target);
  chownSync(target, uid, uid);
  chmodSync(target, 0o400);
}

function own(path, uid) {
  const stats = lstatSync(path);
  if (stats.isSymbolicLink()) return;
  if (stats.uid !== uid || stats.gid !== uid) chownSync(path, uid, uid);
  if (stats.isDirectory()) for (const name of readdirSync(path)) own(join(path, name), uid);
}
