// The bill of materials in the tarball: by CycloneDX's own schema, and beside what Cargo and npm say of the dependencies.

import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { licenseOf, unlicensed } from "../../pkg/scripts/sbom.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const pkg = join(root, "pkg");
const exec = promisify(execFile);

describe("the bill of materials in the tarball", () => {
  let folder;
  let text;
  let bill;
  let licenses;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "streamgauge-sbom-"));
    const { stdout } = await exec("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: pkg });
    const tarball = join(folder, stdout.trim().split("\n").at(-1));
    await exec("tar", ["-xzf", tarball, "-C", folder]);
    text = await readFile(join(folder, "package", "sbom.cdx.json"), "utf8");
    bill = JSON.parse(text);
    licenses = await readFile(join(folder, "package", "THIRD-PARTY-LICENSES.txt"), "utf8");
  });
  after(() => rm(folder, { recursive: true }));

  const names = (components) => components.map(({ name, version }) => `${name}@${version}`).sort();
  const kind = (type) => bill.components.filter(({ purl }) => purl.startsWith(`pkg:${type}/`));

  test("is valid CycloneDX 1.5", async () => {
    assert.equal(await new Validation.JsonStrictValidator(Spec.Version.v1dot5).validate(text), null);
  });

  test("has what npm installs with the package", async () => {
    const { packages } = JSON.parse(await readFile(join(pkg, "package-lock.json"), "utf8"));
    const installed = Object.entries(packages).filter(([path, { dev }]) => path !== "" && !dev);
    assert.deepEqual(names(kind("npm")), installed.map(([path, { version }]) => `${path.replace(/^.*node_modules\//, "")}@${version}`).sort());
  });

  test("has the crates that Cargo links, as they are locked", async () => {
    const args = ["metadata", "--format-version", "1", "--locked", "--filter-platform", "wasm32-unknown-unknown"];
    const metadata = JSON.parse(execFileSync("cargo", args, { cwd: root, maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "ignore"] }));
    const byId = new Map(metadata.packages.map((each) => [each.id, each]));
    const nodes = new Map(metadata.resolve.nodes.map((node) => [node.id, node]));
    // What is reached, with the features of the tests too: at least what is linked.
    const reached = new Set();
    const visit = (id, more) => {
      if (reached.has(id)) return;
      reached.add(id);
      for (const { pkg, dep_kinds } of nodes.get(id).deps) {
        const isMacro = byId.get(pkg).targets.some((target) => target.kind.includes("proc-macro"));
        if (!isMacro && dep_kinds.some(({ kind }) => kind === null)) visit(pkg, more);
      }
    };
    visit(metadata.resolve.root);
    const reachable = [...reached].map((id) => byId.get(id)).filter(({ name }) => name !== "streamgauge");
    const listed = names(kind("cargo"));
    for (const name of listed) assert.ok(names(reachable).includes(name), `${name} is no dependency`);
    // Those of this project's crates, of which only the first is named.
    const own = metadata.packages.filter(({ source }) => source === null);
    const direct = own.flatMap(({ dependencies }) => dependencies)
      .filter(({ kind, optional, source }) => kind === null && !optional && source !== null);
    assert.ok(direct.some(({ name }) => name === "memchr"));
    for (const { name } of direct) assert.ok(listed.some((each) => each.startsWith(`${name}@`)), name);

    const lock = await readFile(join(root, "Cargo.lock"), "utf8");
    for (const { name, version, hashes, licenses } of kind("cargo")) {
      const entry = lock.split("[[package]]").find((each) => each.includes(`name = "${name}"\nversion = "${version}"\n`));
      assert.ok(entry.includes(`checksum = "${hashes[0].content}"`), name);
      const stated = reachable.find((each) => each.name === name && each.version === version).license.replaceAll("/", " OR ");
      assert.equal(licenses[0].expression, stated);
    }
  });

  test("its graph is closed, and everything hangs on the package", () => {
    const refs = [bill.metadata.component, ...bill.components].map((component) => component["bom-ref"]);
    assert.equal(new Set(refs).size, refs.length);
    const edges = new Map(bill.dependencies.map(({ ref, dependsOn = [] }) => [ref, dependsOn]));
    const seen = new Set();
    const visit = (ref) => {
      assert.ok(refs.includes(ref), ref);
      if (seen.has(ref)) return;
      seen.add(ref);
      for (const next of edges.get(ref) ?? []) visit(next);
    };
    visit(bill.metadata.component["bom-ref"]);
    assert.deepEqual([...seen].sort(), [...refs].sort());
    assert.equal(bill.metadata.component.name, "streamgauge");
  });

  test("names nothing of this machine, and no time", () => {
    assert.ok(!text.includes(root) && !text.includes(tmpdir()));
    assert.doesNotMatch(text, /"(timestamp|serialNumber)"/);
  });

  test("every licence is one that is allowed", () => {
    assert.deepEqual(unlicensed(bill), []);
    const licensed = (expression) => ({ name: "x", licenses: [{ expression }] });
    const bad = ["GPL-3.0-only", "MIT AND GPL-3.0-only", "(MIT OR Apache-2.0) AND SSPL-1.0", ""].map(licensed);
    assert.deepEqual(unlicensed({ components: [...bad, licensed("GPL-2.0-only OR MIT"), { name: "none" }] }).map(licenseOf), [...bad.map(licenseOf), ""]);
  });

  test("the text of every licence that is not the package's own comes with it", () => {
    const parts = licenses.split(/^-{80}$/m).slice(1);
    const named = (part) => part.trim().split("\n\n")[0].split("\n");
    const inside = bill.components.filter(({ purl }) => !purl.startsWith("pkg:npm/"));
    const lines = inside.map((component) => `${component.name} ${component.version} (${licenseOf(component)})`);
    assert.deepEqual(parts.flatMap(named).sort(), lines.sort());
    for (const part of parts) assert.match(part, /Permission is hereby granted, free of charge, to any\s+person[^]*WITHOUT\s+WARRANTY\s+OF\s+ANY\s+KIND/);
    for (const part of parts.filter((each) => each.includes("AND Unicode-3.0"))) assert.match(part, /UNICODE LICENSE V3/);
    assert.ok(!licenses.includes(root) && !licenses.includes(tmpdir()));
  });
});
