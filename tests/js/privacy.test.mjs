// Every input slot holds a canary, every public path is walked, and each canary is seen where the tables here allow it,
// and nowhere else: not in a record, a warning, a log line or an error message. SECURITY.md says the same in words.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { aggregate, Aggregator, AggregatorStream, observedFetch, otelFromToml, Telemetry } from "streamgauge";

import { Canaries, consoleOf, told } from "./support/canaries.mjs";
import { chunk, collect, DONE, finish, sse } from "./support/chat.mjs";
import { grpcCollector, httpCollector } from "./support/otel-collector.mjs";
import { freePorts } from "./support/rotel.mjs";
import { destroy, serve } from "./support/server.mjs";

const named = (...events) => events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");

/** One stream per wire, and what is wrong with streams, all full of canaries. */
function streams(c) {
  const content = {
    instructions: c.of("instructions"), input: [c.of("prompt")], tools: [{ name: c.of("tool schema") }], metadata: { k: c.of("metadata") },
    output: [{ type: "message", content: [{ type: "output_text", text: c.of("output") }] }],
  };
  const response = { id: c.of("response id"), model: c.of("response model"), ...content };
  const item = { type: "function_call", name: "f", call_id: "c", arguments: c.of("arguments") };
  return {
    chat: sse(
      chunk({ role: "assistant", reasoning_content: c.of("reasoning") }), chunk({ content: c.of("output") }), chunk({ refusal: c.of("refusal") }),
      chunk({ tool_calls: [{ index: 0, id: "c", function: { name: "f", arguments: `{"a":"${c.of("arguments")}"}` } }] }), finish(), DONE,
    ),
    "chat, frames that are broken": sse(`{"choices":[{"delta":{"content":"${c.of("output")}`, `${c.of("output")}`, chunk({ content: "x" }), finish(), DONE),
    "chat, no UTF-8": Buffer.concat([Buffer.from(`data: "${c.of("output")}`), Buffer.of(0xff, 10, 10), Buffer.from(sse(chunk({ content: "x" }), finish(), DONE))]),
    responses: named(
      { type: "response.created", response }, { type: "response.output_text.delta", item_id: "m", output_index: 0, content_index: 0, delta: c.of("output") },
      { type: "response.output_item.done", output_index: 1, item }, { type: "response.completed", response: { ...response, usage: null } },
    ),
    "responses, failed": named({ type: "response.created", response }, { type: "response.failed", response: { ...response, error: { code: "server_error", message: c.of("error of the provider") } } }),
    anthropic: named(
      { type: "message_start", message: { id: c.of("response id"), model: "m", role: "assistant", content: [] } },
      { type: "content_block_start", index: 0, content_block: { type: "thinking", thinking: "" } },
      { type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: c.of("reasoning") } },
      { type: "content_block_delta", index: 0, delta: { type: "signature_delta", signature: c.of("signature") } },
      { type: "content_block_stop", index: 0 },
      { type: "content_block_start", index: 1, content_block: { type: "text", text: c.of("output") } }, { type: "content_block_stop", index: 1 },
      { type: "message_delta", delta: { stop_reason: "end_turn" } }, { type: "message_stop" },
    ),
    "an error in the stream": sse(chunk({ content: c.of("output") }), { error: { message: c.of("error of the provider"), detail: c.of("rest of the error") } }),
    "no end": sse(chunk({ content: c.of("output") })),
    "too large": sse(chunk({ content: c.of("output").padEnd(5000, "x") })),
  };
}

/** The caller's own mistakes and its network's, each an attempt without an answer. */
function refusals(c, port) {
  const url = `http://127.0.0.1:${port}`;
  const post = { method: "POST", body: c.of("prompt") };
  const key = c.of("key in a header");
  return [
    [`http://${c.of("user of a URL")}:${c.of("password of a URL")}@127.0.0.1:${port}/`, post],
    [`${url}/v1/${c.of("key in a path")}?key=${c.of("key in a query")}`, post],
    [`nonsense?key=${c.of("key in a query")}`, post],
    [`http://[${c.of("key in a path")}/?key=${c.of("key in a query")}`, post],
    [`${url}/`, { ...post, headers: { authorization: `Bearer ${key}\r\nx: y` } }],
    [`${url}/`, { ...post, headers: [["authorization", `Bearer ${key}\nx`]] }],
    [`${url}/`, { ...post, headers: { [`authorization: ${key}`]: "x" } }],
    [`${url}/`, { ...post, headers: { authorization: `${key}€` } }],
    [new URL(`${url}/?key=${c.of("key in a query")}#${c.of("fragment of a URL")}`), { ...post, headers: new Headers({ "x-api-key": key }) }],
    [new Request(`${url}/?key=${c.of("key in a query")}`, { ...post, headers: { "x-api-key": key } }), undefined],
  ];
}

