// The code blocks of a Markdown file. What is done with one says the HTML comment before it, which readers do not see:
//
//   <!-- run: node          how it runs: see KINDS
//   const url = "..";       set up before it
//   ---
//   assert.match(..);       checked after it
//   -->
//
//   node, browser, page, shell   it is run: in Node, as a module or a page in Chromium, by bash in a folder with a capture.sse
//   install, server              what the README's new user types, see docs-page.test.mjs
//   vite                         what the guide for Vite says, see ../../pack/guide.test.mjs
//   repository                   commands of this repository, which must be scripts of pkg/package.json
//   policy                       what csp.test.mjs serves a page with
//
//   <!-- output -->         what the block before it printed, to the letter
//   <!-- file: NAME -->     a file of the folder in which the blocks `install` and `server` of this document run

import { readFileSync } from "node:fs";
import { basename } from "node:path";

/** How a block runs, and in which languages. */
export const KINDS = {
  node: ["js", "ts"],
  browser: ["js"],
  vite: ["sh"],
  page: ["html"],
  shell: ["sh"],
  install: ["sh"],
  server: ["sh"],
  repository: ["sh"],
  policy: [""],
  file: ["js", "html"],
  output: ["text", "json"],
};

const FENCE = /^(?<indent> *)```(?<language>\w*)\n(?<code>[^]*?)^\k<indent>```$/gm;
const COMMENT = /<!--\s*(?:(?<kind>run|file): *(?<name>\S+)|(?<output>output))(?<rest>[^]*?)-->\n$/;

/** Every block, in order; one without a comment, or of a kind that its language has not, is an error that says where. */
export function blocksOf(path) {
  const markdown = readFileSync(path, "utf8");
  const blocks = [];
  for (const { index, groups: { language, code, indent } } of markdown.matchAll(FENCE)) {
    const line = markdown.slice(0, index).split("\n").length;
    const where = `${basename(path)}:${line}`;
    const before = markdown.slice(0, index);
    const comment = COMMENT.exec(before.slice(before.lastIndexOf("<!--") === -1 ? before.length : before.lastIndexOf("<!--")))?.groups;
    if (comment === undefined) throw new Error(`${where}: no comment says how this block runs (see tests/js/docs/blocks.mjs)`);
    const kind = comment.kind === "run" ? comment.name : (comment.kind ?? comment.output);
    if (KINDS[kind]?.includes(language) !== true) throw new Error(`${where}: a block of ${language || "no language"} cannot be "${kind}"`);
    const [setup, check = ""] = comment.rest.split(/^---$/m);
    blocks.push({
      where, line, kind, language, setup: setup.trim(), check: check.trim(),
      code: indent === "" ? code : code.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
      file: comment.kind === "file" ? comment.name : undefined,
      id: `${basename(path, ".md")}-${line}`,
    });
  }
  return blocks;
}

/** A block as one module: what is set up, the block, what is checked. */
export const moduleOf = ({ setup, code, check }) => [setup, code, check].filter((part) => part !== "").join("\n") + "\nexport {};\n";
