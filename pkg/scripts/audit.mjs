// Looks for known defects in what the package is made of, and for licences that it may not have. What is not installed, or
// not to be had (advisories need the network), is said, and is no failure. Usage: node audit.mjs

import { spawnSync } from "node:child_process";

import { pkg, root } from "./project.mjs";
import { Failure, isMain, main, query } from "./run.mjs";
import { licenseOf, sbom, unlicensed } from "./sbom.mjs";

/** What a tool says when the other side is not there, rather than something found. */
const UNAVAILABLE = /audit endpoint returned an error|\bE?(?:404|405)\b|ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|failed to (?:fetch|clone|acquire)|couldn't fetch|could not resolve|error (?:fetching|loading) advisory/i;

const CHECKS = [
  { name: "crates: advisories", tool: ["cargo", "deny"], args: ["check", "advisories"], cwd: root },
  { name: "crates: licences, bans, sources", tool: ["cargo", "deny"], args: ["check", "licenses", "bans", "sources"], cwd: root },
  { name: "crates: advisories, by cargo-audit", tool: ["cargo", "audit"], args: [], cwd: root },
  { name: "npm: advisories", tool: ["npm"], args: ["audit", "--omit", "dev"], cwd: pkg },
  { name: "npm: the registry's signatures", tool: ["npm"], args: ["audit", "signatures"], cwd: pkg },
];

function audit() {
  const failed = [];
  const bill = sbom();
  for (const component of bill.components) console.log(`${component.name} ${component.version}: ${licenseOf(component)}`);
  const bad = unlicensed(bill);
  console.log(bad.length === 0 ? `ok: licences of ${bill.components.length} components` : `FAILED: the licences of ${bad.map(({ name }) => name).join(", ")}`);
  if (bad.length > 0) failed.push("licences");
  for (const { name, tool: [command, ...subcommand], args, cwd } of CHECKS) {
    if (!query(command, [...subcommand, "--version"], { cwd })) {
      console.log(`skipped: ${name}: ${[command, ...subcommand].join("-")} is not installed`);
      continue;
    }
    const { status, stdout, stderr } = spawnSync(command, [...subcommand, ...args], { cwd, encoding: "utf8" });
    const output = `${stdout}${stderr}`.trim();
    if (status === 0) console.log(`ok: ${name}`);
    else if (UNAVAILABLE.test(output)) console.log(`skipped: ${name}: the service is not to be had here`);
    else {
      console.log(`${output}\nFAILED: ${name}`);
      failed.push(name);
    }
  }
  if (failed.length > 0) throw new Failure(`the audit failed: ${failed.join("; ")}`);
}

if (isMain(import.meta.url)) await main(audit);