/** A fetch that says too much. */
const talkative = async (input, init) => {
  const headers = [...new Headers(init?.headers ?? input.headers)].map((pair) => pair.join(": "));
  throw new Error(`can not POST ${input.url ?? input} with ${headers} and ${init?.body}`);
};

/** Walks every path that records. Returns the surfaces. */
async function everything(t, c, options, collector) {
  const warnings = [];
  const lines = consoleOf(t);
  const batches = [];
  const exporter = collector?.exporter ?? { sink: (batch) => batches.push(JSON.stringify(batch)) };
  const common = {
    conversationId: c.of("conversationId"), model: c.of("model"), slug: c.of("slug"), appVersion: c.of("appVersion"), terminalType: c.of("terminalType"),
    authMode: c.of("authMode"), accountId: c.of("accountId"), serviceName: c.of("serviceName"), serviceVersion: c.of("serviceVersion"),
    env: { UNRELATED: c.of("a variable"), TOKEN: c.of("token of the exporter") }, maxRetries: 0, onWarning: (warning) => warnings.push(warning),
  };
  const telemetry = new Telemetry({ ...common, ...options, otel: { environment: c.of("environment"), ...options.otel, exporter } });
  const thrown = Object.assign(new Error(c.of("message of a tool's error"), { cause: new Error(c.of("cause of a tool's error")) }), {
    stack: `Error\n at ${c.of("a stack")}`, request: { headers: c.of("property of a tool's error") },
  });

  telemetry.conversationStarts({ provider_name: c.of("provider_name"), mcp_servers: [c.of("mcp_servers")] });
  telemetry.userPrompt(c.of("prompt"));
  telemetry.toolDecision({ tool_name: c.of("tool_name"), call_id: c.of("call_id"), decision: "denied", source: "user" });
  telemetry.toolResult({ tool_name: "t", arguments: c.of("arguments"), duration_ms: 1, success: true, output: c.of("output of a tool") });
  await telemetry.runTool({ tool_name: "t", arguments: c.of("arguments") }, () => ({ value: c.of("output of a tool") }));
  await assert.rejects(telemetry.runTool({ tool_name: "t" }, () => Promise.reject(thrown)));
  telemetry.log("app.event", { [c.of("name of an attribute")]: 1, value: c.of("value of an attribute"), error: thrown });

  const server = await serve(t, (request) => {
    const [name] = decodeURIComponent(request.url.slice(1)).split("?");
    const headers = { "x-request-id": c.of("header of the response"), "set-cookie": c.of("cookie of the response"), "cf-ray": c.of("cf-ray") };
    if (name === "refused") return { status: 401, headers, steps: [JSON.stringify({ error: { message: `wrong key ${request.headers["x-api-key"]}`, input: c.of("rest of the error") } })] };
    return { headers, steps: name === "cut" ? [sse(chunk({ content: c.of("output") })), destroy] : [streams(c)[name]] };
  });
  const init = {
    method: "POST", body: JSON.stringify({ messages: [{ content: c.of("prompt") }], tools: [c.of("tool schema")] }),
    headers: { authorization: `Bearer ${c.of("key in a header")}`, "x-api-key": c.of("key in a header") },
  };
  const part = (name) => [{ type: "text", content: c.of(name) }];
  const request = {
    parameters: { stop: [c.of("stop sequence")], user: c.of("user of the request"), temperature: 1 },
    inputMessages: [{ role: "user", parts: part("prompt") }], systemInstructions: part("instructions"),
  };
  const fetches = [telemetry.fetch.bind(telemetry), observedFetch({ telemetry })];
  for (const name of [...Object.keys(streams(c)), "refused", "cut"]) {
    const url = `${server.url}${encodeURIComponent(name)}?key=${c.of("key in a query")}`;
    await collect(aggregate(await fetches[0](url, init), { telemetry, maxEventBytes: 4096, ...(options.conventions ? { request } : {}) }));
    await (await fetches[1](url, init)).text().catch(() => {});
    if (streams(c)[name] === undefined) continue;
    const push = new Aggregator({ telemetry });
    push.feed(Buffer.from(streams(c)[name]));
    push.finish();
    await collect(new Blob([streams(c)[name]]).stream().pipeThrough(new AggregatorStream({ telemetry })));
  }
  const [closed] = await freePorts(1);
  for (const [input, init] of refusals(c, closed)) {
    for (const fetch of fetches) await assert.rejects(fetch(input instanceof Request ? input.clone() : input, init));
  }
  const said = [`http://u:${c.of("password of a URL")}@h/${c.of("key in a path")}?k=${c.of("key in a query")}`, { ...init, body: c.of("prompt") }];
  await assert.rejects(observedFetch({ telemetry, fetch: talkative })(...said));
  // Its callback's error has the answer in it.
  const final = await observedFetch({ telemetry, onFinal: ({ items }) => JSON.parse(items[0].content[0].text) })(`${server.url}chat`, init);
  await final.text();
  while (!lines.some((line) => line.includes("onFinal"))) await sleep(1);

  await telemetry.shutdown();
  const records = collector === undefined ? batches.join("\n") : collector.bodies().join("\n");
  return { records: c.in(records), stats: c.in(JSON.stringify(telemetry.stats)), warnings: c.in(JSON.stringify(warnings)), console: c.in(lines.join("\n")), collector };
}

