// The load in a page of headless Chromium, by HTTP/2: of HTTP/1.1 a browser has six connections to a host.

import { BROWSERS } from "../js/support/browser-launch.mjs";

export async function startPage(server) {
  const { default: puppeteer } = await import("puppeteer-core");
  const { executablePath, args } = BROWSERS.Chromium;
  const browser = await puppeteer.launch({ executablePath, args, headless: true, acceptInsecureCerts: true, protocolTimeout: 600_000 });
  try {
    const page = await browser.newPage();
    const complaints = [];
    page.on("pageerror", (error) => complaints.push(`${error}`));
    page.on("console", (message) => {
      // What the server does on purpose, in the browser's own words.
      if (!/^Failed to load resource/.test(message.text())) complaints.push(`${message.type()}: ${message.text()}`);
    });
    await page.goto(`${server.url}/soak/page.html`);
    await page.waitForFunction(() => globalThis.client !== undefined);
    const session = await page.createCDPSession();
    await session.send("Performance.enable");
    await session.send("HeapProfiler.enable");
    return {
      // A page's telemetry waits for the page's end, and so can not be forgotten.
      start: (options) => page.evaluate((given) => globalThis.client.start(given), { ...options, forget: false }),
      stop: () => page.evaluate(() => globalThis.client.stop()),
      async sample() {
        await session.send("HeapProfiler.collectGarbage");
        // The finalizers' tasks.
        await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 5)));
        await session.send("HeapProfiler.collectGarbage");
        const { metrics } = await session.send("Performance.getMetrics");
        const of = (name) => metrics.find((metric) => metric.name === name).value;
        return {
          ...(await page.evaluate(() => globalThis.client.sample())),
          heap: of("JSHeapUsedSize"), nodes: of("Nodes"), listeners: of("JSEventListeners"), complaints: [...complaints],
        };
      },
      close: () => browser.close(),
    };
  } catch (error) {
    await browser.close();
    throw error;
  }
}
