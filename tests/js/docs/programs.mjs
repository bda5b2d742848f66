// Programs that a block or a shell starts, and the registry that they install from: the package as it is in the checkout stands in
// for the one on npm.

import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { cpSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const root = fileURLToPath(new URL("../../../", import.meta.url));

const guides = join(root, "pkg", "docs");
/** Whose code blocks run. */
export const DOCUMENTS = [
  join(root, "README.md"), join(root, "SECURITY.md"),
  ...readdirSync(guides).filter((name) => name.endsWith(".md")).map((name) => join(guides, name)),
];

/** An empty folder outside of the repository; it is gone after the test `t`. */
export function emptyFolder(t) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "streamgauge-docs-")));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** npm's settings for the run that started this one must not reach a user's npm. */
export const environment = (more) => {
  const kept = Object.entries(process.env).filter(([name]) => !/^npm_|^NODE_TEST|^API_|^MODEL$|^PORT$/i.test(name));
  return { ...Object.fromEntries(kept), ...more };
};

/** Runs a program to its end; resolves to what it printed, rejects with that when it fails. */
export async function run(program, args, options) {
  try {
    return (await promisify(execFile)(program, args, { timeout: 120_000, ...options })).stdout;
  } catch (error) {
    throw new Error(`${[program, ...args].join(" ").slice(0, 200)}: ${error.message}\n${error.stdout ?? ""}${error.stderr ?? ""}`);
  }
}

export const shell = (code, options) => run("bash", ["-euo", "pipefail", "-c", code], options);

/** Starts a server by a shell's command; resolves to the URL that it prints. It ends with the test `t`. */
export async function startServer(t, code, options) {
  // A group of its own: npx has a child, which outlives it.
  const child = spawn("bash", ["-euc", code], { ...options, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => {
    try {
      process.kill(-child.pid);
    } catch {
      // It is gone already.
    }
    for (const stream of [child.stdout, child.stderr]) stream.destroy();
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  for (;;) {
    const url = /http:\/\/\S+/.exec(output)?.[0];
    if (url !== undefined) return url;
    if (child.exitCode !== null) throw new Error(`it ended: ${output}`);
    await Promise.race([once(child.stdout, "data"), once(child.stderr, "data"), once(child, "exit")]);
  }
}

/** A registry that has the package and what it depends on, from their folders; resolves to the settings that npm finds it by. */
export async function serveRegistry(t) {
  const folder = emptyFolder(t);
  const packages = new Map();
  const add = (source, file) => {
    const manifest = JSON.parse(readFileSync(join(source, "package.json"), "utf8"));
    packages.set(manifest.name, { manifest, tarball: readFileSync(file) });
  };
  const pkg = join(root, "pkg");
  const packed = await run("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", folder], { cwd: pkg, env: environment() });
  add(pkg, join(folder, JSON.parse(packed)[0].filename));
  // What is installed is what was packed, and npm may not be the tool that its author packs with.
  const dependency = join(pkg, "node_modules", "smol-toml");
  cpSync(dependency, join(folder, "package"), { recursive: true });
  await run("tar", ["-czf", "smol-toml.tgz", "package"], { cwd: folder });
  add(dependency, join(folder, "smol-toml.tgz"));
  const server = createServer((request, response) => {
    const [, name, file] = request.url.split("/");
    const found = packages.get(name);
    if (found === undefined) return response.writeHead(404).end("{}");
    if (file !== undefined) return response.end(found.tarball);
    const { manifest, tarball } = found;
    const dist = {
      tarball: `http://${request.headers.host}/${name}/${manifest.version}.tgz`,
      integrity: `sha512-${createHash("sha512").update(tarball).digest("base64")}`,
    };
    const { scripts: _, devDependencies: __, ...published } = manifest;
    response.setHeader("content-type", "application/json");
    const versions = { [manifest.version]: { ...published, dist } };
    return response.end(JSON.stringify({ name, "dist-tags": { latest: manifest.version }, versions }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    npm_config_registry: `http://127.0.0.1:${server.address().port}/`, npm_config_cache: join(folder, "cache"),
    npm_config_audit: "false", npm_config_fund: "false", npm_config_update_notifier: "false",
  };
}

/** A port of loopback that nobody listens on. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}