/** What is exported whatever is switched: what the caller gives to be exported, and what is no content. */
const ALWAYS = [
  "accountId", "appVersion", "authMode", "call_id", "cf-ray", "conversationId", "environment", "error of the provider", "mcp_servers", "model",
  "name of an attribute", "provider_name", "response id", "response model", "serviceName", "serviceVersion", "slug", "terminalType", "tool_name", "value of an attribute",
];
/** By default too, as the reference does; `log` takes an error for its message. */
const ARGUMENTS = ["arguments"];
const OUTPUT = ["cause of a tool's error", "output of a tool"];
const MESSAGE = ["message of a tool's error"];

describe("what is in the records", () => {
  const cases = [
    { name: "by default", options: {}, expected: [...ARGUMENTS, ...OUTPUT] },
    { name: "log_user_prompt", options: { otel: { log_user_prompt: true } }, expected: [...ARGUMENTS, ...OUTPUT, "prompt"] },
    { name: "logToolArguments: false", options: { logToolArguments: false }, expected: OUTPUT },
    { name: "logToolOutput: false", options: { logToolOutput: false }, expected: ARGUMENTS },
    { name: "{ maxBytes: 6 }: less than a half", options: { logToolArguments: { maxBytes: 6 }, logToolOutput: { maxBytes: 6 } }, expected: [] },
    { name: "neither, typed, a summary of streams", options: { logToolArguments: false, logToolOutput: false, attributeTypes: "typed", sseEvents: "summary" }, expected: [] },
    { name: "neither, no events of streams", options: { logToolArguments: false, logToolOutput: false, sseEvents: "off" }, expected: [], without: ["response id", "response model"] },
  ];
  for (const { name, options, expected } of cases) {
    test(name, async (t) => {
      const { records, stats, warnings, console } = await everything(t, new Canaries(), options);
      assert.deepEqual({ records, stats, warnings, console }, { records: [...ALWAYS, ...MESSAGE, ...expected].sort(), stats: [], warnings: [], console: [] });
    });
  }

  // The conventions for generative AI: content with `captureContent` only; they have no tools' arguments beside it.
  const CAPTURED = ["arguments", "instructions", "output", "prompt", "reasoning", "refusal"];
  const conventions = {
    gen_ai: [...ALWAYS.filter((name) => !["cf-ray", "call_id", "tool_name", "mcp_servers", "provider_name"].includes(name)), ...MESSAGE, "stop sequence"],
    both: [...ALWAYS, ...MESSAGE, ...ARGUMENTS, ...OUTPUT, "stop sequence"],
  };
  for (const [name, always] of Object.entries(conventions)) {
    for (const captureContent of [undefined, false, true, { maxBytes: 6 }]) {
      test(`conventions ${name}, captureContent ${JSON.stringify(captureContent)}`, async (t) => {
        const { records, ...others } = await everything(t, new Canaries(), { conventions: name, captureContent });
        const expected = new Set([...always, ...(captureContent === true ? CAPTURED : [])]);
        assert.deepEqual({ records, ...others }, { records: [...expected].sort(), stats: [], warnings: [], console: [], collector: undefined });
      });
    }
  }

  const collectors = {
    "HTTP JSON": async (t, c) => http(await httpCollector(t), c, "json"),
    "HTTP protobuf": async (t, c) => http(await httpCollector(t), c, "binary"),
    gRPC: async (t, c) => {
      const { url, requests } = await grpcCollector(t);
      return { exporter: { "otlp-grpc": { endpoint: url, headers: { "x-key": "${TOKEN}" } } }, requests, bodies: () => requests.map(({ body }) => body.toString("latin1")) };
    },
  };
  function http({ url, requests }, c, protocol) {
    const endpoint = `${url}?key=${c.of("key of the endpoint")}`;
    return { exporter: { "otlp-http": { endpoint, protocol, headers: { "x-key": "${TOKEN}" } } }, requests, bodies: () => requests.map(({ body }) => body.toString("latin1")) };
  }
  for (const [name, start] of Object.entries(collectors)) {
    test(`the same by ${name}; its key is in its header, and nowhere else`, async (t) => {
      const c = new Canaries();
      const { collector, ...surfaces } = await everything(t, c, {}, await start(t, c));
      const records = [...ALWAYS, ...MESSAGE, ...ARGUMENTS, ...OUTPUT].sort();
      assert.deepEqual(surfaces, { records, stats: [], warnings: [], console: [] });
      for (const { headers } of collector.requests) assert.equal(headers["x-key"], c.of("token of the exporter"));
    });
  }
});

