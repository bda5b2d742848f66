// How much a page downloads for each of the programs in sizes/programs.mjs.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

import { build } from "esbuild";

import { PROGRAMS } from "./sizes/programs.mjs";

const folder = fileURLToPath(new URL("./", import.meta.url));
const require = createRequire(import.meta.url);

/** Minified ESM for browsers, as one file's bytes. */
export async function bundle(contents, { minify = true, ...more } = {}) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: folder, loader: "js" },
    bundle: true, write: false, format: "esm", platform: "browser", target: "es2022", minify, logLevel: "silent",
    define: { key: '"-"' }, ...more,
  });
  return outputFiles[0].contents;
}

/** The sizes of all programs, largest compression each; files beside a bundle are compressed by themselves. */
export async function measureSizes({ tell }) {
  const sizes = [];
  for (const { name, title, code, files = [] } of PROGRAMS) {
    tell(`bundling ${name}`);
    const parts = [await bundle(code), ...files.map((file) => readFileSync(require.resolve(file)))];
    const sum = (sizeOf) => parts.reduce((total, part) => total + sizeOf(part), 0);
    sizes.push({
      name,
      title,
      raw: sum((part) => part.length),
      gzip: sum((part) => gzipSync(part, { level: 9 }).length),
      brotli: sum((part) => brotliCompressSync(part, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length),
    });
  }
  return sizes;
}
