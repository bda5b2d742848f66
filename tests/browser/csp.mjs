// Uses the package in a page whose policy allows its own scripts and connections, and nothing else (../js/csp.test.mjs).

const violations = [];
document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => violations.push(`${violatedDirective} ${blockedURI}`));

const text = async ({ aggregate }, options) => (await aggregate(await fetch("/stream"), options).final()).items[0].content[0].text;
const told = (promise) => promise.catch(({ name, code, message }) => ({ name, code, message }));

const ways = {
  inlined: async () => text(await import("/dist/index.js")),
  aggregate: async () => text(await import("/dist/aggregate/index.js")),
  async slim() {
    const slim = await import("/dist/slim.js");
    await slim.init(new URL("/dist/core_bg.wasm", location.href));
    return text(slim);
  },
  worker: () => new Promise((resolve, reject) => {
    const worker = new Worker("/browser/csp-worker.mjs", { type: "module" });
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
  }),
  async telemetry() {
    const streamgauge = await import("/dist/index.js");
    const exporter = { "otlp-http": { endpoint: "/v1/logs", protocol: "binary" } };
    const telemetry = new streamgauge.Telemetry({ conversationId: "c", model: "m", appVersion: "1", otel: { exporter } });
    await text(streamgauge, { telemetry });
    return telemetry.shutdown();
  },
};

globalThis.run = async (names) => {
  const results = {};
  for (const name of names) results[name] = await told(ways[name]());
  return { results, violations };
};