describe("an exporter that fails says nothing of its keys, or of the records", () => {
  /** What a collector may do, and repeat. */
  const echo = ({ headers, path }) => `no such key: ${JSON.stringify(headers)} at ${path}`;
  const cases = [
    ["HTTP 401", (seen) => ({ status: 401, headers: { "content-type": "application/json" }, body: JSON.stringify({ message: echo(seen) }) })],
    ["a partial success", (seen) => ({ headers: { "content-type": "application/json" }, body: JSON.stringify({ partialSuccess: { rejectedLogRecords: "1", errorMessage: echo(seen) } }) })],
    ["a message that is cut in a key", ({ headers }) => ({ status: 400, headers: { "content-type": "application/json" }, body: JSON.stringify({ message: "x".repeat(1024 - 10 - 12) + headers["x-key"] }) })],
    ["a redirect", ({ path }) => ({ status: 307, headers: { location: `http://127.0.0.1:1${path}` } })],
    ["no answer", () => ({ destroy: true })],
  ];
  const exporters = { json: "json", binary: "binary" };
  for (const [name, script] of cases) {
    for (const protocol of Object.keys(exporters)) {
      test(`${protocol}: ${name}`, async (t) => {
        const c = new Canaries();
        const steps = [];
        const collector = await httpCollector(t, steps);
        collector.server.prependListener("request", (message) => steps.push(script({ headers: message.headers, path: message.url })));
        steps.push(script({ headers: { "x-key": "" }, path: "/" }));
        steps.pop();
        const endpoint = `${collector.url}/${c.of("key in the path")}?key=${c.of("key in the query")}&v=\${TOKEN}`;
        const surfaces = await fails(t, c, { "otlp-http": { endpoint, protocol, headers: { "x-key": c.of("key in a header"), authorization: "Bearer ${TOKEN}" } } });
        assert.deepEqual(surfaces, []);
      });
    }
  }

  test("gRPC", async (t) => {
    const c = new Canaries();
    const keys = { "x-key": c.of("key in a header"), authorization: "Bearer ${TOKEN}" };
    const message = encodeURIComponent(`no such key: ${c.of("key in a header")}, ${c.of("token")}`);
    const { url } = await grpcCollector(t, [{ code: 16, message }]);
    assert.deepEqual(await fails(t, c, { "otlp-grpc": { endpoint: url, headers: keys } }), []);
  });

  test("nobody listens", async (t) => {
    const [port] = await freePorts(1);
    const c = new Canaries();
    const headers = { "x-key": c.of("key in a header") };
    const endpoint = `http://127.0.0.1:${port}/${c.of("key in the path")}?key=\${TOKEN}`;
    assert.deepEqual(await fails(t, c, { "otlp-http": { endpoint, protocol: "json", headers } }), []);
    assert.deepEqual(await fails(t, c, { "otlp-grpc": { endpoint: `http://127.0.0.1:${port}`, headers } }), []);
  });

  /** Exports a record; returns whose canaries were told. */
  async function fails(t, c, exporter) {
    const lines = consoleOf(t);
    const batch = { scheduled_delay_ms: 0, retry_initial_ms: 1, retry_cap_ms: 1 };
    const telemetry = new Telemetry({ conversationId: "c", model: "m", appVersion: "1", env: { TOKEN: c.of("token") }, otel: { exporter, batch, log_user_prompt: true } });
    telemetry.userPrompt(c.of("prompt"));
    // Long enough for the warning after three failures.
    for (let tries = 0; tries < 100 && lines.length === 0; tries++) await sleep(20);
    await telemetry.shutdown({ timeoutMs: 100 });
    assert.ok(telemetry.stats.requests > 0);
    assert.ok(lines.length > 0 && telemetry.stats.last_error !== undefined, "there was something to tell");
    return c.in([...lines, JSON.stringify(telemetry.stats)].join("\n"));
  }
});

