// Checks the web client's lock file: each package that the browser is sent has an allowed licence,
// each package (tools too) carries its checksum, and package.json names exact versions only.
import { existsSync, readFileSync } from "node:fs";

// They ask for no more than a notice, or (MPL-2.0) for the source of their own files, which are used as
// they are published.
const ALLOWED_LICENCES = new Set([
  "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0", "OFL-1.1",
]);

const faults = [];

for (const folder of ["web-client", "tests/browser"]) {
  if (!existsSync(`${folder}/package.json`)) continue;
  const manifest = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const { packages } = JSON.parse(readFileSync(`${folder}/package-lock.json`, "utf8"));

  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
    if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) faults.push(`${folder}: ${name} ${version} is no exact version`);
  }

  let shipped = 0;
  for (const [place, entry] of Object.entries(packages)) {
    if (place === "" || entry.link) continue;
    if (!entry.integrity) faults.push(`${folder}: ${place} has no checksum`);
    if (entry.dev || entry.devOptional || folder !== "web-client") continue;
    shipped += 1;
    if (!ALLOWED_LICENCES.has(entry.license)) faults.push(`${folder}: ${place} is under ${entry.license}`);
  }
  console.log(`${folder}: ${Object.keys(packages).length - 1} packages, ${shipped} of them sent to browsers`);
}

for (const fault of faults) console.log(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
