// The package as its users get it: packed by npm, installed from the tarball, outside of the repository, where nothing can
// find the sources by accident. Beside it are copies of the apps; their tools are those of tests/pack/node_modules.
//
//   <stage>/streamgauge-0.1.0.tgz
//   <stage>/node_modules           a link to the tools
//   <stage>/apps/node_modules      the installed tarball
//   <stage>/apps/vite, ..

import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const here = fileURLToPath(new URL("../", import.meta.url));
const pkg = fileURLToPath(new URL("../../../pkg/", import.meta.url));
/** Folders of tests/pack that are no apps. */
const OTHERS = ["node_modules", "support"];

/** What of the environment must not reach a program of an app's: npm's settings for the run that started this one. */
const outside = () => Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(?!config_(cache|registry|userconfig)$)/i.test(name)));

const npm = (args, cwd) => promisify(execFile)("npm", args, { cwd, env: outside() });

/** Packs, installs and copies; resolves to the folder, which is gone when the process is. */
export async function stage() {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "streamgauge-pack-")));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const apps = join(folder, "apps");
  mkdirSync(apps);
  const { stdout } = await npm(["pack", "--json", "--pack-destination", folder], pkg);
  // What the build says comes before it.
  const [{ filename }] = JSON.parse(stdout.slice(stdout.search(/^\[$/m)));
  for (const { name } of readdirSync(here, { withFileTypes: true }).filter((entry) => entry.isDirectory() && !OTHERS.includes(entry.name))) {
    cpSync(join(here, name), join(apps, name), { recursive: true });
  }
  symlinkSync(join(here, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(apps, "package.json"), '{ "private": true, "type": "module" }\n');
  await npm(["install", "--prefer-offline", "--no-audit", "--no-fund", join("..", filename)], apps);
  return folder;
}

/** The folder that the step `pack` made for all test files, or one of this process's own. */
export const staged = async () => process.env.STREAMGAUGE_STAGE ?? stage();