describe("settings that are refused are named, not shown", () => {
  const secret = (c) => c.of("secret");
  const http = (parts) => ({ exporter: { "otlp-http": { endpoint: "https://h/v1/logs", protocol: "json", ...parts } } });
  const grpc = (parts) => ({ exporter: { "otlp-grpc": { endpoint: "https://h", ...parts } } });
  const E = "OTEL_EXPORTER_OTLP_";
  const cases = [
    ["a line end in a header", (s) => http({ headers: { "x-key": `a\r\n${s}` } }), /headers\.x-key: its value has a character/],
    ["NUL", (s) => http({ headers: { "x-key": `${s}\0` } }), /headers\.x-key/],
    ["what is not Latin-1", (s) => http({ headers: { "x-key": `${s}\u0100` } }), /headers\.x-key/],
    ["a line end from a variable", () => http({ headers: { "x-key": "${LINES}" } }), /headers\.x-key/],
    ["gRPC: a line end", (s) => grpc({ headers: { "x-key": `a\n${s}` } }), /headers\.x-key/],
    ["gRPC: what is not ASCII", (s) => grpc({ headers: { "x-key": `${s}\xe4` } }), /headers\.x-key/],
    ["gRPC: no base64 in -bin", (s) => grpc({ headers: { "x-key-bin": `${s} ${s}` } }), /headers\.x-key-bin/],
    ["a name with a line end", (s) => http({ headers: { [`x\r\n${s}`]: "v" } }), /otlp-http\.headers: a name/],
    ["a name with the value in it", (s) => http({ headers: { [`x-key: ${s}`]: "" } }), /otlp-http\.headers: a name/],
    ["gRPC: a pseudo header", (s) => grpc({ headers: { ":path": s } }), /otlp-grpc\.headers: a name/],
    ["a header that is no text", (s) => http({ headers: { "x-key": [s] } }), /headers\.x-key: must be a string, not an array/],
    ["a user and password", (s) => http({ endpoint: `https://u:${s}@h/` }), /endpoint: it must not hold a user/],
    ["another scheme", (s) => http({ endpoint: `ftp://u:${s}@h/${s}?${s}` }), /endpoint: "ftp:\/\/h\/\.\." must be an http/],
    ["no URL", (s) => http({ endpoint: `h/v1/${s}/logs?key=${s}` }), /endpoint: "h\/v1\/\.\.\/logs" is no URL/],
    ["a line end in a URL", (s) => http({ endpoint: `https://h/\r\nx-key:${s}` }), /endpoint: it has a control character/],
    ["a tab in a URL", (s) => grpc({ endpoint: `https://h\t${s}` }), /endpoint: it has a control character/],
    ["NUL from a variable in a URL", () => http({ endpoint: "https://h/${NUL}" }), /endpoint: it has a control character/],
    ["a URL for an exporter", (s) => ({ exporter: `https://u:${s}@h/${s}?${s}` }), /otel\.exporter: "https:\/\/h\/\.\." is no exporter/],
    ["a key that is not PEM", (s) => grpc({ tls: { "client-certificate": "-----BEGIN CERTIFICATE-----", "client-private-key": s } }), /client-private-key: can not read the file: ENOENT/],
    ["TOML that is broken", (s) => `[otel.exporter.otlp-http]\nheaders = { x-key = "${s} }\n`, /not TOML at line 2/],
    ["TOML: a variable that is missing", (s) => `[otel.exporter.otlp-http]\nprotocol = "json"\nendpoint = "http://h/?k=${s}&\${NOWHERE}"\n`, /no variable NOWHERE/],
    ["a traceparent", (s) => ({ traceparent: `cc-${"1".repeat(32)}-${"1".repeat(16)}-01-${s}\r\nx: ${s}` }), /traceparent must be/],
    ["OTEL_: headers in another form", (s) => ({ env: { [`${E}HEADERS`]: `authorization:Bearer ${s}==` } }), /HEADERS: a name/],
    ["OTEL_: a line end", (s) => ({ env: { [`${E}HEADERS`]: `x-key=${s}%0d%0ax:y` } }), /HEADERS\.x-key/],
    ["OTEL_: no URL", (s) => ({ env: { [`${E}ENDPOINT`]: `h/${s}?k=${s}` } }), /ENDPOINT: "h\/\.\." is no URL/],
    ["OTEL_: a key that is not PEM", (s) => ({ env: { [`${E}PROTOCOL`]: "grpc", [`${E}ENDPOINT`]: "https://h", [`${E}CLIENT_CERTIFICATE`]: "-----BEGIN CERTIFICATE-----", [`${E}CLIENT_KEY`]: s } }), /CLIENT_KEY: can not read the file: ENOENT/],
  ];
  for (const [name, make, message] of cases) {
    test(name, async (t) => {
      const c = new Canaries();
      const lines = consoleOf(t);
      const env = { LINES: `a\r\n${secret(c)}`, NUL: `\0${secret(c)}` };
      const made = make(secret(c));
      const options = typeof made === "object" && ("env" in made || "traceparent" in made) ? { env, ...made } : { env, otel: made };
      const errors = [];
      try {
        new Telemetry({ conversationId: "c", model: "m", appVersion: "1", ...options });
      } catch (error) {
        errors.push(error);
      }
      if (typeof made === "string" && /broken/.test(name)) await otelFromToml(made).catch((error) => errors.push(error));
      assert.ok(errors.length > 0, "it is refused when the telemetry is made");
      for (const error of errors) {
        assert.equal(error.code, "bad_option");
        assert.match(error.message, message);
        assert.deepEqual(c.in(told(error) + lines.join("\n")), []);
      }
    });
  }

  test("what fetch itself passes over is passed over: white space around a value", async (t) => {
    const { url, requests } = await httpCollector(t);
    const headers = { "x-key": "${KEY}" };
    const telemetry = new Telemetry({ conversationId: "c", model: "m", appVersion: "1", env: { KEY: " key\r\n" }, otel: { exporter: { "otlp-http": { endpoint: url, protocol: "json", headers } } } });
    telemetry.userPrompt("p");
    await telemetry.shutdown();
    assert.equal(requests[0].headers["x-key"], "key");
  });
});

