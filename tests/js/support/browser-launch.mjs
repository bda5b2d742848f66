// The browsers that are here, by the one driver that knows both, and the pages they are shown.

import { existsSync, readFileSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:http";
import { extname } from "node:path";

/** Where they are, and how they are started. */
export const BROWSERS = {
  Chromium: {
    executablePath: process.env.CHROME_BIN ?? "/usr/bin/chromium", variable: "CHROME_BIN",
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  },
  Firefox: {
    executablePath: process.env.FIREFOX_BIN ?? "/usr/bin/firefox-esr", variable: "FIREFOX_BIN", browser: "firefox",
  },
};

/** Why a browser's tests can not run; `false` if they can. With CI=true there is no such excuse. */
export async function excuse(name) {
  const { executablePath, variable } = BROWSERS[name];
  const here = existsSync(executablePath);
  const driver = await loadDriver().catch(() => undefined);
  if ((here && driver !== undefined) || process.env.CI === "true") return false;
  return here ? "puppeteer-core is not installed: npm ci in tests/" : `no ${name} at ${executablePath}: set ${variable}`;
}

/** Starts a browser. */
export async function launch(name) {
  const { executablePath, browser, args } = BROWSERS[name];
  const { default: puppeteer } = await loadDriver();
  return puppeteer.launch({ executablePath, headless: true, ...(browser && { browser }), ...(args && { args }) });
}

const loadDriver = () => import("puppeteer-core");

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".sse": "text/event-stream" };
const FOLDERS = {
  "/dist/": new URL("../../../pkg/dist/", import.meta.url),
  "/browser/": new URL("../../browser/", import.meta.url),
  "/support/": new URL("./", import.meta.url),
  "/fixtures/": new URL("../../fixtures/", import.meta.url),
};

/** Serves the package as it is, the tests' pages and fixtures, and an empty page at every other path. */
export async function servePages() {
  const server = createServer((request, response) => {
    const folder = Object.keys(FOLDERS).find((prefix) => request.url.startsWith(prefix));
    if (folder === undefined) {
      response.writeHead(200, { "content-type": "text/html" });
      return response.end('<!doctype html><title>elsewhere</title><link rel="icon" href="data:,">');
    }
    const file = new URL(request.url.slice(folder.length), FOLDERS[folder]);
    return response.writeHead(200, { "content-type": TYPES[extname(file.pathname)] }).end(readFileSync(file));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
