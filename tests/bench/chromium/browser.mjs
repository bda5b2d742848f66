// Chromium, and the pages it is shown: each contestant is a bundle of its own in a page of its own.

import { once } from "node:events";
import { createServer } from "node:http";

import { BROWSERS } from "../../js/support/browser-launch.mjs";
import { bundle } from "../sizes.mjs";

/** Starts Chromium. */
export async function launch() {
  const { default: puppeteer } = await import("puppeteer-core");
  const { executablePath, args } = BROWSERS.Chromium;
  return puppeteer.launch({ executablePath, headless: true, args, protocolTimeout: 300_000 });
}

const bundles = new Map();

const PAGE = `<!doctype html><title>bench</title><link rel="icon" href="data:,">
  <script type="module" src="/page.mjs"></script>`;

/** A server of `/`, an empty page that loads `/page.mjs`, which is `code` bundled. */
export async function servePage(code) {
  if (!bundles.has(code)) bundles.set(code, await bundle(code));
  return serve((request, response) => {
    const isScript = request.url === "/page.mjs";
    response.writeHead(200, { "content-type": isScript ? "text/javascript" : "text/html; charset=utf-8" });
    response.end(isScript ? bundles.get(code) : PAGE);
  });
}

/** A server on loopback. */
export async function serve(listener) {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Opens the page of `code` and calls its `window.bench(options)`. */
export async function runInPage(browser, code, options, around = (page, run) => run()) {
  const server = await servePage(code);
  const context = await browser.createBrowserContext();
  try {
    const page = await context.newPage();
    let failure;
    page.on("pageerror", (error) => (failure ??= error));
    await page.goto(server.url);
    await page.waitForFunction(() => window.bench !== undefined, { timeout: 20_000 }).catch((error) => {
      throw failure ?? error;
    });
    return await around(page, () => page.evaluate((given) => window.bench(given), options));
  } finally {
    await context.close();
    server.close();
  }
}