describe("errors of streams have the provider's words about the error, and nothing of the conversation", () => {
  const words = ["error of the provider"];
  const read = (name, options) => async (t, c) => (await collect(aggregate(Buffer.from(streams(c)[name]), options))).error;
  const answered = (script) => async (t, c) => {
    const server = await serve(t, script(c));
    return (await collect(aggregate(await fetch(`${server.url}?key=${c.of("key in a query")}`, { headers: { "x-api-key": c.of("key in a header") } })))).error;
  };
  const output = (c) => sse(chunk({ content: c.of("output") }), chunk({ reasoning_content: c.of("reasoning") }));
  const cases = [
    ["provider_error", read("an error in the stream"), words],
    ["provider_error", read("responses, failed"), words],
    ["stream_incomplete", read("no end"), []],
    ["event_too_large", read("too large", { maxEventBytes: 4096 }), []],
    ["invalid_utf8", read("chat, no UTF-8", { invalidUtf8: "error" }), []],
    ["transport", answered((c) => ({ steps: [output(c), destroy] })), []],
    ["idle_timeout", async (t, c) => {
      async function* source() {
        yield Buffer.from(output(c));
        await new Promise((resolve) => setTimeout(resolve, 1000).unref());
      }
      return (await collect(aggregate(source(), { idleTimeoutMs: 20 }))).error;
    }, []],
    ["aborted", async (t, c) => {
      const controller = new AbortController();
      const stream = aggregate(new Blob([output(c)]).stream(), { signal: controller.signal });
      controller.abort();
      return (await collect(stream)).error;
    }, []],
    ["http_status", answered((c) => ({ status: 422, headers: { "x-request-id": c.of("header of the response") }, steps: [JSON.stringify({ error: { message: c.of("error of the provider") }, input: c.of("prompt") })] })), words],
    ["http_status", answered((c) => ({ status: 422, steps: [JSON.stringify({ detail: [{ loc: ["body"], msg: c.of("error of the provider"), input: c.of("prompt") }] })] })), words],
    // What the source throws is `cause`: that is its own words.
    ["transport", async (t, c) => {
      async function* source() {
        yield Buffer.from(output(c));
        throw new Error(c.of("error of the source"));
      }
      return (await collect(aggregate(source()))).error;
    }, ["error of the source"]],
  ];
  for (const [code, make, expected] of cases) {
    test(code, async (t) => {
      const c = new Canaries();
      const lines = consoleOf(t);
      const error = await make(t, c);
      assert.equal(error?.code, code, error?.message);
      assert.deepEqual(c.in(told(error)), expected);
      assert.deepEqual(lines, []);
      // It is there for who asks for it.
      assert.ok(Array.isArray(error.partial));
      if (error.partial.length > 0) assert.ok(c.in(JSON.stringify(error.partial)).includes("output"));
      if (error.provider !== undefined) assert.ok(error.provider.raw.length > 0);
    });
  }
});

