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
    // For `closeByUser`, and for the animation that a user sees then.
    args: ["--remote-allow-system-access"], extraPrefsFirefox: { "ui.prefersReducedMotion": 0 },
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
  const { variable, ...options } = BROWSERS[name];
  const { default: puppeteer } = await loadDriver();
  return puppeteer.launch({ headless: true, ...options });
}

/**
 * Closes the tab of a page that is in front, as its user does. In Firefox that is its own command (Ctrl+W): the driver's
 * `close()` is another thing there, and takes the tab away without hiding it first.
 */
export async function closeByUser(browser, page) {
  const { connection } = browser;
  if (connection === undefined) return page.close();
  const { result: { contexts: [{ context }] } } = await connection.send("browsingContext.getTree", { "moz:scope": "chrome" });
  const closed = new Promise((resolve) => page.once("close", resolve));
  const expression = `
    if (gBrowser.selectedBrowser.currentURI.spec !== ${JSON.stringify(page.url())}) throw new Error("another tab is in front");
    document.getElementById("cmd_close").doCommand();`;
  const { result } = await connection.send("script.evaluate", { expression, target: { context }, awaitPromise: false });
  if (result.type !== "success") throw new Error(`Firefox did not close the tab: ${JSON.stringify(result)}`);
  return closed;
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
