// node scripts/npm-licences.mjs FOLDER...
//
// Fails when a package in FOLDER/package-lock.json carries a licence outside the list, or none at all, or when the
// lock file names the address a package was fetched from.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** Permissive licences, file-level MPL-2.0, and data licences of build-time tables. */
const ALLOWED = new Set([
  "0BSD",
  "Apache-2.0",
  "BlueOak-1.0.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "CC-BY-4.0",
  "CC0-1.0",
  "ISC",
  "MIT",
  "MIT-0",
  "MPL-2.0",
  "OFL-1.1",
  "Python-2.0",
  "Unlicense",
  "Zlib",
]);

/** Packages that may never come in, whatever their licence field says. */
const REFUSED = [/^@blocknote\/xl-/, /^tldraw$/, /^@tldraw\//];

/** Whether an SPDX expression of the simple forms npm packages use can be satisfied from the list. */
export function isAllowed(expression) {
  const bare = expression.replace(/^\(|\)$/g, "");
  if (bare.includes(" AND ")) return bare.split(" AND ").every((part) => isAllowed(part.trim()));
  return bare.split(" OR ").some((name) => ALLOWED.has(name.trim()));
}

/** Every finding for one lock file, as sentences. */
export function findings(lock) {
  return Object.entries(lock.packages ?? {}).flatMap(([path, entry]) => {
    if (path === "" || entry.link) return [];
    const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
    const found = [];
    if (REFUSED.some((pattern) => pattern.test(name))) found.push(`${name} is refused by name`);
    if (!entry.license) found.push(`${name} ${entry.version} states no licence`);
    else if (!isAllowed(entry.license))
      found.push(`${name} ${entry.version} is under ${entry.license}`);
    if (entry.resolved)
      found.push(
        `${name}: the lock file names where it was fetched from (set omit-lockfile-registry-resolved)`,
      );
    return found;
  });
}

function main(folders) {
  for (const folder of folders) {
    const lock = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8"));
    const found = findings(lock);
    console.log(
      `${folder}: ${Object.keys(lock.packages ?? {}).length - 1} packages, ${found.length} finding(s)`,
    );
    for (const finding of found) console.error(`  ${finding}`);
    if (found.length > 0) process.exitCode = 1;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) main(process.argv.slice(2));