describe("the command", () => {
  let folder;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "streamgauge-privacy-"));
  });
  after(() => rm(folder, { recursive: true }));

  const cli = fileURLToPath(new URL("../../pkg/dist/cli.js", import.meta.url));
  const run = async (args, c) => {
    const env = { ...process.env, TOKEN: c.of("token"), OPENAI_API_KEY: c.of("a variable") };
    return new Promise((resolve) => execFile(process.execPath, [cli, ...args], { env }, (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr })));
  };
  const file = async (name, content) => {
    await writeFile(join(folder, name), content);
    return join(folder, name);
  };

  test("--telemetry: its records have nothing of the stream", async () => {
    const c = new Canaries();
    for (const [name, content] of Object.entries(streams(c))) {
      const { stdout, stderr } = await run([await file("s.sse", content), "--telemetry", "-"], c);
      const records = stdout.split("\n").filter((line) => line.startsWith('{"resourceLogs"'));
      assert.ok(records.length > 0, name);
      const allowed = c.in(stderr).length > 0 ? ["error of the provider"] : [];
      assert.deepEqual(c.in(stderr), allowed, name);
      const known = c.in(records.join("\n")).filter((each) => !["response id", "response model", "error of the provider"].includes(each));
      assert.deepEqual(known, [], name);
    }
  });

  const keys = (c) => `headers = { x-key = "\${TOKEN}", authorization = "Bearer ${c.of("key in a header")}" }`;
  const tomls = [
    ["a collector that refuses and repeats the key", async (t, c) => {
      const { url } = await httpCollector(t, [{ status: 401, headers: { "content-type": "application/json" }, body: JSON.stringify({ message: `not ${c.of("key in a header")}, ${c.of("token")}` }) }]);
      return `[otel.exporter.otlp-http]\nendpoint = "${url}?k=${c.of("key in a query")}"\nprotocol = "json"\n${keys(c)}\n`;
    }, 0],
    ["nobody there", async (t, c) => `[otel.exporter.otlp-http]\nendpoint = "http://127.0.0.1:${(await freePorts(1))[0]}/${c.of("key in a path")}"\nprotocol = "json"\n${keys(c)}\n[otel.batch]\nshutdown_timeout_ms = 500\n`, 0],
    ["no TOML", async (t, c) => `[otel.exporter.otlp-http]\n${keys(c)}\nendpoint = "${c.of("key in a path")}\n`, 2],
    ["a bad header", async (t, c) => `[otel.exporter.otlp-http]\nendpoint = "http://h/"\nprotocol = "json"\nheaders = { x-key = "a\\r\\n${c.of("key in a header")}" }\n`, 2],
  ];
  for (const [name, make, code] of tomls) {
    test(`--otel: ${name}`, async (t) => {
      const c = new Canaries();
      const otel = await file("otel.toml", await make(t, c));
      const result = await run([await file("s.sse", streams(c).chat), "--otel", otel], c);
      assert.equal(result.code, code, result.stderr);
      assert.notEqual(result.stderr, "");
      assert.deepEqual(c.in(result.stderr), []);
    });
  }
});
